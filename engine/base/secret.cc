// SPDX-License-Identifier: Apache-2.0
// Wipes secrets. Lives in the lowest module that handles one.
#include <cstring>

#include "embstore/provider.h"

namespace embstore {

Secret::~Secret() {
  // A short or moved-from string keeps bytes beyond its size, so the whole buffer goes.
  value_.resize(value_.capacity());
  explicit_bzero(value_.data(), value_.size());
}

}  // namespace embstore
