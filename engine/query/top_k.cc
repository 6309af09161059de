// SPDX-License-Identifier: Apache-2.0
#include "engine/query/top_k.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace embstore {

bool IsBetter(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.position < b.position;
}

void TopK::Offer(const Hit& hit) {
  if (k_ == 0 || !std::isfinite(hit.score)) return;
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

void Cosines(std::span<const float> rows, std::span<const float> query, std::span<float> scores) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(scores.size());
  const auto d = static_cast<Eigen::Index>(query.size());
  const Eigen::Map<const Matrix> matrix(rows.data(), n, d);
  const Eigen::Map<const Eigen::VectorXf> vector(query.data(), d);
  Eigen::Map<Eigen::VectorXf> out(scores.data(), n);
  out.noalias() = matrix * vector;
  const float query_norm = vector.norm();
  for (Eigen::Index i = 0; i < n; ++i) {
    const float norm = matrix.row(i).norm() * query_norm;
    out[i] = norm > 0 ? out[i] / norm : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace embstore
