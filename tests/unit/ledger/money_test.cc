// SPDX-License-Identifier: Apache-2.0
#include "embstore/money.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace embstore {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST_CASE("ledger: the cost of AG News comes out to the cent") {
  const auto batch = ParsePricePerMillion("0.075");
  const auto sync = ParsePricePerMillion("0.15");
  REQUIRE(batch);
  REQUIRE(sync);
  CHECK(batch->micro_usd_per_million_tokens == 75'000);
  CHECK(sync->micro_usd_per_million_tokens == 150'000);
  CHECK(CostOf(1'200'000, *batch).nano_usd == 90'000'000);
  CHECK(CostOf(1'200'000, *sync).nano_usd == 180'000'000);
  CHECK(FormatUsd(CostOf(1'200'000, *batch)) == "$0.0900");
  CHECK(FormatUsd(CostOf(1'200'000, *sync)) == "$0.1800");
}

TEST_CASE("ledger: a cost is exact or rounded up, never down") {
  CHECK(CostOf(0, {150'000}).nano_usd == 0);
  CHECK(CostOf(1, {0}).nano_usd == 0);
  CHECK(CostOf(1, {150'000}).nano_usd == 150);
  CHECK(CostOf(1, {1}).nano_usd == 1);
  CHECK(CostOf(999, {1}).nano_usd == 1);
  CHECK(CostOf(1000, {1}).nano_usd == 1);
  CHECK(CostOf(1001, {1}).nano_usd == 2);
  CHECK(CostOf(7, {1'234}).nano_usd == 9);
}

TEST_CASE("ledger: a cost of very many tokens does not overflow") {
  CHECK(CostOf(10'000'000'000'000, {150'000}).nano_usd == 1'500'000'000'000'000);
  CHECK(FormatUsd(CostOf(10'000'000'000'000, {150'000})) == "$1500000.0000");
  CHECK(CostOf(10'000'000'000'000, {500'000'000}).nano_usd == 5'000'000'000'000'000'000);
}

TEST_CASE("ledger: a cost beyond what money can hold stays at the most") {
  CHECK(CostOf(100'000'000'000'000, {500'000'000}).nano_usd == kMax);
  CHECK(CostOf(std::numeric_limits<std::uint64_t>::max(), {kMax}).nano_usd == kMax);
}

TEST_CASE("ledger: a sum beyond what money can hold stays at the most") {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  CHECK(Money{kMax} + Money{1} == Money{kMax});
  CHECK(Money{kMin} + Money{-1} == Money{kMin});
  CHECK(Money{0} - Money{kMin} == Money{kMax});
  CHECK(Money{-2} - Money{kMax} == Money{kMin});
  Money spent{kMax};
  spent += Money{kMax};
  CHECK(spent > Money{1'000'000'000});
}

TEST_CASE("ledger: money adds, subtracts and compares") {
  Money money{5};
  money += Money{7};
  CHECK(money == Money{12});
  CHECK(money - Money{20} == Money{-8});
  CHECK(Money{1} < Money{2});
  CHECK(Money{1'500'000'000}.usd() == 1.5);
}

TEST_CASE("ledger: dollars are shown with four decimals, half up") {
  const std::vector<std::pair<std::int64_t, std::string>> table = {
      {0, "$0.0000"},
      {1, "$0.0000"},
      {49'999, "$0.0000"},
      {50'000, "$0.0001"},
      {149'999, "$0.0001"},
      {150'000, "$0.0002"},
      {99'950'000, "$0.1000"},
      {999'949'999, "$0.9999"},
      {999'950'000, "$1.0000"},
      {1'000'000'000, "$1.0000"},
      {12'345'678'900'000, "$12345.6789"},
      {kMax, "$9223372036.8548"},
      {-90'000'000, "-$0.0900"},
      {-50'000, "-$0.0001"},
      {-49'999, "$0.0000"},
      {std::numeric_limits<std::int64_t>::min(), "-$9223372036.8548"},
  };
  for (const auto& [nano, text] : table) CHECK(FormatUsd({nano}) == text);
}

TEST_CASE("ledger: dollars are read exactly") {
  const std::vector<std::pair<std::string, std::int64_t>> table = {
      {"0", 0},
      {"1", 1'000'000'000},
      {"1.25", 1'250'000'000},
      {"0.1", 100'000'000},
      {"007", 7'000'000'000},
      {"0.000000001", 1},
      {"1.000000000", 1'000'000'000},
      {"9223372036.854775807", kMax},
  };
  for (const auto& [text, nano] : table) {
    CAPTURE(text);
    const auto money = ParseUsd(text);
    REQUIRE(money);
    CHECK(money->nano_usd == nano);
  }
}

TEST_CASE("ledger: prices are read exactly") {
  const std::vector<std::pair<std::string, std::int64_t>> table = {
      {"0", 0},         {"0.15", 150'000}, {"0.075", 75'000},
      {"2", 2'000'000}, {"0.000001", 1},   {"9223372036854.775807", kMax},
  };
  for (const auto& [text, micro] : table) {
    CAPTURE(text);
    const auto price = ParsePricePerMillion(text);
    REQUIRE(price);
    CHECK(price->micro_usd_per_million_tokens == micro);
  }
}

TEST_CASE("ledger: what is no plain decimal number is no money") {
  for (const std::string_view text : {"",
                                      ".",
                                      ".5",
                                      "5.",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "$1",
                                      "1e3",
                                      "1E3",
                                      "1,5",
                                      "1.2.3",
                                      "1..2",
                                      "0x10",
                                      "nan",
                                      "inf",
                                      "1_000",
                                      "1\n",
                                      "9223372036.854775808",
                                      "99999999999999999999999",
                                      "0.0000000001",
                                      "1.0000000000",
                                      "\xD9\xA1"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseUsd(text));
  }
  CHECK_FALSE(ParseUsd(std::string_view("1\0", 2)));
}

TEST_CASE("ledger: a price has six decimals at most") {
  for (const std::string_view text : {"", ".", ".5", "5.", "-0.15", "+0.15", "1e-3", "0.0000001",
                                      "9223372036854.775808", "0.15 "}) {
    CAPTURE(text);
    CHECK_FALSE(ParsePricePerMillion(text));
  }
}

}  // namespace
}  // namespace embstore
