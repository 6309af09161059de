// SPDX-License-Identifier: Apache-2.0
#include "embstore/vector.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace embstore {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomVector(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> out(size);
  for (float& value : out) value = static_cast<float>(random()) / 2147483648.0f - 1.0f;
  return out;
}

bool SameBytes(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

TEST_CASE("base: the length of a vector is Euclid's") {
  CHECK(L2Norm(std::vector<float>{}) == 0);
  CHECK(L2Norm(std::vector<float>{3, 4}) == 5);
  CHECK(L2Norm(std::vector<float>{-3, 0, 0, 0, 0, 0, 0, 0, 4}) == 5);
  CHECK(L2Norm(std::vector<float>(16, 1)) == 4);
  CHECK(L2Norm(std::vector<float>(9, -2)) == 6);
}

TEST_CASE("base: the length of large and tiny vectors does not overflow") {
  const float large = std::numeric_limits<float>::max();
  CHECK(L2Norm(std::vector<float>{large, large}) == doctest::Approx(std::sqrt(2.0) * large));
  const float tiny = std::numeric_limits<float>::denorm_min();
  CHECK(L2Norm(std::vector<float>{tiny}) == static_cast<double>(tiny));
}

/// Lane by lane, then the lanes from first to last, then the tail.
double LengthInFixedOrder(const std::vector<float>& vector) {
  const std::size_t whole = vector.size() / 8 * 8;
  double lanes[8] = {};
  for (std::size_t i = 0; i < whole; ++i) {
    lanes[i % 8] += static_cast<double>(vector[i]) * vector[i];
  }
  double total = 0;
  for (const double lane : lanes) total += lane;
  for (std::size_t i = whole; i < vector.size(); ++i) {
    total += static_cast<double>(vector[i]) * vector[i];
  }
  return std::sqrt(total);
}

TEST_CASE("base: the sum behind a length is taken in one fixed order") {
  for (unsigned seed = 0; seed < 100; ++seed) {
    const std::vector<float> vector = RandomVector(16 + seed, seed);
    CHECK(std::bit_cast<std::uint64_t>(L2Norm(vector)) ==
          std::bit_cast<std::uint64_t>(LengthInFixedOrder(vector)));
  }
  // Pinned to the last bit, so that every machine and compiler must agree.
  CHECK(std::bit_cast<std::uint64_t>(L2Norm(RandomVector(771, 42))) == 0x40301ed48e7f00dd);
}

TEST_CASE("base: a normalised vector has length one and keeps its direction") {
  for (const std::size_t size : {1, 2, 7, 8, 9, 768}) {
    const std::vector<float> before = RandomVector(size, 1);
    std::vector<float> after = before;
    NormalizeL2(after);
    CHECK(L2Norm(after) == doctest::Approx(1.0).epsilon(1e-6));
    const double scale = L2Norm(before);
    for (std::size_t i = 0; i < size; ++i) {
      CHECK(after[i] == static_cast<float>(before[i] / scale));
    }
  }
}

TEST_CASE("base: normalising reaches unit length from any magnitude") {
  for (const float magnitude : {1e-40f, 1e-20f, 1.0f, 1e20f, 3e38f}) {
    std::vector<float> vector = {magnitude, -magnitude, magnitude};
    NormalizeL2(vector);
    CHECK(vector[0] == doctest::Approx(1 / std::sqrt(3.0)));
    CHECK(vector[1] == -vector[0]);
  }
}

TEST_CASE("base: a vector that has no direction is left as it is") {
  for (const std::vector<float>& before :
       {std::vector<float>{}, std::vector<float>{0, 0, 0}, std::vector<float>{-0.0f, 0},
        std::vector<float>{1, kNaN, 2}, std::vector<float>{1, kInfinity},
        std::vector<float>{-kInfinity, 0, 0, 0, 0, 0, 0, 0, 1}}) {
    std::vector<float> after = before;
    NormalizeL2(after);
    CHECK(SameBytes(before, after));
  }
}

}  // namespace
}  // namespace embstore
