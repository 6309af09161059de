// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_pace.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/unit/provider/openai_testing.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

Backoff Pace(const std::string& unit, const std::string& limit, const std::string& remaining,
             const std::string& reset) {
  return ReadOpenAiPace(Answer(200, "",
                               {{"x-ratelimit-limit-" + unit, limit},
                                {"x-ratelimit-remaining-" + unit, remaining},
                                {"x-ratelimit-reset-" + unit, reset}}));
}

}  // namespace

TEST_CASE("openai: limits per minute are learned from the pace at which they fill up") {
  struct Row {
    std::string limit;
    std::string remaining;
    std::string reset;
    std::uint64_t learned;
  };
  const Row rows[] = {
      {"3000", "2999", "20ms", 3000},  // One of 3000 is back after 20 ms: a minute.
      {"5000", "4999", "12ms", 5000},
      {"500", "250", "30s", 500},
      {"100", "0", "1m0s", 100},
      {"1000000", "999500", "30ms", 1000000},
      {"10000", "9999", "8.64s", 0},  // A day.
      {"200", "199", "7m12s", 0},     // A day.
      {"100", "0", "6m0s", 0},        // Six minutes.
      {"10", "9", "100ms", 0},        // A second.
      {"3000", "3000", "0s", 0},      // Nothing used: no telling.
      {"3000", "2999", "0s", 0},
      {"0", "0", "1m0s", 0},
      {"10", "20", "1s", 0},
      {"-10", "0", "1m0s", 0},
      {"100.0", "0", "1m0s", 0},
      {"1e2", "0", "1m0s", 0},
      {"99999999999999999999", "0", "1m0s", 0},
      {"100", "", "1m0s", 0},
      {"100", "0", "60", 0},
      {"100", "0", "soon", 0},
      {" 100", "0", "1m0s", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.limit);
    CAPTURE(row.reset);
    const Backoff requests = Pace("requests", row.limit, row.remaining, row.reset);
    CHECK(requests.requests_per_minute == row.learned);
    CHECK(requests.tokens_per_minute == 0);
    CHECK(requests.texts_per_minute == 0);
    const Backoff tokens = Pace("tokens", row.limit, row.remaining, row.reset);
    CHECK(tokens.tokens_per_minute == row.learned);
    CHECK(tokens.requests_per_minute == 0);
  }
}

TEST_CASE("openai: when nothing is left the reset time is waited, a minute at most") {
  CHECK(Pace("requests", "100", "0", "12s").retry_after == milliseconds(12'000));
  CHECK(Pace("tokens", "100", "0", "12ms").retry_after == milliseconds(12));
  CHECK(Pace("requests", "100", "0", "6m0s").retry_after == milliseconds(60'000));
  CHECK(Pace("requests", "100", "1", "12s").retry_after == milliseconds(0));
  CHECK(Pace("requests", "100", "0", "x").retry_after == milliseconds(0));
  CHECK(ReadOpenAiPace(Answer(200, "")).retry_after == milliseconds(0));
}

TEST_CASE("openai: the precise wait goes before the coarse one") {
  struct Row {
    std::string precise;
    std::optional<milliseconds> coarse;
    int expected;
  };
  const Row rows[] = {{"20", milliseconds(1000), 20},
                      {"1500.4", std::nullopt, 1501},
                      {"0", milliseconds(1000), 0},
                      {"", milliseconds(1000), 1000},
                      {"", std::nullopt, 0},
                      {"-5", milliseconds(1000), 1000},
                      {"nan", milliseconds(1000), 1000},
                      {"1h", milliseconds(1000), 1000},
                      {"20ms", milliseconds(1000), 1000},
                      {"999999999999", std::nullopt, 24 * 3'600'000}};
  for (const Row& row : rows) {
    CAPTURE(row.precise);
    HttpResponse response = Answer(429, "", {{"retry-after-ms", row.precise}});
    response.retry_after = row.coarse;
    CHECK(ReadRetryAfter(response) == milliseconds(row.expected));
  }
  HttpResponse without = Answer(429, "");
  without.retry_after = milliseconds(1000);
  CHECK(ReadRetryAfter(without) == milliseconds(1000));
}

TEST_CASE("openai: only a clear word of the server forbids asking again") {
  CHECK(ForbidsRetry(Answer(429, "", {{"x-should-retry", "false"}})));
  CHECK_FALSE(ForbidsRetry(Answer(429, "", {{"x-should-retry", "true"}})));
  CHECK_FALSE(ForbidsRetry(Answer(429, "", {{"x-should-retry", ""}})));
  CHECK_FALSE(ForbidsRetry(Answer(429, "")));
}

TEST_CASE("openai: every header that is read is also asked for, in lower case") {
  const std::vector<std::string> names = OpenAiPaceHeaders();
  for (const std::string name :
       {"retry-after-ms", "x-should-retry", "x-ratelimit-limit-requests",
        "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"}) {
    CAPTURE(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  CHECK(names.size() == 8);
}

}  // namespace embstore
