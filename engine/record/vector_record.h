// SPDX-License-Identifier: Apache-2.0
// A vector as it lies in the store: a 32-byte header, then its numbers, packed if that is smaller.
//
//   offset  size  field
//        0     8  XXH3-64 of the key, then of all bytes after this field; little-endian
//        8     4  format: 1, raw, or 2, packed; little-endian
//       12     4  dimensions D; little-endian
//       16    16  fingerprint of the text
//       32        format 1: 4*D bytes, float32, little-endian, as the provider returned them
//                 format 2: the same numbers as packed_floats.h has them
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "embstore/identity.h"
#include "embstore/status.h"

namespace embstore {

inline constexpr std::size_t kVectorHeaderBytes = 32;

/// Appends the value for `key` to `*out`. Equal vectors give equal bytes.
void EncodeVector(std::string_view key, const Fingerprint& fingerprint,
                  std::span<const float> vector, std::string* out);

/// A checked view of a stored value. Valid as long as the value's bytes.
struct VectorView {
  Fingerprint fingerprint;
  std::uint32_t count = 0;   ///< Of numbers.
  bool packed = false;       ///< Whether they lie as packed_floats.h says.
  std::string_view numbers;  ///< Not aligned.

  std::size_t dimensions() const { return count; }
  /// REQUIRES: out.size() == dimensions().
  void CopyTo(std::span<float> out) const;
};

/// kCorruption: the checksum or the size is wrong. kIncompatible: an unknown format.
Result<VectorView> DecodeVector(std::string_view key, std::string_view value);

/// Whether `value`, of which nothing is known, has a known format and the size that goes with it.
bool HasVectorSize(std::string_view value);

}  // namespace embstore
