// SPDX-License-Identifier: Apache-2.0
//
// The sketch has two halves, from different dimensions. Noise in one is independent of noise in
// the other, so the mean product of a pair's two cosines is the variance that is not noise.
#include "engine/pairing/vector_likeness.h"

#include <algorithm>
#include <cmath>

namespace embstore {
namespace {

constexpr std::size_t kStep = 16;  // Sums that fit into registers.
constexpr std::size_t kSignRows = 32;
constexpr std::size_t kHalf = VectorLikeness::kWidth / 2;
constexpr float kUnit = 16384.0F;  // Length of a scaled row.

// Less than this part of the mean's square is rounding, not a difference.
constexpr double kLeastDifference = 1e-9;

using Folded = std::array<float, VectorLikeness::kWidth>;
using Scaled = std::array<std::int16_t, VectorLikeness::kWidth>;

constexpr std::array<Folded, kSignRows> MakeSigns() {
  std::array<Folded, kSignRows> signs{};
  std::uint64_t state = 0x9E3779B97F4A7C15U;
  for (Folded& row : signs) {
    for (float& sign : row) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      sign = (state >> 40 & 1) != 0 ? 1.0F : -1.0F;
    }
  }
  return signs;
}

constexpr auto kSigns = MakeSigns();

// The values from `begin` on are fewer than sums; they are dealt to both halves in turn.
void AddTail(const float* vector, std::size_t begin, std::size_t end, Folded* sums) {
  const Folded& signs = kSigns[begin / VectorLikeness::kWidth % kSignRows];
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t k = (i - begin) % 2 * kHalf + (i - begin) / 2;
    (*sums)[k] += signs[k] * vector[i];
  }
}

void FoldVector(const float* vector, std::size_t dimensions, Folded* sums) {
  const std::size_t chunks = dimensions / VectorLikeness::kWidth;
  for (std::size_t k = 0; k < VectorLikeness::kWidth; k += kStep) {
    std::array<float, kStep> part{};
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      const float* const values = vector + chunk * VectorLikeness::kWidth + k;
      const float* const signs = kSigns[chunk % kSignRows].data() + k;
      for (std::size_t i = 0; i < kStep; ++i) part[i] += signs[i] * values[i];
    }
    std::copy(part.begin(), part.end(), sums->begin() + static_cast<std::ptrdiff_t>(k));
  }
  AddTail(vector, chunks * VectorLikeness::kWidth, dimensions, sums);
}

double SquareOf(const Folded& row) {
  std::array<float, 8> lanes{};
  for (std::size_t i = 0; i < row.size(); i += lanes.size()) {
    for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] += row[i + k] * row[i + k];
  }
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

std::int32_t DotProduct(const std::int16_t* a, const std::int16_t* b) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < kHalf; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

}  // namespace

VectorLikeness::VectorLikeness() : folded_(PairTable::kMaxRows), scaled_(PairTable::kMaxRows) {}

double VectorLikeness::Measure(std::span<const float> vectors, std::size_t rows,
                               std::size_t dimensions, PairTable* cosines) {
  cosines->Reset(rows);
  Fold(vectors, rows, dimensions);
  if (2 * Scale(rows) <= rows) return 0;
  const double variance = Multiply(rows, cosines);
  const auto width = static_cast<double>(std::min(dimensions, kWidth));
  return variance > 0 ? variance / (variance + 1.0 / width) : 0;
}

void VectorLikeness::Fold(std::span<const float> vectors, std::size_t rows,
                          std::size_t dimensions) {
  for (std::size_t i = 0; i < rows; ++i) {
    FoldVector(vectors.data() + i * dimensions, dimensions, &folded_[i]);
  }
}

// Takes out the mean and brings every row to the length kUnit. Answers how many rows have one.
std::size_t VectorLikeness::Scale(std::size_t rows) {
  Folded mean{};
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k < kWidth; ++k) mean[k] += folded_[i][k];
  }
  for (float& value : mean) value /= static_cast<float>(rows);
  const double common = SquareOf(mean);
  std::size_t usable = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    Folded& row = folded_[i];
    for (std::size_t k = 0; k < kWidth; ++k) row[k] -= mean[k];
    const double square = SquareOf(row);
    const bool differs = std::isfinite(square) && square > kLeastDifference * (square + common);
    const float factor = differs ? kUnit / static_cast<float>(std::sqrt(square)) : 0.0F;
    if (std::isfinite(factor) && differs) {
      ++usable;
      for (std::size_t k = 0; k < kWidth; ++k) {
        const auto value = static_cast<std::int32_t>(row[k] * factor);
        scaled_[i][k] = static_cast<std::int16_t>(value);
      }
    } else {
      scaled_[i].fill(0);
    }
  }
  return usable;
}

double VectorLikeness::Multiply(std::size_t rows, PairTable* cosines) const {
  constexpr float kSquare = kUnit * kUnit;
  double both = 0;
  double sum = 0;
  for (std::size_t i = 0; i + 1 < rows; ++i) {
    float* const row = cosines->Row(i);
    float row_both = 0;
    float row_sum = 0;
    for (std::size_t j = i + 1; j < rows; ++j) {
      const auto a = static_cast<float>(DotProduct(scaled_[i].data(), scaled_[j].data()));
      const auto b =
          static_cast<float>(DotProduct(scaled_[i].data() + kHalf, scaled_[j].data() + kHalf));
      row[j] = (a + b) / kSquare;
      row_both += a / kSquare * (b / kSquare);
      row_sum += row[j];
    }
    both += static_cast<double>(row_both);
    sum += static_cast<double>(row_sum);
  }
  // Each half has about half of a row's square, so its cosines are doubled.
  const auto pairs = static_cast<double>(cosines->pairs());
  return 4 * both / pairs - (sum / pairs) * (sum / pairs);
}

}  // namespace embstore
