// SPDX-License-Identifier: Apache-2.0
// Numbers as the bytes they are in memory.
#pragma once

#include <span>
#include <string_view>

namespace embstore {

template <typename Number>
std::string_view AsBytes(std::span<const Number> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace embstore
