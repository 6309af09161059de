// SPDX-License-Identifier: Apache-2.0
#include "embstore/overview.h"

#include <doctest/doctest.h>

#include "engine/store/store_writer.h"
#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using testing::Bench;
using testing::JobBench;
using testing::Numbered;
using testing::Texts;

Overview MustMake(const Bench& bench, const std::string& only_split = "") {
  auto overview = MakeOverview(*bench.store, only_split);
  REQUIRE_MESSAGE(overview.ok(), overview.status().message());
  return *std::move(overview);
}

TEST_CASE("overview: a split has as many vectors as its present documents, not as earlier ones") {
  Bench bench;
  bench.MustRun(Texts(Numbered(5)));
  StoreWriter writer(bench.store.get());
  auto split = writer.BeginDocuments("s");
  REQUIRE(split.ok());
  const std::vector<DocumentRecord> documents = {{MakeTextKey("text number 3"), "", std::nullopt},
                                                 {MakeTextKey("new"), "", std::nullopt}};
  REQUIRE(writer.AppendDocuments(*split, 0, documents).ok());
  split->documents = documents.size();
  REQUIRE(writer.PublishDocuments("s", *split).ok());
  const Overview overview = MustMake(bench);
  REQUIRE(overview.splits.size() == 1);
  CHECK(overview.splits[0].split.record.documents == 2);
  CHECK(overview.splits[0].coverage.embedded == 1);
  CHECK(overview.splits[0].Missing() == 1);
  REQUIRE(overview.spaces.size() == 1);
  CHECK(overview.spaces[0].vectors == 5);
}

TEST_CASE("overview: an export is none, current, then older") {
  Bench bench;
  bench.MustRun(Texts(Numbered(3)));
  const auto state = [&] { return MustMake(bench).splits.at(0).exported.state; };
  CHECK(state() == ExportState::kNone);
  CHECK(MustMake(bench).export_bytes == 0);
  ExportOptions options;
  options.split = "s";
  options.space = bench.space();
  REQUIRE(ExportSplit(*bench.store, options).ok());
  CHECK(state() == ExportState::kCurrent);
  CHECK(MustMake(bench).export_bytes > 3 * sizeof(float));
  bench.MustRun(Texts(Numbered(4)));
  CHECK(state() == ExportState::kOther);
}

TEST_CASE("overview: of one split there is nothing of another, and of no split there is none") {
  Bench bench;
  bench.MustRun(Texts(Numbered(3)));
  bench.options.split = "refused";
  bench.provider.script = [](std::size_t, auto) { return Status(Code::kRejected, "not this one"); };
  bench.MustRun(Texts({"x"}));
  const Overview all = MustMake(bench);
  CHECK(all.splits.size() == 2);
  CHECK(all.failures.size() == 1);
  CHECK(SumSpendingBy(SpendGroup::kSplit, all.spending).contains("s"));
  const Overview one = MustMake(bench, "s");
  REQUIRE(one.splits.size() == 1);
  CHECK(one.splits[0].split.name == "s");
  CHECK(one.failures.empty());
  CHECK(SumSpendingBy(SpendGroup::kSplit, one.spending).size() == 1);
  CHECK(MustMake(bench, "refused").failures.at(0).reason == "not this one");
  CHECK(MakeOverview(*bench.store, "none").code() == Code::kNotFound);
}

TEST_CASE("overview: jobs are listed while they are open") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(15)));
  CHECK(MustMake(bench).jobs.size() == 2);
  bench.options.batch.wait = true;
  bench.MustRun(Texts(Numbered(15)));
  CHECK(MustMake(bench).jobs.empty());
  CHECK(bench.store->Jobs()->size() == 2);
}

}  // namespace
}  // namespace embstore
