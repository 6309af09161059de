// SPDX-License-Identifier: Apache-2.0
#include "engine/sketch/sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace embstore {
namespace {

constexpr std::size_t kRounds = 4;
constexpr std::size_t kLeastBits = 256;  // Fewer tell too little; more bits than numbers do help.
constexpr float kHalfRoot = 0.70710678118654752F;

/// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t NextRandom(std::uint64_t* state) {
  *state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// Sums into the first, differences into the second, scaled to keep lengths.
template <typename Number>
void Butterfly(Number* first, Number* second) {
  const Number a = *first;
  const Number b = *second;
  *first = (a + b) * kHalfRoot;
  *second = (a - b) * kHalfRoot;
}

void Butterflies(float* first, float* second, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) Butterfly(first + i, second + i);
}

using Four = float __attribute__((vector_size(16)));

void Transpose(std::array<Four, 4>* rows) {
  auto& [a, b, c, d] = *rows;
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/// Two steps of the transform, across the rows.
void StepRows(std::array<Four, 4>* rows) {
  auto& [a, b, c, d] = *rows;
  Butterfly(&a, &c);
  Butterfly(&b, &d);
  Butterfly(&a, &b);
  Butterfly(&c, &d);
}

/// The last four steps of the transform, with neighbours that stand in one register.
void HadamardOfSixteen(float* values) {
  std::array<Four, 4> rows;
  std::memcpy(&rows, values, sizeof rows);
  StepRows(&rows);
  Transpose(&rows);
  StepRows(&rows);
  Transpose(&rows);
  std::memcpy(values, &rows, sizeof rows);
}

/// The fast Walsh-Hadamard transform of n values, n a power of 2 from 16, scaled to keep lengths.
void Hadamard(float* values, std::size_t n) {
  for (std::size_t half = n / 2; half >= 16; half /= 2) {
    for (std::size_t i = 0; i < n; i += 2 * half) {
      Butterflies(values + i, values + i + half, half);
    }
  }
  for (std::size_t i = 0; i < n; i += 16) HadamardOfSixteen(values + i);
}

}  // namespace

Sketcher::Sketcher(std::uint32_t dimensions)
    : dimensions_(dimensions),
      bits_(std::max<std::size_t>(kLeastBits, (std::size_t{dimensions} + 63) / 64 * 64)),
      flips_(kRounds * bits_) {
  std::uint64_t state = 0;
  for (std::size_t i = 0; i < flips_.size(); i += 64) {
    const std::uint64_t random = NextRandom(&state);
    for (std::size_t bit = 0; bit < 64; ++bit) flips_[i + bit] = (random >> bit & 1) != 0 ? 1 : -1;
  }
}

void Sketcher::Rotate(std::span<const float> vector, std::span<float> rotated) const {
  assert(vector.size() == dimensions_ && rotated.size() == bits_);
  std::copy(vector.begin(), vector.end(), rotated.begin());
  std::fill(rotated.begin() + dimensions_, rotated.end(), 0.0F);
  const std::size_t window = std::bit_floor(bits_);
  for (std::size_t round = 0; round < kRounds; ++round) {
    const float* const flips = flips_.data() + round * bits_;
    for (std::size_t i = 0; i < bits_; ++i) rotated[i] *= flips[i];
    // A transform covers a power of 2; those at both ends and a step across mix all coordinates.
    Hadamard(rotated.data() + (round % 2 == 0 ? 0 : bits_ - window), window);
    if (window != bits_) {
      Butterflies(rotated.data(), rotated.data() + bits_ / 2, bits_ / 2);
    }
  }
}

void Sketcher::Sketch(std::span<const float> vector, std::span<std::uint8_t> sketch) const {
  assert(sketch.size() == bytes());
  std::vector<float> rotated(bits_);
  Rotate(vector, rotated);
  for (std::size_t byte = 0; byte < sketch.size(); ++byte) {
    unsigned value = 0;
    for (unsigned bit = 0; bit < 8; ++bit) value |= (rotated[byte * 8 + bit] > 0 ? 1U : 0U) << bit;
    sketch[byte] = static_cast<std::uint8_t>(value);
  }
}

}  // namespace embstore
