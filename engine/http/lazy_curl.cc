// SPDX-License-Identifier: Apache-2.0
// In the place of linked_curl.cc, for a program that seldom asks a server: libcurl and the
// libraries that it brings take longer to load than such a program may take to run.
#include <dlfcn.h>

#include <string>

#include "engine/http/curl.h"

namespace embstore {
namespace {

CurlFunctions functions{};

Status Load() {
  // Never closed: what it brings has handlers for the exit, and data of threads.
  void* const library = dlopen(EMBSTORE_LIBCURL, RTLD_NOW | RTLD_LOCAL);
  bool complete = library != nullptr;
#define EMBSTORE_FIND(name)                                                                   \
  if (complete) {                                                                             \
    functions.name = reinterpret_cast<decltype(&curl_##name)>(dlsym(library, "curl_" #name)); \
    complete = functions.name != nullptr;                                                     \
  }
  EMBSTORE_CURL_FUNCTIONS(EMBSTORE_FIND)
#undef EMBSTORE_FIND
  if (complete) return {};
  return {Code::kInternal,
          "libcurl cannot be loaded: " + std::string(dlerror()) +
              "; nothing was sent. Install it, if it is missing (Debian: libcurl4), "
              "and run the same command again"};
}

}  // namespace

Status LoadCurl() {
  static const Status status = Load();
  return status;
}

const CurlFunctions& Curl() { return functions; }

}  // namespace embstore
