// SPDX-License-Identifier: Apache-2.0
// One number for every pair of n rows.
#pragma once

#include <cstddef>
#include <vector>

namespace embstore {

/// The values of all pairs i < j, row after row. Not thread-safe; one thread at a time.
class PairTable {
 public:
  static constexpr std::size_t kMaxRows = 128;

  PairTable() : values_(kMaxRows * (kMaxRows - 1) / 2) {}

  /// All values become 0. REQUIRES: 2 <= rows <= kMaxRows.
  void Reset(std::size_t rows);

  std::size_t rows() const { return rows_; }
  std::size_t pairs() const { return rows_ * (rows_ - 1) / 2; }
  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }

  /// Row(i)[j] is the value of the pair (i, j). REQUIRES: i < j < rows().
  float* Row(std::size_t i) { return values_.data() + Offset(i); }
  const float* Row(std::size_t i) const { return values_.data() + Offset(i); }

  /// Takes out the mean and what each row adds on its own, so that a row that is alike to all
  /// others tells nothing; then bounds each value to `limit` standard deviations.
  /// REQUIRES: rows() >= 3.
  void Standardize(double limit);

  /// Adds the values of `other`. REQUIRES: equal rows().
  void Add(const PairTable& other);

  /// Sum over all pairs of the product. REQUIRES: equal rows().
  static double Product(const PairTable& a, const PairTable& b);

  /// Row i of the whole table goes to out + i * stride, in columns 0 .. rows() - 1; a row has 0
  /// with itself.
  void CopyTo(float* out, std::size_t stride) const;

  static double DotProduct(const float* a, const float* b, std::size_t count);

 private:
  std::ptrdiff_t Offset(std::size_t i) const {
    const auto row = static_cast<std::ptrdiff_t>(i);
    return row * (2 * static_cast<std::ptrdiff_t>(rows_) - row - 3) / 2 - 1;
  }

  std::size_t rows_ = 0;
  std::vector<float> values_;
};

}  // namespace embstore
