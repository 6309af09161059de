// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/fault.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace embstore::simulator;

namespace {

bool NoText(std::string_view) { return false; }

// The calls out of `calls` that `spec` strikes, as "x" and ".".
std::string Strikes(std::string_view spec, int calls, std::uint64_t seed = 1) {
  FaultPlan plan({ParseFault(spec)}, seed);
  std::string struck;
  for (int i = 0; i < calls; ++i) struck += plan.Next(NoText).empty() ? '.' : 'x';
  return struck;
}

}  // namespace

TEST_CASE("simulator: a fault without WHEN strikes every call") {
  CHECK(Strikes("nan", 4) == "xxxx");
}

TEST_CASE("simulator: count, every and at choose calls by number") {
  CHECK(Strikes("nan:count=3", 6) == "xxx...");
  CHECK(Strikes("nan:every=2", 6) == ".x.x.x");
  CHECK(Strikes("nan:at=4", 6) == "...x..");
}

TEST_CASE("simulator: rate strikes its share of calls and repeats with the seed") {
  const std::string struck = Strikes("nan:rate=0.1", 10000);
  const auto hits = std::count(struck.begin(), struck.end(), 'x');
  CHECK(hits > 850);
  CHECK(hits < 1150);
  CHECK(struck == Strikes("nan:rate=0.1", 10000));
  CHECK(struck != Strikes("nan:rate=0.1", 10000, 2));
  CHECK(Strikes("nan:rate=0", 5) == ".....");
  CHECK(Strikes("nan:rate=1", 5) == "xxxxx");
}

TEST_CASE("simulator: fault values are read") {
  CHECK(ParseFault("status=503").number == 503);
  CHECK(ParseFault("slow=250:rate=0.5").number == 250);
  CHECK(ParseFault("drip=0").kind == FaultKind::kDrip);
}

TEST_CASE("simulator: colons and equals signs inside a value belong to it") {
  CHECK(ParseFault("redirect=http://127.0.0.1:9/x?a=b").text == "http://127.0.0.1:9/x?a=b");
  const Fault fault = ParseFault("redirect=http://127.0.0.1:9/:at=2");
  CHECK(fault.text == "http://127.0.0.1:9/");
  CHECK(fault.when == WhenKind::kAt);
  CHECK(ParseFault("reject-text=a:b").text == "a:b");
}

TEST_CASE("simulator: malformed faults are refused") {
  for (const char* spec : {"",
                           "unknown",
                           "nan=1",
                           "status",
                           "status=",
                           "status=abc",
                           "status=200",
                           "status=600",
                           "slow=-1",
                           "slow=",
                           "redirect=",
                           "nan:",
                           "nan:sometimes",
                           "nan:rate=2",
                           "nan:rate=x",
                           "nan:count=0",
                           "nan:every=1.5",
                           "nan:at=",
                           "nan:at",
                           "nan:rate=nan",
                           "nowhere/status=500",
                           "poll/nan",
                           "poll/",
                           "list-lag=x",
                           "row-error",
                           "row-error=1.5",
                           "row-error=x",
                           "bad-row=unknown"}) {
    CAPTURE(spec);
    CHECK_THROWS_AS(ParseFault(spec), std::invalid_argument);
  }
}

TEST_CASE("simulator: reject-text strikes and counts only calls with the text") {
  FaultPlan plan({ParseFault("reject-text=poison:at=2")}, 1);
  const auto poisoned = [](std::string_view text) { return text == "poison"; };
  CHECK(plan.Next(poisoned).empty());
  CHECK(plan.Next(NoText).empty());
  CHECK(plan.Next(poisoned).size() == 1);
}

TEST_CASE("simulator: a fault may begin at a call and never end") {
  FaultPlan plan({ParseFault("slow=5:from=2")}, 1);
  CHECK(plan.Next(NoText).empty());
  CHECK(plan.Next(NoText).size() == 1);
  CHECK(plan.Next(NoText).size() == 1);
}

TEST_CASE("simulator: several faults strike independently") {
  FaultPlan plan({ParseFault("nan:at=1"), ParseFault("slow=5")}, 1);
  CHECK(plan.Next(NoText).size() == 2);
  CHECK(plan.Next(NoText).size() == 1);
}

TEST_CASE("simulator: each kind of call counts by itself") {
  FaultPlan plan({ParseFault("status=500:at=2"), ParseFault("poll/status=501:at=2")}, 1);
  CHECK(plan.Next(CallKind::kPoll).empty());
  CHECK(plan.Next(NoText).empty());
  REQUIRE(plan.Next(CallKind::kPoll).size() == 1);
  REQUIRE(plan.Next(NoText).size() == 1);
  CHECK(plan.Next(CallKind::kList).empty());
}

TEST_CASE("simulator: a fault of its own kind of call needs no aim") {
  CHECK(ParseFault("poll-500").call == CallKind::kPoll);
  CHECK(ParseFault("row-error=0.25").share == 0.25);
  CHECK(ParseFault("row-error=0.25").call == CallKind::kJob);
  CHECK(ParseFault("status=503").call == CallKind::kEmbed);
  CHECK(ParseFault("download/cut-body:at=3").call == CallKind::kDownload);
  CHECK(ParseFault("redirect=http://127.0.0.1:9/x").call == CallKind::kEmbed);
}
