// SPDX-License-Identifier: Apache-2.0
#include "engine/query/top_k.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace embstore {
namespace {

std::vector<Hit> Best(const std::vector<float>& scores, std::size_t k) {
  TopK best(k);
  for (std::size_t i = 0; i < scores.size(); ++i) best.Offer({i, scores[i]});
  return best.Take();
}

TEST_CASE("query: the heap agrees with sorting everything, ties by position") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> scores(random() % 50);
    for (float& score : scores) score = static_cast<float>(random() % 10) / 10.0F;
    const std::size_t k = random() % 60;
    std::vector<Hit> all;
    for (std::size_t i = 0; i < scores.size(); ++i) all.push_back({i, scores[i]});
    std::stable_sort(all.begin(), all.end(),
                     [](const Hit& a, const Hit& b) { return a.score > b.score; });
    all.resize(std::min(k, all.size()));
    const auto best = Best(scores, k);
    CAPTURE(round);
    REQUIRE(best.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(best[i].position == all[i].position);
  }
}

TEST_CASE("query: NaN and infinite scores are no answers") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto best = Best({nan, 0.5F, inf, -0.5F, -inf}, 5);
  REQUIRE(best.size() == 2);
  CHECK(best[0].position == 1);
  CHECK(best[1].position == 3);
}

}  // namespace
}  // namespace embstore
