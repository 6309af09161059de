// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/rate_limiter.h"

#include <doctest/doctest.h>

#include <deque>

#include "support/fake_clock.h"

namespace embstore {
namespace {

using testing::FakeClock;

double Seconds(FakeClock& clock) {
  return std::chrono::duration<double>(clock.Monotonic()).count();
}

TEST_CASE("limiter: without quotas nobody waits") {
  FakeClock clock;
  RateLimiter limiter(clock, 0, 0);
  for (int i = 0; i < 100; ++i) CHECK(limiter.Acquire(100, 100'000, nullptr));
  CHECK(clock.WaitsInSeconds().empty());
}

TEST_CASE("limiter: no sliding minute ever holds more than the quota, and 97 % of it is used") {
  FakeClock clock;
  RateLimiter limiter(clock, 3000, 0);
  std::deque<double> minute;  // When each of the last requests of 100 texts was sent.
  const double start = Seconds(clock);
  for (int i = 0; i < 600; ++i) {
    REQUIRE(limiter.Acquire(100, 1, nullptr));
    const double now = Seconds(clock);
    minute.push_back(now);
    while (minute.front() <= now - 60) minute.pop_front();
    CHECK(minute.size() * 100 <= 3000);
  }
  CHECK(600 * 100 / ((Seconds(clock) - start) / 60) >= 0.97 * 3000);
}

TEST_CASE("limiter: the tighter of the two quotas decides") {
  FakeClock clock;
  RateLimiter limiter(clock, 3000, 60'000);
  REQUIRE(limiter.Acquire(1, 30'000, nullptr));
  REQUIRE(limiter.Acquire(1, 30'000, nullptr));
  CHECK(clock.WaitsInSeconds().back() == doctest::Approx(30 / 0.985));
}

TEST_CASE("limiter: after a refusal nobody sends before the hint is over") {
  FakeClock clock;
  RateLimiter limiter(clock, 0, 0);
  limiter.Penalise({std::chrono::seconds(48), 0, 0}, std::chrono::seconds(5));
  REQUIRE(limiter.Acquire(1, 1, nullptr));
  CHECK(clock.WaitsInSeconds().back() == doctest::Approx(48));
  limiter.Penalise({}, std::chrono::seconds(5));
  REQUIRE(limiter.Acquire(1, 1, nullptr));
  CHECK(clock.WaitsInSeconds().back() == doctest::Approx(5));
}

TEST_CASE("limiter: a stop ends the wait") {
  FakeClock clock;
  RateLimiter limiter(clock, 60, 0);
  StopFlag stop{true};
  CHECK(!limiter.Acquire(1, 1, &stop));
}

TEST_CASE("limiter: a quota of calls is kept whatever the calls hold") {
  FakeClock clock;
  RateLimiter limiter(clock, 0, 0, /*requests_per_minute=*/60);
  const double start = Seconds(clock);
  for (int i = 0; i < 61; ++i) REQUIRE(limiter.Acquire(1000, 1'000'000, nullptr));
  CHECK(Seconds(clock) - start == doctest::Approx(60 / 0.985));
}

TEST_CASE("limiter: a quota that a good answer names is kept from then on") {
  FakeClock clock;
  RateLimiter limiter(clock, 0, 0);
  REQUIRE(limiter.Acquire(1, 1, nullptr));
  Backoff pace;
  SUBCASE("of calls") { pace.requests_per_minute = 6; }
  SUBCASE("of texts") { pace.texts_per_minute = 600; }
  SUBCASE("of tokens") { pace.tokens_per_minute = 6000; }
  limiter.Learn(pace);
  const double start = Seconds(clock);
  for (int i = 0; i < 3; ++i) REQUIRE(limiter.Acquire(100, 1000, nullptr));
  CHECK(Seconds(clock) - start == doctest::Approx(20 / 0.985));
}

TEST_CASE("limiter: a looser quota does not replace the one that was configured") {
  FakeClock clock;
  RateLimiter limiter(clock, 0, 0, 6);
  limiter.Learn({std::chrono::seconds(0), 0, 0, 6000});
  const double start = Seconds(clock);
  for (int i = 0; i < 3; ++i) REQUIRE(limiter.Acquire(1, 1, nullptr));
  CHECK(Seconds(clock) - start == doctest::Approx(20 / 0.985));
}

TEST_CASE("limiter: a good answer may ask for a pause") {
  FakeClock clock;
  RateLimiter limiter(clock, 0, 0);
  limiter.Learn({std::chrono::seconds(7), 0, 0, 0});
  REQUIRE(limiter.Acquire(1, 1, nullptr));
  CHECK(clock.WaitsInSeconds().back() == doctest::Approx(7));
  limiter.Learn({});
  REQUIRE(limiter.Acquire(1, 1, nullptr));
  CHECK(clock.WaitsInSeconds().size() == 1);
}

}  // namespace
}  // namespace embstore
