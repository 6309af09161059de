// SPDX-License-Identifier: Apache-2.0
// Nothing else may be in this file: it stays out of a program that has lazy_curl.cc.
#include "engine/http/curl.h"

namespace embstore {

Status LoadCurl() { return {}; }

const CurlFunctions& Curl() {
  static constexpr CurlFunctions kFunctions{
#define EMBSTORE_ADDRESS(name) .name = &curl_##name,
      EMBSTORE_CURL_FUNCTIONS(EMBSTORE_ADDRESS)
#undef EMBSTORE_ADDRESS
  };
  return kFunctions;
}

}  // namespace embstore
