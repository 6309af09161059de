// SPDX-License-Identifier: Apache-2.0
#include "engine/pairing/pair_table.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace embstore {
namespace {

constexpr std::size_t kLanes = 8;  // Independent sums, so that the compiler may use SIMD.

double SumOf(const std::array<float, kLanes>& lanes) {
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

// `others` are the sums of the other rows of the pairs; answers the sum of `values`.
double AddUp(const float* values, float* others, std::size_t count) {
  std::array<float, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      lanes[k] += values[i + k];
      others[i + k] += values[i + k];
    }
  }
  for (; i < count; ++i) {
    lanes[0] += values[i];
    others[i] += values[i];
  }
  return SumOf(lanes);
}

}  // namespace

double PairTable::DotProduct(const float* a, const float* b, std::size_t count) {
  std::array<float, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] += a[i + k] * b[i + k];
  }
  for (; i < count; ++i) lanes[0] += a[i] * b[i];
  return SumOf(lanes);
}

void PairTable::Reset(std::size_t rows) {
  rows_ = rows;
  std::fill_n(values_.data(), pairs(), 0.0F);
}

void PairTable::Standardize(double limit) {
  std::array<float, kMaxRows> sums{};
  for (std::size_t i = 0; i + 1 < rows_; ++i) {
    const double sum = AddUp(Row(i) + i + 1, sums.data() + i + 1, rows_ - i - 1);
    sums[i] += static_cast<float>(sum);
  }
  double total = 0;
  for (std::size_t i = 0; i < rows_; ++i) total += static_cast<double>(sums[i]);
  const auto n = static_cast<double>(rows_);
  const double mean = total / (n * (n - 1));
  for (std::size_t i = 0; i < rows_; ++i) {
    sums[i] = static_cast<float>((static_cast<double>(sums[i]) - (n - 1) * mean) / (n - 2));
  }
  double squares = 0;
  for (std::size_t i = 0; i + 1 < rows_; ++i) {
    const float own = sums[i] + static_cast<float>(mean);
    float* const row = Row(i);
    for (std::size_t j = i + 1; j < rows_; ++j) row[j] -= own + sums[j];
    squares += DotProduct(row + i + 1, row + i + 1, rows_ - i - 1);
  }
  const double mean_square = squares / static_cast<double>(pairs());
  const auto bound = static_cast<float>(limit * std::sqrt(mean_square));
  float* const values = values_.data();
  const std::size_t count = pairs();
  for (std::size_t i = 0; i < count; ++i) {
    const float value = values[i] < bound ? values[i] : bound;
    values[i] = value > -bound ? value : -bound;
  }
}

void PairTable::Add(const PairTable& other) {
  float* const values = values_.data();
  const float* const more = other.values_.data();
  const std::size_t count = pairs();
  for (std::size_t i = 0; i < count; ++i) values[i] += more[i];
}

double PairTable::Product(const PairTable& a, const PairTable& b) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < a.rows_; ++i) {
    sum += DotProduct(a.Row(i) + i + 1, b.Row(i) + i + 1, a.rows_ - i - 1);
  }
  return sum;
}

void PairTable::CopyTo(float* out, std::size_t stride) const {
  for (std::size_t i = 0; i < rows_; ++i) {
    out[i * stride + i] = 0;
    for (std::size_t j = i + 1; j < rows_; ++j) {
      out[i * stride + j] = Row(i)[j];
      out[j * stride + i] = Row(i)[j];
    }
  }
}

}  // namespace embstore
