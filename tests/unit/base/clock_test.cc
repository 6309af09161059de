// SPDX-License-Identifier: Apache-2.0
#include "embstore/clock.h"

#include <doctest/doctest.h>

#include <chrono>

namespace embstore {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST_CASE("base: monotonic time never goes back") {
  Clock& clock = SystemClock();
  nanoseconds last = clock.Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const nanoseconds now = clock.Monotonic();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("base: wall time counts microseconds since 1970") {
  const std::int64_t now = SystemClock().WallMicros();
  CHECK(now > 1'577'836'800'000'000);   // 2020
  CHECK(now < 32'503'680'000'000'000);  // 3000
}

TEST_CASE("base: there is one machine clock") { CHECK(&SystemClock() == &SystemClock()); }

TEST_CASE("base: a sleep lasts as long as it was asked to") {
  const nanoseconds start = SystemClock().Monotonic();
  CHECK(SystemClock().SleepFor(milliseconds(2), nullptr));
  CHECK(SystemClock().Monotonic() - start >= milliseconds(2));
  const StopFlag stop(false);
  CHECK(SystemClock().SleepFor(milliseconds(1), &stop));
}

TEST_CASE("base: a sleep of no time is none") {
  const StopFlag stop(false);
  CHECK(SystemClock().SleepFor(nanoseconds(0), &stop));
  CHECK(SystemClock().SleepFor(nanoseconds(-5), nullptr));
}

TEST_CASE("base: a sleep that was stopped is not begun") {
  const StopFlag stop(true);
  const nanoseconds start = SystemClock().Monotonic();
  CHECK_FALSE(SystemClock().SleepFor(hours(1), &stop));
  CHECK_FALSE(SystemClock().SleepFor(nanoseconds(0), &stop));
  CHECK_FALSE(SystemClock().SleepFor(nanoseconds::max(), &stop));
  CHECK(SystemClock().Monotonic() - start < std::chrono::minutes(1));
}

}  // namespace
}  // namespace embstore
