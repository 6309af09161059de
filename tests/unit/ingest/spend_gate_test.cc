// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/spend_gate.h"

#include <doctest/doctest.h>

#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::FakeClock;
using testing::TempDir;

/// A ledger of its own, and terms under which a token is a micro-dollar.
struct GateBench {
  GateBench() {
    const auto path = dir.path() / "ledger";
    REQUIRE(Ledger::Create(path, std::string(32, 'a'), {}).ok());
    Reopen();
    terms.run = 1;
    terms.split = "s";
    terms.model = "m";
    terms.space = SpaceId{7};
    terms.price = {1'000'000};
  }
  void Reopen() {
    ledger.reset();
    auto opened = Ledger::Open(dir.path() / "ledger", "", /*read_only=*/false);
    REQUIRE(opened.ok());
    ledger = std::move(*opened);
    REQUIRE(ledger->EndOrphans(clock.WallMicros()).ok());
  }
  static RequestIntent Intent(std::uint64_t tokens, std::size_t texts = 2) {
    RequestIntent intent;
    intent.tokens = tokens;
    for (std::size_t i = 0; i < texts; ++i) intent.keys.push_back(i + 1);
    return intent;
  }
  SpendRecord Sums() const {
    SpendRecord sum;
    for (const SpendRecord& record : ledger->Spending()) {
      sum.spent.cost += record.spent.cost;
      sum.wasted.cost += record.wasted.cost;
      sum.in_doubt.cost += record.in_doubt.cost;
      sum.under_way.cost += record.under_way.cost;
    }
    return sum;
  }
  /// Stores a request as a commit with one share does.
  void Store(SpendGate* gate, std::uint64_t request, std::uint64_t estimated, bool last = true) {
    const CommitShare share = gate->Share(request, 1, estimated, std::nullopt, last);
    REQUIRE(ledger->AddCommit(ledger->position().commit + 1, {{share}}).ok());
    gate->Stored(share);
  }

  TempDir dir;
  FakeClock clock;
  std::unique_ptr<Ledger> ledger;
  SpendTerms terms;
};

constexpr Money Micro(std::int64_t micro_usd) { return {micro_usd * 1000}; }

/// A job that was collected, with texts that got no vector.
Ending EndingOf(std::uint64_t request, std::vector<std::uint64_t> not_stored) {
  Ending ending;
  ending.request = request;
  ending.not_stored = std::move(not_stored);
  return ending;
}

TEST_CASE("gate: a request is in the ledger, with all its terms, before Begin returns") {
  GateBench bench;
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  const auto request = gate.Begin(GateBench::Intent(100));
  REQUIRE(request.ok());
  CHECK(*request == 1);
  const auto other = Ledger::Open(bench.dir.path() / "ledger", "", /*read_only=*/true);
  REQUIRE(other.ok());
  const auto spending = (*other)->Spending();
  REQUIRE(spending.size() == 1);
  CHECK(spending[0].split == "s");
  CHECK(spending[0].model == "m");
  CHECK(spending[0].run == 1);
  CHECK(spending[0].day == bench.clock.WallMicros() / 86'400'000'000);
  CHECK(spending[0].under_way.cost == Micro(100));
  CHECK((*other)->KeysOf(1) == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("gate: what would pass a budget is not begun and not written down") {
  GateBench bench;
  const char* words = nullptr;
  SUBCASE("of a run") {
    bench.terms.budgets.per_run = Micro(250);
    words = "of this run";
  }
  SUBCASE("of a day") {
    bench.terms.budgets.per_day = Micro(250);
    words = "of this day";
  }
  SUBCASE("of a split") {
    bench.terms.budgets.per_split = Micro(250);
    words = "of this split";
  }
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  REQUIRE(gate.Begin(GateBench::Intent(100)).ok());
  REQUIRE(gate.Begin(GateBench::Intent(150)).ok());  // To the last cent.
  const auto refused = gate.Begin(GateBench::Intent(1));
  CHECK(refused.code() == Code::kBudgetReached);
  CHECK(refused.status().message().find(words) != std::string::npos);
  CHECK(bench.Sums().under_way.cost == Micro(250));
}

TEST_CASE("gate: money set aside becomes what was spent, or comes back") {
  GateBench bench;
  bench.terms.budgets.per_run = Micro(100);
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  const auto request = gate.Begin(GateBench::Intent(100));
  REQUIRE(request.ok());
  std::int64_t left = 0;
  SUBCASE("not billed") {
    REQUIRE(gate.End(*request, RequestEnd::kNotBilled, "no").ok());
    left = 100;
  }
  SUBCASE("wasted") { REQUIRE(gate.End(*request, RequestEnd::kWasted, "bad").ok()); }
  SUBCASE("in doubt") { REQUIRE(gate.End(*request, RequestEnd::kInDoubt, "lost").ok()); }
  SUBCASE("stored for less") {
    bench.Store(&gate, *request, 60);
    left = 40;
  }
  SUBCASE("a job, stored in parts, one text without a vector") {
    bench.Store(&gate, *request, 40, /*last=*/false);
    CHECK(gate.Begin(GateBench::Intent(1)).code() == Code::kBudgetReached);
    REQUIRE(gate.Close(EndingOf(*request, {2})).ok());
    left = 60;
  }
  CHECK(gate.Begin(GateBench::Intent(static_cast<std::uint64_t>(left) + 1)).code() ==
        Code::kBudgetReached);
  if (left > 0) CHECK(gate.Begin(GateBench::Intent(static_cast<std::uint64_t>(left))).ok());
}

TEST_CASE("gate: a later run begins with what the ledger knows") {
  GateBench bench;
  {
    SpendGate gate(*bench.ledger, bench.terms, bench.clock);
    bench.Store(&gate, *gate.Begin(GateBench::Intent(100)), 100);
    REQUIRE(gate.End(*gate.Begin(GateBench::Intent(20)), RequestEnd::kInDoubt, "lost").ok());
    REQUIRE(gate.Begin(GateBench::Intent(30)).ok());  // Dies under way.
  }
  bench.Reopen();
  bench.terms.run = 2;
  SUBCASE("the split") { bench.terms.budgets.per_split = Micro(200); }
  SUBCASE("the day") { bench.terms.budgets.per_day = Micro(200); }
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  CHECK(gate.Begin(GateBench::Intent(51)).code() == Code::kBudgetReached);
  CHECK(gate.Begin(GateBench::Intent(50)).ok());
}

TEST_CASE("gate: a job that was taken over counts once, also when a part of it was stored") {
  GateBench bench;
  bench.terms.batch = true;
  {
    SpendGate gate(*bench.ledger, bench.terms, bench.clock);
    bench.Store(&gate, *gate.Begin(GateBench::Intent(100)), 50, /*last=*/false);
  }
  bench.Reopen();
  bench.terms.budgets.per_split = Micro(120);
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  const auto jobs = bench.ledger->Jobs();
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].stored_texts == 1);
  gate.Resume(jobs[0]);
  CHECK(gate.Begin(GateBench::Intent(21)).code() == Code::kBudgetReached);
  bench.Store(&gate, jobs[0].id, 50, /*last=*/true);
  CHECK(gate.Begin(GateBench::Intent(21)).code() == Code::kBudgetReached);
  CHECK(gate.Begin(GateBench::Intent(20)).ok());
}

TEST_CASE("gate: another day has its own budget, the day before is not given anything back") {
  GateBench bench;
  bench.terms.budgets.per_day = Micro(100);
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  const auto yesterday = gate.Begin(GateBench::Intent(100));
  REQUIRE(yesterday.ok());
  bench.clock.Advance(std::chrono::hours(24));
  REQUIRE(gate.Begin(GateBench::Intent(100)).ok());
  REQUIRE(gate.End(*yesterday, RequestEnd::kNotBilled, "no").ok());
  CHECK(gate.Begin(GateBench::Intent(1)).code() == Code::kBudgetReached);
}

TEST_CASE("gate: what was learned about tokens is in what is set aside") {
  GateBench bench;
  bench.terms.token_ratio = 1.5;
  bench.terms.budgets.per_run = Micro(150);
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  CHECK(gate.ExpectedTokens(3) == 5);
  CHECK(gate.CostOfEstimate(100) == Micro(150));
  CHECK(gate.Begin(GateBench::Intent(101)).code() == Code::kBudgetReached);
  CHECK(gate.Begin(GateBench::Intent(100)).ok());
  CHECK(bench.Sums().under_way.cost == Micro(150));
}

TEST_CASE("gate: a share says the server's count, or else the expected one") {
  GateBench bench;
  bench.terms.token_ratio = 2;
  const SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  const CommitShare counted = gate.Share(1, 2, 10, 17, true);
  CHECK(counted.tokens == 17);
  CHECK(counted.estimated_tokens == 10);
  CHECK(counted.reported);
  const CommitShare estimated = gate.Share(1, 2, 10, std::nullopt, false);
  CHECK(estimated.tokens == 20);
  CHECK(!estimated.reported);
  CHECK(!estimated.last);
}

TEST_CASE("gate: only so much is sent at the risk of paying twice") {
  GateBench bench;
  bench.terms.doubt.max_resend = Micro(100);
  SUBCASE("resend") {
    SpendGate gate(*bench.ledger, bench.terms, bench.clock);
    CHECK(gate.MayResend(Micro(60)));
    CHECK(!gate.MayResend(Micro(41)));
    CHECK(gate.MayResend(Micro(40)));
    CHECK(!gate.MayResend(Micro(1)));
  }
  SUBCASE("hold") {
    bench.terms.doubt.resend = false;
    SpendGate gate(*bench.ledger, bench.terms, bench.clock);
    CHECK(!gate.MayResend(Micro(1)));
  }
}

TEST_CASE("gate: where nothing is paid nothing is written and no budget is asked") {
  GateBench bench;
  bench.terms.paid = false;
  bench.terms.budgets.per_run = Micro(1);
  SpendGate gate(*bench.ledger, bench.terms, bench.clock);
  const auto request = gate.Begin(GateBench::Intent(100));
  REQUIRE(request.ok());
  CHECK(*request == 0);
  CHECK(gate.End(0, RequestEnd::kInDoubt, "").ok());
  CHECK(gate.Quarantine(0, "").ok());
  CHECK(gate.MayResend(Micro(1'000'000)));
  CHECK(bench.ledger->Spending().empty());
}

}  // namespace
}  // namespace embstore
