// SPDX-License-Identifier: Apache-2.0
// How alike vectors are, from a sketch of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/pairing/pair_table.h"

namespace embstore {

/// Cosines of a block's vectors around their common mean. Vectors of more than 128 dimensions are
/// first folded into 128 sums of values with fixed signs, which keeps cosines up to a noise of
/// about 0.09 a pair. Not thread-safe; one thread at a time.
class VectorLikeness {
 public:
  static constexpr std::size_t kWidth = 128;

  VectorLikeness();

  /// Fills `cosines`. Answers which share of the cosines' variance is not noise: about 0 when the
  /// dimensions are independent of one another, up to 1. 0 also when half of the vectors do not
  /// differ from the mean, or numbers are too large.
  /// REQUIRES: vectors.size() == rows * dimensions, 3 <= rows <= PairTable::kMaxRows.
  double Measure(std::span<const float> vectors, std::size_t rows, std::size_t dimensions,
                 PairTable* cosines);

 private:
  void Fold(std::span<const float> vectors, std::size_t rows, std::size_t dimensions);
  std::size_t Scale(std::size_t rows);
  double Multiply(std::size_t rows, PairTable* cosines) const;

  std::vector<std::array<float, kWidth>> folded_;
  std::vector<std::array<std::int16_t, kWidth>> scaled_;
};

}  // namespace embstore
