// SPDX-License-Identifier: Apache-2.0
// A vector's sketch: the signs of its coordinates after a fixed random rotation, one bit each. The
// angle between two vectors shows in how many bits their sketches differ, so that candidates for a
// search are found without reading the vectors (the idea of RaBitQ, arXiv:2405.12497, without its
// factors). docs/format.md defines the bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace embstore {

/// Turns vectors of one size into sketches. Immutable; safe for concurrent use.
class Sketcher {
 public:
  explicit Sketcher(std::uint32_t dimensions);

  std::uint32_t dimensions() const { return dimensions_; }
  /// Bits of a sketch: `dimensions` rounded up to a multiple of 64, and at least 256.
  std::size_t bits() const { return bits_; }
  std::size_t bytes() const { return bits_ / 8; }

  /// The rotated vector, float32 (bits()): dot products stay what they were.
  /// REQUIRES: vector.size() == dimensions(), rotated.size() == bits().
  void Rotate(std::span<const float> vector, std::span<float> rotated) const;

  /// Bit i, in byte i / 8 from the lowest, says whether rotated coordinate i is positive.
  /// REQUIRES: vector.size() == dimensions(), sketch.size() == bytes().
  void Sketch(std::span<const float> vector, std::span<std::uint8_t> sketch) const;

 private:
  const std::uint32_t dimensions_;
  const std::size_t bits_;
  std::vector<float> flips_;  // +1 or -1, kRounds of bits_ each.
};

}  // namespace embstore
