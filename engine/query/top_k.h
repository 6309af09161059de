// SPDX-License-Identifier: Apache-2.0
// The best k of many scores, without a store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "embstore/query.h"

namespace embstore {

/// Keeps the k best hits in a heap. Not thread-safe; one thread at a time.
class TopK {
 public:
  explicit TopK(std::size_t k, std::optional<float> min_score = {})
      : k_(k), min_score_(min_score.value_or(-std::numeric_limits<float>::infinity())) {}

  /// Scores that are not finite are no answers.
  void Offer(const Hit& hit);

  /// No hit with a lower score can get in any more.
  float Threshold() const {
    return heap_.size() < k_ ? min_score_ : std::max(min_score_, heap_.front().score);
  }

  /// Best first. The heap is empty afterwards.
  std::vector<Hit> Take();

 private:
  const std::size_t k_;
  const float min_score_;
  std::vector<Hit> heap_;  // The worst one in front.
};

}  // namespace embstore
