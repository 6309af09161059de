// SPDX-License-Identifier: Apache-2.0
// RocksDB's numbers of variable length.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace embstore {

/// Takes a number off the front of `*bytes`; nothing: there is none.
inline std::optional<std::uint32_t> TakeVarint(std::string_view* bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 5 && i < bytes->size(); ++i) {
    const auto byte = static_cast<std::uint8_t>((*bytes)[i]);
    value |= static_cast<std::uint32_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes->remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

/// The same for a length and so many bytes.
inline std::optional<std::string_view> TakeCounted(std::string_view* bytes) {
  std::string_view rest = *bytes;
  const auto length = TakeVarint(&rest);
  if (!length || *length > rest.size()) return std::nullopt;
  const std::string_view taken = rest.substr(0, *length);
  rest.remove_prefix(*length);
  *bytes = rest;
  return taken;
}

}  // namespace embstore
