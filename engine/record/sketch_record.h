// SPDX-License-Identifier: Apache-2.0
// A sketch as it lies in the store: u32le checksum, the low half of RecordChecksum over the key and
// the bits, then the bits. It says nothing that its vector does not say.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// Appends the value for `key` to `*out`.
void EncodeSketch(std::string_view key, std::span<const std::uint8_t> bits, std::string* out);

/// The bits, as long as the value lives. kCorruption: the checksum or the size is wrong.
Result<std::span<const std::uint8_t>> DecodeSketch(std::string_view key, std::string_view value,
                                                   std::size_t bytes);

}  // namespace embstore
