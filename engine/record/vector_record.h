// SPDX-License-Identifier: Apache-2.0
// A vector as it lies in the store: a 32-byte header and raw little-endian float32, so that a scan
// needs no parsing.
//
//   offset  size  field
//        0     8  XXH3-64 of the key, then of all bytes after this field; little-endian
//        8     4  format, 1; little-endian
//       12     4  dimensions D; little-endian
//       16    16  fingerprint of the text
//       32   4*D  float32, little-endian, as the provider returned them
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "embstore/identity.h"
#include "embstore/status.h"

namespace embstore {

inline constexpr std::size_t kVectorHeaderBytes = 32;

/// Appends the value for `key` to `*out`.
void EncodeVector(std::string_view key, const Fingerprint& fingerprint,
                  std::span<const float> vector, std::string* out);

/// A checked view of a stored value. Valid as long as the value's bytes.
struct VectorView {
  Fingerprint fingerprint;
  std::string_view little_endian;  ///< 4 * D bytes, not aligned.

  std::size_t dimensions() const { return little_endian.size() / sizeof(float); }
  /// REQUIRES: out.size() == dimensions().
  void CopyTo(std::span<float> out) const;
};

/// kCorruption: the checksum or the size is wrong. kIncompatible: an unknown format.
Result<VectorView> DecodeVector(std::string_view key, std::string_view value);

}  // namespace embstore
