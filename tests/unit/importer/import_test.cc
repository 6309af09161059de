// SPDX-License-Identifier: Apache-2.0
#include "embstore/import.h"

#include <doctest/doctest.h>

#include <map>

#include "../ingest/ingest_testing.h"

namespace embstore {
namespace {

using testing::Bench;
using testing::CollidingTexts;
using testing::Killed;
using testing::Numbered;
using testing::Texts;

/// Vectors by text, and what a test wants to see of the calls.
class MapSource final : public VectorSource {
 public:
  std::string Name() const override { return "map"; }
  Status Prepare(std::uint32_t /*dimensions*/, const StopFlag* /*stop*/) override { return {}; }
  Status BeginPass() override {
    ++passes;
    return on_pass ? on_pass(passes) : Status();
  }
  Result<bool> Find(const Document& document, std::span<float> out) override {
    const auto found = vectors.find(std::string(document.text));
    if (found == vectors.end()) return false;
    std::copy(found->second.begin(), found->second.end(), out.begin());
    return true;
  }

  std::map<std::string, std::vector<float>> vectors;
  std::function<Status(int)> on_pass;
  int passes = 0;
};

struct ImportBench : Bench {
  ImportBench() {
    import.split = "s";
    import.identity = provider.identity();
    import.provider = "scripted";
    import.observer = &recorder;
    import.clock = &clock;
  }

  void Offer(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) source.vectors[text] = provider.VectorOf(text);
  }

  Result<ImportReport> Import(const std::vector<std::string>& texts) {
    auto dataset = MakeMemoryDataset(Texts(texts));
    REQUIRE(dataset.ok());
    return ImportVectors(store.get(), **dataset, &source, import);
  }

  ImportReport MustImport(const std::vector<std::string>& texts) {
    auto report = Import(texts);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    return *report;
  }

  MapSource source;
  ImportOptions import;
};

TEST_CASE("import: what it brought is not sent, and what it did not bring is") {
  ImportBench bench;
  bench.Offer(Numbered(20));
  const ImportReport report = bench.MustImport(Numbered(25));
  CHECK(report.imported == 20);
  CHECK(report.missing == 5);
  CHECK(report.missing_ids == std::vector<std::string>{"20", "21", "22", "23", "24"});
  CHECK_FALSE(report.complete);
  CHECK(bench.HasAll(Numbered(20)));
  const IngestReport ingested = bench.MustRun(Texts(Numbered(25)));
  CHECK(ingested.cached == 20);
  CHECK(ingested.embedded == 5);
  CHECK(bench.provider.billed().size() == 5);
  CHECK(bench.HasAll(Numbered(25)));
}

TEST_CASE("import: the run, the coverage and the ledger say that it was free") {
  ImportBench bench;
  bench.Offer(Numbered(20));
  bench.MustImport(Numbered(20));
  const auto runs = bench.store->Runs();
  REQUIRE(runs.ok());
  REQUIRE(runs->size() == 1);
  CHECK(runs->front().source == "map");
  CHECK(runs->front().outcome == "imported");
  CHECK(runs->front().embedded == 20);
  CHECK(runs->front().cost == Money());
  const auto coverages = bench.store->Coverages("s");
  REQUIRE(coverages.ok());
  REQUIRE(coverages->size() == 1);
  CHECK(coverages->front().second.imported == 20);
  CHECK(coverages->front().second.complete);
  CHECK(bench.Sums().spent.texts == 0);
  bench.Reopen();  // Ledger and store still agree.
  CHECK(bench.HasAll(Numbered(20)));
}

TEST_CASE("import: killed after a commit, the same import goes on from there") {
  ImportBench bench;
  const std::vector<std::string> texts = Numbered(3000);  // Three commits.
  bench.Offer(texts);
  bench.recorder.on_progress = [] { throw Killed(); };
  CHECK_THROWS_AS(bench.Import(texts), Killed);
  bench.recorder.on_progress = nullptr;
  bench.Reopen();
  const ImportReport report = bench.MustImport(texts);
  CHECK(report.cached == 1024);
  CHECK(report.imported == 3000 - 1024);
  CHECK(report.complete);
  CHECK(bench.HasAll(texts));
}

TEST_CASE("import: killed on the way through a split that was complete, ingest embeds the rest") {
  ImportBench bench;
  bench.Offer(Numbered(3000));
  bench.MustImport(Numbered(10));
  bench.recorder.on_progress = [] { throw Killed(); };
  CHECK_THROWS_AS(bench.Import(Numbered(3000)), Killed);
  CHECK_FALSE(bench.store->Coverages("s")->front().second.complete);
  CHECK(bench.store->Coverages("s")->front().second.embedded == 10 + 1024);
}

TEST_CASE("import: overwriting counts no document twice") {
  ImportBench bench;
  bench.Offer(Numbered(2000));
  bench.MustImport(Numbered(2000));
  for (auto& [text, vector] : bench.source.vectors) vector[0] += 1;
  bench.import.overwrite = true;
  bench.recorder.on_progress = [] { throw Killed(); };
  CHECK_THROWS_AS(bench.Import(Numbered(2000)), Killed);
  CHECK(bench.store->Coverages("s")->front().second.embedded == 2000);
}

TEST_CASE("import: a stop flag ends it after a commit, and says so") {
  ImportBench bench;
  const std::vector<std::string> texts = Numbered(3000);
  bench.Offer(texts);
  StopFlag stop{false};
  bench.import.stop = &stop;
  bench.recorder.on_progress = [&] { stop.store(true); };
  const ImportReport report = bench.MustImport(texts);
  CHECK(report.outcome.code() == Code::kCancelled);
  CHECK(report.imported == 1024);
  CHECK(report.missing == 3000 - 1024);
  CHECK(bench.store->Runs()->back().outcome == CodeName(Code::kCancelled));
}

TEST_CASE("import: a bad vector refuses everything before the list is published") {
  ImportBench bench;
  bench.Offer(Numbered(300));
  bench.source.vectors["text number 299"][0] = std::numeric_limits<float>::quiet_NaN();
  const auto report = bench.Import(Numbered(300));
  REQUIRE(!report.ok());
  CHECK(report.code() == Code::kInvalidArgument);
  CHECK(report.status().message().find("document '299'") != std::string::npos);
  CHECK(bench.store->Splits()->empty());
  CHECK(bench.store->CommitNumber() == 0);
  CHECK(*bench.store->CountVectors(bench.space()) == 0);
}

TEST_CASE("import: a source that changes after it was checked stores nothing more") {
  ImportBench bench;
  bench.Offer(Numbered(20));
  bench.source.on_pass = [&](int pass) {
    if (pass == 2) bench.source.vectors["text number 7"][0] += 1;
    return Status();
  };
  const ImportReport report = bench.MustImport(Numbered(20));
  CHECK(report.outcome.code() == Code::kInvalidArgument);
  CHECK(report.outcome.message().find("map changed while it was read") != std::string::npos);
  CHECK(report.imported == 0);
  CHECK(*bench.store->CountVectors(bench.space()) == 0);
}

TEST_CASE("import: a source without one vector for the documents is refused") {
  ImportBench bench;
  bench.Offer({"another text"});
  const auto report = bench.Import(Numbered(3));
  CHECK(report.code() == Code::kInvalidArgument);
  CHECK(bench.store->Splits()->empty());
}

TEST_CASE("import: two texts with one hash keep their own vectors") {
  ImportBench bench;
  const auto [a, b] = CollidingTexts();
  bench.Offer({a, b});
  CHECK(bench.MustImport({a, b, a}).imported == 2);
  CHECK(bench.HasAll({a, b}));
}

TEST_CASE("import: a plan counts the same, for a store that is not there too") {
  ImportBench bench;
  bench.Offer(Numbered(20));
  const auto dataset = MakeMemoryDataset(Texts(Numbered(25)));
  const auto plan = PlanImport(nullptr, **dataset, &bench.source, bench.import);
  REQUIRE(plan.ok());
  CHECK(plan->imported == 20);
  CHECK(plan->missing == 5);
  bench.MustImport(Numbered(10));
  const auto second = PlanImport(bench.store.get(), **dataset, &bench.source, bench.import);
  REQUIRE(second.ok());
  CHECK(second->cached == 10);
  CHECK(second->imported == 10);
  CHECK(second->missing == 5);
  CHECK(bench.store->FindSplit("s")->record.documents == 10);
}

TEST_CASE("import: the split's own list and texts can be imported into, and stay as they are") {
  ImportBench bench;
  bench.MustRun(Texts(Numbered(300)));
  const SplitRecord before = bench.store->FindSplit("s")->record;
  bench.Offer(Numbered(300));
  bench.import.identity.model = "another";
  bench.clock.Advance(std::chrono::hours(1));
  const auto stored = OpenStoredDataset(*bench.store, "s");
  REQUIRE(stored.ok());
  const auto report = ImportVectors(bench.store.get(), **stored, &bench.source, bench.import);
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  CHECK(report->imported == 300);
  CHECK(report->complete);
  const SplitRecord after = bench.store->FindSplit("s")->record;
  CHECK(after.created_micros == before.created_micros);
  CHECK(after.generation == before.generation);
  CHECK(after.layout == before.layout);
  CHECK(OpenStoredDataset(*bench.store, "t").code() == Code::kNotFound);
}

TEST_CASE("import: names and identities that are none are refused") {
  ImportBench bench;
  bench.import.split = "../s";
  CHECK(bench.Import({"a"}).code() == Code::kInvalidArgument);
  bench.import.split = "s";
  bench.import.identity.model = "";
  CHECK(bench.Import({"a"}).code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace embstore
