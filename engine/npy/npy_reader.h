// SPDX-License-Identifier: Apache-2.0
// Reads what NumPy writes: the header of an array of floating-point numbers, and the numbers.
// Strict, because such files come from anywhere. Knows nothing of files or stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "embstore/status.h"

namespace embstore {

enum class NpyFloat : std::uint8_t { kFloat16, kFloat32, kFloat64 };

/// What a header says.
struct NpyArray {
  NpyFloat type = NpyFloat::kFloat32;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
  bool operator==(const NpyArray&) const = default;

  /// Of one number.
  std::size_t item_bytes() const;
};

/// Enough to know how long the header is.
inline constexpr std::size_t kNpyPrefixBytes = 12;

/// Bytes before the data, by the first kNpyPrefixBytes of a file, whose last two belong to
/// something else in format version 1.0. kInvalidArgument: no such file, an unknown version, or a
/// header of more than 64 KiB.
Result<std::size_t> NpyHeaderBytes(std::string_view prefix);

/// REQUIRES: `header` has NpyHeaderBytes bytes. kInvalidArgument: malformed, other numbers than
/// float16, float32 and float64, or more data than 2^63 bytes.
Result<NpyArray> ReadNpyHeader(std::string_view header);

/// The numbers as float32, rounded to nearest; those beyond float32 become infinite.
/// REQUIRES: bytes.size() == out.size() * array.item_bytes().
void ReadNpyFloats(const NpyArray& array, std::string_view bytes, std::span<float> out);

}  // namespace embstore
