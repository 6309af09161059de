// SPDX-License-Identifier: Apache-2.0
#include "engine/query/top_k.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace embstore {

bool IsBetter(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.position < b.position;
}

void TopK::Offer(const Hit& hit) {
  if (k_ == 0 || !std::isfinite(hit.score) || hit.score < min_score_) return;
  if (heap_.size() == k_ && !IsBetter(hit, heap_.front())) return;
  heap_.push_back(hit);
  std::push_heap(heap_.begin(), heap_.end(), IsBetter);
  if (heap_.size() <= k_) return;
  std::pop_heap(heap_.begin(), heap_.end(), IsBetter);
  heap_.pop_back();
}

std::vector<Hit> TopK::Take() {
  std::sort(heap_.begin(), heap_.end(), IsBetter);
  return std::exchange(heap_, {});
}

}  // namespace embstore
