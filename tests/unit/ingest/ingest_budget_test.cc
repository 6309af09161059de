// SPDX-License-Identifier: Apache-2.0
// What a run may spend, against what the ledger says was spent before.
#include <doctest/doctest.h>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

// Ten texts of 13 or 14 bytes cost 130 to 140 micro-dollars: two requests fit.
constexpr Money kTwoRequests{290'000};

TEST_CASE("ingest: no request begins that could pass the budget of the run") {
  Bench bench;
  bench.options.budgets.per_run = kTwoRequests;
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  const IngestReport more = bench.MustRun(Texts(Numbered(50)));
  CHECK(more.outcome.code() == Code::kBudgetReached);
  CHECK(more.embedded == 20);
  CHECK(more.cost <= kTwoRequests);
  CHECK(more.outcome.message().find("$0.0003") != std::string::npos);
  bench.options.budgets.per_run.reset();
  CHECK(bench.MustRun(Texts(Numbered(50))).complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: the budget of a split holds over all runs, and no other split pays for it") {
  Bench bench;
  bench.options.budgets.per_split = kTwoRequests;
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  for (int runs = 0; runs < 3; ++runs) {
    bench.Reopen();
    CHECK(bench.MustRun(Texts(Numbered(50))).outcome.code() == Code::kBudgetReached);
    CHECK(bench.Sums().spent.cost <= kTwoRequests);
  }
  CHECK(bench.provider.billed().size() == 20);
  bench.options.split = "other";
  CHECK(bench.MustRun(Texts({"a text of another split"})).complete);
  bench.options.split = "s";
  bench.options.budgets.per_split = Money{1'000'000};
  CHECK(bench.MustRun(Texts(Numbered(50))).complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: the budget of a day holds over all runs and splits, and ends at midnight UTC") {
  Bench bench;
  bench.options.budgets.per_day = kTwoRequests;
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  bench.options.split = "other";
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(50))).outcome.code() == Code::kBudgetReached);
  CHECK(bench.provider.billed().size() == 20);
  bench.clock.Advance(std::chrono::hours(14));  // The clock began at nine.
  CHECK(bench.MustRun(Texts(Numbered(50))).outcome.code() == Code::kBudgetReached);
  CHECK(bench.provider.billed().size() == 20);
  bench.clock.Advance(std::chrono::hours(2));
  CHECK(bench.MustRun(Texts(Numbered(50))).outcome.code() == Code::kBudgetReached);
  CHECK(bench.provider.billed().size() == 40);
}

TEST_CASE("ingest: a run that crosses midnight counts on for the new day") {
  Bench bench;
  bench.options.budgets.per_day = kTwoRequests;
  bench.provider.script = [&](std::size_t call, auto) {
    if (call == 1) bench.clock.Advance(std::chrono::hours(16));
    return Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(90)));
  CHECK(report.outcome.code() == Code::kBudgetReached);
  CHECK(report.embedded == 40);  // Two before midnight, two after.
}

TEST_CASE("ingest: what was wasted or is in doubt counts against a budget") {
  Bench bench;
  bench.options.budgets.per_split = kTwoRequests;
  bench.options.retry.max_retries = 0;
  SUBCASE("wasted") {
    bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
      if (call == 0) reply->vectors.clear();
    };
  }
  SUBCASE("in doubt") {
    bench.provider.script = [](std::size_t call, auto) {
      return call == 0 ? Status(Code::kInDoubt, "lost") : Status();
    };
  }
  CHECK(bench.MustRun(Texts(Numbered(40))).outcome.code() == Code::kBudgetReached);
  CHECK(bench.provider.calls().size() == 2);
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(40))).outcome.code() == Code::kBudgetReached);
  CHECK(bench.provider.calls().size() == 2);
}

TEST_CASE("ingest: what the server counted, not the estimate, is held against a budget") {
  Bench bench;
  bench.options.budgets.per_run = Money{500'000};  // Estimated: three requests. Counted: fifty.
  bench.provider.spoil = [](std::size_t, EmbedReply* reply) { reply->total_tokens = 10; };
  const IngestReport report = bench.MustRun(Texts(Numbered(90)));
  CHECK(report.complete);
  CHECK(report.cost == Money{90'000});
}

TEST_CASE("ingest: what was not billed gives its money back to the budget") {
  Bench bench;
  bench.options.budgets.per_run = kTwoRequests;
  bench.provider.script = [](std::size_t call, auto) {
    return call < 3 ? Status(Code::kUnavailable, "refused") : Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(20))).complete);
}

}  // namespace
}  // namespace embstore
