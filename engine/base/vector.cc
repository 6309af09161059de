// SPDX-License-Identifier: Apache-2.0
#include "embstore/vector.h"

#include <array>
#include <cmath>
#include <cstddef>

namespace embstore {

double L2Norm(std::span<const float> vector) {
  // Eight sums side by side: a fixed order that compilers can still turn into vector code.
  std::array<double, 8> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= vector.size(); i += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) {
      const double value = vector[i + lane];
      sums[lane] += value * value;
    }
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (; i < vector.size(); ++i) total += static_cast<double>(vector[i]) * vector[i];
  return std::sqrt(total);
}

void NormalizeL2(std::span<float> vector) {
  const double norm = L2Norm(vector);
  if (!(norm > 0) || !std::isfinite(norm)) return;
  for (float& value : vector) value = static_cast<float>(value / norm);
}

}  // namespace embstore
