// SPDX-License-Identifier: Apache-2.0
#include "engine/query/kernels.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace embstore {
namespace {

/// Every build of the kernels that this processor can run.
std::vector<Kernels> AllKernels() {
  std::vector<Kernels> all = {kBaselineKernels};
#ifdef EMBSTORE_X86_KERNELS
  if (std::strcmp(BestKernels().instructions, "baseline") != 0) all.push_back(kAvx2Kernels);
  if (std::strcmp(BestKernels().instructions, "avx512") == 0) all.push_back(kAvx512Kernels);
#endif
  return all;
}

std::vector<float> Random(std::size_t n, std::mt19937* random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(*random);
  return values;
}

TEST_CASE("kernels: products and lengths agree with sums in double, for odd sizes too") {
  std::mt19937 random(1);
  for (const Kernels& kernels : AllKernels()) {
    CAPTURE(std::string(kernels.instructions));
    for (const std::size_t d : {1U, 7U, 64U, 765U}) {
      for (const std::size_t q : {1U, 3U, 17U}) {
        const std::size_t n = 13;
        const auto rows = Random(n * d, &random);
        const auto queries = Random(q * d, &random);
        std::vector<float> products(n * q), squares(n);
        kernels.products(rows.data(), n, queries.data(), q, d, products.data());
        kernels.squared_norms(rows.data(), n, d, squares.data());
        for (std::size_t i = 0; i < n; ++i) {
          double square = 0;
          for (std::size_t x = 0; x < d; ++x) square += std::pow(double{rows[i * d + x]}, 2);
          CHECK(squares[i] == doctest::Approx(square).epsilon(1e-5));
          for (std::size_t j = 0; j < q; ++j) {
            double product = 0;
            for (std::size_t x = 0; x < d; ++x) {
              product += double{rows[i * d + x]} * double{queries[j * d + x]};
            }
            CHECK(std::abs(products[i * q + j] - product) < 1e-5 * static_cast<double>(d + 10));
          }
        }
      }
    }
  }
}

TEST_CASE("kernels: distances and sums under a mask are exact") {
  std::mt19937_64 random(2);
  for (const Kernels& kernels : AllKernels()) {
    CAPTURE(std::string(kernels.instructions));
    for (const std::size_t words : {4U, 5U, 12U, 48U}) {
      const std::size_t n = 9;
      std::vector<std::uint64_t> sketches(n * words), query(words), planes(words * kPlanes);
      for (auto* values : {&sketches, &query, &planes}) {
        for (std::uint64_t& value : *values) value = random();
      }
      std::vector<std::int32_t> distances(n);
      kernels.distances(sketches.data(), n, words, query.data(), distances.data());
      for (std::size_t i = 0; i < n; ++i) {
        int differing = 0;
        std::int32_t sum = 0;
        for (std::size_t bit = 0; bit < words * 64; ++bit) {
          const std::size_t w = bit / 64;
          const std::uint64_t row_bit = sketches[i * words + w] >> bit % 64 & 1;
          differing += row_bit != (query[w] >> bit % 64 & 1) ? 1 : 0;
          if (row_bit == 0) continue;
          for (std::size_t b = 0; b < kPlanes; ++b) {
            const auto one = static_cast<std::int32_t>(planes[w * kPlanes + b] >> bit % 64 & 1);
            sum += (b + 1 == kPlanes ? -one : one) * (1 << b);
          }
        }
        CHECK(distances[i] == differing);
        CHECK(kernels.masked_sum(sketches.data() + i * words, words, planes.data()) == sum);
      }
    }
  }
}

TEST_CASE("kernels: the cosine is the same with all instructions, and NaN for a zero row") {
  std::mt19937 random(3);
  for (const std::size_t d : {2U, 15U, 768U}) {
    auto query = Random(d, &random);
    double length = 0;
    for (const float value : query) length += double{value} * double{value};
    for (float& value : query) value = static_cast<float>(value / std::sqrt(length));
    const auto row = Random(d, &random);
    const float expected = kBaselineKernels.cosine(query.data(), row.data(), d);
    for (const Kernels& kernels : AllKernels()) {
      CHECK(kernels.cosine(query.data(), row.data(), d) == doctest::Approx(expected).epsilon(1e-6));
      CHECK(kernels.cosine(query.data(), query.data(), d) == doctest::Approx(1));
      CHECK(std::isnan(kernels.cosine(query.data(), std::vector<float>(d).data(), d)));
    }
  }
}

}  // namespace
}  // namespace embstore
