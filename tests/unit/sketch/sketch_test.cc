// SPDX-License-Identifier: Apache-2.0
#include "engine/sketch/sketch.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <numbers>
#include <random>

#include "embstore/vector.h"

namespace embstore {
namespace {

std::vector<float> RandomVector(std::uint32_t dimensions, std::mt19937* random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(dimensions);
  for (float& value : vector) value = normal(*random);
  return vector;
}

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

int Differing(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  int bits = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    bits += std::popcount(static_cast<std::uint8_t>(a[i] ^ b[i]));
  }
  return bits;
}

TEST_CASE("sketch: a rotation keeps lengths and angles, whatever the size") {
  std::mt19937 random(3);
  for (const std::uint32_t dimensions : {1U, 8U, 100U, 256U, 384U, 512U, 768U, 1536U, 3072U}) {
    CAPTURE(dimensions);
    const Sketcher sketcher(dimensions);
    CHECK(sketcher.bits() % 64 == 0);
    CHECK(sketcher.bits() >= std::max(256U, dimensions));
    const std::vector<float> a = RandomVector(dimensions, &random);
    const std::vector<float> b = RandomVector(dimensions, &random);
    std::vector<float> x(sketcher.bits()), y(sketcher.bits());
    sketcher.Rotate(a, x);
    sketcher.Rotate(b, y);
    const double length = L2Norm(a) * L2Norm(b);
    CHECK(L2Norm(x) == doctest::Approx(L2Norm(a)).epsilon(1e-5));
    CHECK(std::abs(Dot(x, y) - Dot(a, b)) < 1e-5 * length);
  }
}

TEST_CASE("sketch: the share of bits that differ is the angle, to within chance") {
  std::mt19937 random(4);
  for (const std::uint32_t dimensions : {8U, 512U, 768U, 3072U}) {
    const Sketcher sketcher(dimensions);
    double squares = 0;
    constexpr int kPairs = 200;
    for (int pair = 0; pair < kPairs; ++pair) {
      const std::vector<float> a = RandomVector(dimensions, &random);
      std::vector<float> b = RandomVector(dimensions, &random);
      for (std::size_t i = 0; i < b.size(); ++i) b[i] += a[i];
      std::vector<std::uint8_t> x(sketcher.bytes()), y(sketcher.bytes());
      sketcher.Sketch(a, x);
      sketcher.Sketch(b, y);
      const double angle = std::acos(Dot(a, b) / L2Norm(a) / L2Norm(b)) / std::numbers::pi;
      const double seen = Differing(x, y) / static_cast<double>(sketcher.bits());
      squares += (seen - angle) * (seen - angle) * static_cast<double>(sketcher.bits());
    }
    CAPTURE(dimensions);
    // A fair coin that shows `angle` differs by angle * (1 - angle) <= 1/4 of its throws.
    CHECK(squares / kPairs < 0.25);
  }
}

TEST_CASE("sketch: vectors along one axis are spread over all bits") {
  for (const std::uint32_t dimensions : {8U, 768U}) {
    const Sketcher sketcher(dimensions);
    for (std::uint32_t axis = 0; axis < dimensions; ++axis) {
      std::vector<float> vector(dimensions);
      vector[axis] = 1;
      std::vector<float> rotated(sketcher.bits());
      sketcher.Rotate(vector, rotated);
      for (const float value : rotated) CHECK(std::abs(value) < 0.5F);
    }
  }
}

TEST_CASE("sketch: the bits are those of docs/format.md") {
  // Computed by another program after that page. Stores keep them: another rotation would make
  // every stored sketch worthless.
  const Sketcher sketcher(3);
  std::vector<std::uint8_t> bits(sketcher.bytes());
  sketcher.Sketch(std::vector<float>{1, -2, 0.5F}, bits);
  CHECK(bits.size() == 32);
  CHECK(std::vector<int>(bits.begin(), bits.begin() + 8) ==
        std::vector<int>{219, 46, 185, 163, 110, 88, 199, 157});
  const Sketcher odd(700);
  std::vector<float> ramp(700);
  for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<float>(i) - 300;
  bits.resize(odd.bytes());
  odd.Sketch(ramp, bits);
  CHECK(bits.size() == 88);
  CHECK(std::vector<int>(bits.begin(), bits.begin() + 8) ==
        std::vector<int>{186, 195, 217, 110, 199, 179, 200, 211});
}

}  // namespace
}  // namespace embstore
