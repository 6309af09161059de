// SPDX-License-Identifier: Apache-2.0
// Calls and the ledger: every paid request is written down before it is sent, and what became of
// it afterwards.
#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <atomic>
#include <stdexcept>

#include "engine/ledger/ledger.h"
#include "engine/record/keys.h"
#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

/// The sums of a ledger file that another one has open for writing.
SpendRecord ReadLedger(const Bench& bench) {
  const auto ledger = Ledger::Open(bench.dir.path() / "ledger", "", /*read_only=*/true);
  SpendRecord sum;
  if (!ledger.ok()) return sum;
  for (const SpendRecord& record : (*ledger)->Spending()) {
    sum.spent.texts += record.spent.texts;
    sum.under_way.texts += record.under_way.texts;
    sum.under_way.cost += record.under_way.cost;
  }
  return sum;
}

TEST_CASE("ingest: a request is in the ledger before the provider is called") {
  Bench bench;
  std::atomic<int> unseen{0};
  bench.provider.script = [&](std::size_t call, std::span<const std::string_view> texts) {
    const SpendRecord sum = ReadLedger(bench);
    // Answers of the request before may wait for their commit.
    if (sum.spent.texts + sum.under_way.texts != call * 10 + texts.size()) ++unseen;
    if (sum.under_way.cost < Money{static_cast<std::int64_t>(texts.size()) * 13'000}) ++unseen;
    return Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(35))).complete);
  CHECK(unseen == 0);
}

TEST_CASE("ingest: after a run the ledger says what the texts cost, and nothing is open") {
  Bench bench;
  std::uint64_t tokens = 0;
  for (const std::string& text : Numbered(35)) tokens += text.size();
  const IngestReport report = bench.MustRun(Texts(Numbered(35)));
  for (const bool reopened : {false, true}) {
    if (reopened) bench.Reopen();
    const SpendRecord sums = bench.Sums();
    CHECK(sums.spent.texts == 35);
    CHECK(sums.spent.tokens == tokens);
    CHECK(sums.spent.cost == CostOf(tokens, bench.options.price));
    CHECK(sums.spent.cost == report.cost);
    CHECK(sums.under_way.texts == 0);
    CHECK(sums.in_doubt.texts == 0);
    CHECK(sums.wasted.texts == 0);
    CHECK(bench.Doubts().empty());
  }
}

TEST_CASE("ingest: a provider that costs nothing leaves no trace in the ledger") {
  Bench bench;
  bench.provider.paid_ = false;
  CHECK(bench.MustRun(Texts(Numbered(35))).complete);
  CHECK(bench.store->Spending()->empty());
}

TEST_CASE("ingest: refused requests are not billed") {
  Bench bench;
  Code code = Code::kUnavailable;
  SUBCASE("not reached") { code = Code::kUnavailable; }
  SUBCASE("too fast") { code = Code::kRateLimited; }
  SUBCASE("refused") { code = Code::kRejected; }
  SUBCASE("no quota") { code = Code::kQuotaExhausted; }
  SUBCASE("no permission") { code = Code::kPermissionDenied; }
  bench.provider.script = [&](std::size_t, auto) { return Status(code, "no"); };
  bench.MustRun(Texts(Numbered(10)));
  const SpendRecord sums = bench.Sums();
  CHECK(sums.spent.texts + sums.wasted.texts + sums.in_doubt.texts + sums.under_way.texts == 0);
}

TEST_CASE("ingest: an answer that cannot be used is money wasted") {
  Bench bench;
  bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
    if (call == 0) reply->vectors.pop_back();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(20)));
  CHECK(bench.Sums().wasted.texts == 10);
  CHECK(bench.Sums().wasted.cost == Money{130'000});
  CHECK(report.cost == bench.Sums().spent.cost + bench.Sums().wasted.cost);
}

TEST_CASE("ingest: a lost answer is in doubt, and its texts are sent again at that risk") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call == 1 ? Status(Code::kInDoubt, "reset") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(30)));
  CHECK(report.complete);
  CHECK(report.in_doubt == 10);
  CHECK(report.in_doubt_cost == Money{140'000});
  const auto doubts = bench.Doubts();
  REQUIRE(doubts.size() == 1);
  CHECK(doubts[0].texts == 10);
  CHECK(doubts[0].cost == Money{140'000});
  CHECK(doubts[0].split == "s");
  CHECK(doubts[0].reason == "reset");
  CHECK(bench.Sums().spent.texts == 30);
  CHECK(bench.HasAll(Numbered(30)));
}

TEST_CASE("ingest: the risk of paying twice stays within what one run may risk") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call % 2 == 0 ? Status(Code::kInDoubt, "reset") : Status();
  };
  bench.options.doubt.max_resend = Money{300'000};  // Two requests of ten texts.
  const IngestReport report = bench.MustRun(Texts(Numbered(90)));
  CHECK(report.outcome.code() == Code::kHeld);
  CHECK(report.outcome.message().find("not sent again") != std::string::npos);
  CHECK(report.embedded == 20);
  CHECK(bench.provider.calls().size() == 5);
}

TEST_CASE("ingest: by the policy hold a doubtful text is not sent again until told otherwise") {
  Bench bench;
  bench.options.doubt.resend = false;
  bench.provider.script = [](std::size_t call, auto) {
    return call == 1 ? Status(Code::kInDoubt, "reset") : Status();
  };
  const IngestReport first = bench.MustRun(Texts(Numbered(30)));
  CHECK(first.outcome.code() == Code::kHeld);
  CHECK(bench.provider.calls().size() == 2);
  for (int runs = 0; runs < 2; ++runs) {
    bench.Reopen();
    const IngestReport next = bench.MustRun(Texts(Numbered(30)));
    CHECK(next.outcome.code() == Code::kHeld);
    CHECK(next.held == 10);
    CHECK(!next.complete);
  }
  CHECK(bench.provider.calls().size() == 3);  // Only the third batch.
  CHECK(bench.MustPlan(Texts(Numbered(30))).to_embed == 0);
  bench.options.doubt.resend = true;
  CHECK(bench.MustPlan(Texts(Numbered(30))).to_embed == 10);
  CHECK(bench.MustPlan(Texts(Numbered(30))).in_doubt == 10);
  CHECK(bench.MustRun(Texts(Numbered(30))).complete);
}

TEST_CASE("ingest: what a provider that throws may have cost is in doubt") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) -> Status {
    if (call == 1) throw std::runtime_error("out of cheese");
    return {};
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(30)));
  CHECK(report.outcome.code() == Code::kInternal);
  CHECK(bench.Sums().in_doubt.texts == 10);
  bench.provider.script = nullptr;
  CHECK(bench.MustRun(Texts(Numbered(30))).complete);
}

TEST_CASE("ingest: a process that dies in a request leaves its texts in doubt") {
  Bench bench;
  TempDir copy;
  bench.provider.script = [&](std::size_t call, auto) {
    // What a machine that dies now leaves on its disk.
    if (call == 0) {
      std::filesystem::copy(bench.dir.path(), copy.path() / "c",
                            std::filesystem::copy_options::recursive);
    }
    return Status();
  };
  bench.MustRun(Texts(Numbered(30)));
  bench.provider.script = nullptr;
  auto opened = Store::Open(copy.path() / "c", {});
  REQUIRE_MESSAGE(opened.ok(), opened.status().message());
  bench.store = std::move(*opened);
  const auto doubts = bench.Doubts();
  REQUIRE(doubts.size() == 1);
  CHECK(doubts[0].texts == 10);
  CHECK(doubts[0].cost == Money{130'000});
  CHECK(bench.Sums().under_way.texts == 0);
  SUBCASE("resend") { CHECK(bench.MustRun(Texts(Numbered(30))).complete); }
  SUBCASE("hold") {
    bench.options.doubt.resend = false;
    const IngestReport report = bench.MustRun(Texts(Numbered(30)));
    CHECK(report.outcome.code() == Code::kHeld);
    CHECK(report.held == 10);
    CHECK(report.embedded == 20);
  }
}

TEST_CASE("ingest: a text is billed twice only if the ledger had its first request in doubt") {
  for (int n = 0; n < 4; ++n) {
    CAPTURE(n);
    Bench bench;
    bench.options.concurrency = 3;
    bench.recorder.on_progress = [n, commits = 0]() mutable {
      if (commits++ == n) throw Killed();
    };
    CHECK_THROWS_AS(static_cast<void>(bench.Run(Texts(Numbered(200)))), Killed);
    bench.recorder.on_progress = nullptr;
    bench.Reopen();
    std::uint64_t in_doubt = 0;
    for (const DoubtRecord& doubt : bench.Doubts()) in_doubt += doubt.texts;
    CHECK(in_doubt <= 2 * 3 * 10);
    CHECK(bench.Sums().spent.texts + in_doubt == bench.provider.billed().size());
    CHECK(bench.MustRun(Texts(Numbered(200))).complete);
    std::uint64_t twice = 0;
    for (const auto& [text, times] : bench.provider.billed()) twice += times == 1 ? 0 : 1;
    CHECK(twice == in_doubt);
    CHECK(bench.HasAll(Numbered(200)));
  }
}

/// Removes a text and its vector from a closed store, behind the ledger's back.
void Lose(const Bench& bench, const std::string& text) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string_view name : kFamilyNames) {
    families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const std::string path = (bench.dir.path() / "store").string();
  REQUIRE(rocksdb::DB::Open({}, path, families, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::string key = VectorKey(bench.space(), MakeTextKey(text).hash);
  for (const Family family : {Family::kIndex, Family::kVectors}) {
    CHECK(db->Delete({}, handles[static_cast<std::size_t>(family)], key).ok());
  }
  for (auto* handle : handles) CHECK(db->DestroyColumnFamilyHandle(handle).ok());
}

TEST_CASE("ingest: a text that was paid for and is not there stops the run before it pays again") {
  Bench bench;
  SUBCASE("bought by calls") {}
  SUBCASE("bought by jobs") {
    bench.options.mode = IngestMode::kBatch;
    bench.options.check_pairing = false;
  }
  CHECK(bench.MustRun(Texts(Numbered(30))).complete);
  bench.Close();
  Lose(bench, "text number 17");
  bench.Reopen();
  const std::size_t calls = bench.provider.calls().size();
  const std::size_t jobs = bench.api.jobs.size();
  auto texts = Numbered(30);
  texts.push_back("new");
  const auto report = bench.Run(Texts(texts));
  REQUIRE(report.code() == Code::kCorruption);
  CHECK(report.status().message().find("1 texts of this split were paid for") != std::string::npos);
  CHECK(report.status().message().find("position 17") != std::string::npos);
  auto dataset = MakeMemoryDataset(Texts(texts));
  CHECK(PlanIngest(bench.store.get(), **dataset, bench.provider, bench.options).code() ==
        Code::kCorruption);
  CHECK(bench.provider.calls().size() == calls);
  CHECK(bench.api.jobs.size() == jobs);
}

TEST_CASE("spending: texts in doubt of earlier runs count against what a run may risk") {
  Bench bench;
  bench.options.retry.max_retries = 0;
  bench.provider.script = [](std::size_t, std::span<const std::string_view>) {
    return Status(Code::kInDoubt, "reset");
  };
  bench.MustRun(Texts(Numbered(10)));  // 130 micro-dollars in doubt.
  bench.provider.script = nullptr;
  bench.options.doubt.max_resend = Money{40'000};  // Three texts.
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(report.outcome.code() == Code::kHeld);
  CHECK(report.embedded == 3);
  CHECK(report.held == 7);
  bench.options.doubt.max_resend = Money{1'000'000};
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
}

TEST_CASE("spending: a plan does not overlook a ledger that cannot be read") {
  Bench bench;
  bench.MustRun(Texts(Numbered(3)));
  bench.Close();
  std::filesystem::resize_file(bench.dir.path() / "ledger", 90);
  std::ofstream(bench.dir.path() / "ledger", std::ios::app) << std::string(200, 'x');
  StoreOptions read_only;
  read_only.read_only = true;
  bench.Reopen(read_only);
  auto dataset = MakeMemoryDataset(Texts(Numbered(4)));
  CHECK(PlanIngest(bench.store.get(), **dataset, bench.provider, bench.options).code() ==
        Code::kCorruption);
}

}  // namespace
}  // namespace embstore
