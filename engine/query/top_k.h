// SPDX-License-Identifier: Apache-2.0
// The best k of many scores, without a store.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "embstore/query.h"

namespace embstore {

/// Keeps the k best hits in a heap. Not thread-safe; one thread at a time.
class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) { heap_.reserve(k + 1); }

  /// Scores that are not finite are no answers.
  void Offer(const Hit& hit);

  /// Best first. The heap is empty afterwards.
  std::vector<Hit> Take();

 private:
  const std::size_t k_;
  std::vector<Hit> heap_;  // The worst one in front.
};

/// Cosines of `query` with each row of `rows`, float32 (n, D), row major, into `scores` (n).
/// A zero row gets NaN.
void Cosines(std::span<const float> rows, std::span<const float> query, std::span<float> scores);

}  // namespace embstore
