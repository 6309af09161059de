// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/quota.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace embstore::simulator;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::string_view kModel = "gemini-embedding-001";
const TimePoint kStart{hours(480000)};

}  // namespace

TEST_CASE("simulator: without limits every call is accepted") {
  QuotaKeeper quotas({});
  CHECK(quotas.Admit(kModel, 1000000, 1000000, kStart).violations.empty());
}

TEST_CASE("simulator: each text counts as a request and the window slides") {
  QuotaKeeper quotas({.requests_per_minute = 100});
  CHECK(quotas.Admit(kModel, 60, 1, kStart).violations.empty());
  CHECK(quotas.Admit(kModel, 40, 1, kStart + seconds(20)).violations.empty());

  const auto refused = quotas.Admit(kModel, 30, 1, kStart + milliseconds(30500));
  REQUIRE(refused.violations.size() == 1);
  CHECK(refused.violations[0].kind == QuotaKind::kRequestsPerMinute);
  CHECK(refused.violations[0].limit == 100);
  CHECK(refused.retry_after == milliseconds(29500));

  CHECK(quotas.Admit(kModel, 70, 1, kStart + seconds(30)).retry_after == seconds(50));
  CHECK_FALSE(
      quotas.Admit(kModel, 60, 1, kStart + seconds(60) - microseconds(1)).violations.empty());
  CHECK(quotas.Admit(kModel, 60, 1, kStart + seconds(60)).violations.empty());
}

TEST_CASE("simulator: a call retried after the delay it was told is accepted") {
  QuotaKeeper quotas({.requests_per_minute = 100, .tokens_per_minute = 1000});
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i) {
    const auto verdict = quotas.Admit(kModel, 37, 211, now);
    if (verdict.violations.empty()) {
      now += milliseconds(733);
      continue;
    }
    now += verdict.retry_after;
    CHECK(quotas.Admit(kModel, 37, 211, now).violations.empty());
  }
}

TEST_CASE("simulator: a refused call uses no quota") {
  QuotaKeeper quotas({.requests_per_minute = 10});
  CHECK_FALSE(quotas.Admit(kModel, 11, 1, kStart).violations.empty());
  CHECK(quotas.Admit(kModel, 10, 1, kStart).violations.empty());
}

TEST_CASE("simulator: a call above the limit itself is told to wait a whole window") {
  QuotaKeeper quotas({.requests_per_minute = 10});
  CHECK(quotas.Admit(kModel, 11, 1, kStart).retry_after == seconds(60));
}

TEST_CASE("simulator: tokens are limited on their own and both violations are listed") {
  QuotaKeeper quotas({.requests_per_minute = 2, .tokens_per_minute = 50});
  CHECK(quotas.Admit(kModel, 2, 50, kStart).violations.empty());
  const auto refused = quotas.Admit(kModel, 1, 1, kStart + seconds(1));
  REQUIRE(refused.violations.size() == 2);
  CHECK(refused.violations[1].kind == QuotaKind::kTokensPerMinute);
  CHECK(refused.retry_after == seconds(59));
}

TEST_CASE("simulator: an exhausted day reports a short delay and ends at midnight Pacific") {
  QuotaKeeper quotas({.requests_per_day = 5});
  const TimePoint midnight_pacific{hours(480000 + 8)};
  CHECK(quotas.Admit(kModel, 5, 1, midnight_pacific - hours(20)).violations.empty());
  const auto refused = quotas.Admit(kModel, 1, 1, midnight_pacific - microseconds(1));
  REQUIRE(refused.violations.size() == 1);
  CHECK(refused.violations[0].kind == QuotaKind::kRequestsPerDay);
  CHECK(refused.retry_after > seconds(0));
  CHECK(refused.retry_after < seconds(60));
  CHECK(quotas.Admit(kModel, 1, 1, midnight_pacific).violations.empty());
}

TEST_CASE("simulator: models have separate quotas") {
  QuotaKeeper quotas({.requests_per_minute = 1});
  CHECK(quotas.Admit(kModel, 1, 1, kStart).violations.empty());
  CHECK(quotas.Admit("gemini-embedding-2", 1, 1, kStart).violations.empty());
}
