// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

TEST_CASE("ingest: bad input is refused before anything is sent") {
  Bench bench;
  bench.MustRun(Texts({"kept"}));
  SUBCASE("an id with two texts") {
    const auto report = bench.Run({{"a", "one", {}}, {"b", "two", {}}, {"a", "three", {}}});
    REQUIRE(report.code() == Code::kInvalidArgument);
    CHECK(report.status().message().find("document id 'a'") != std::string::npos);
  }
  SUBCASE("no document at all") { CHECK(bench.Run({}).code() == Code::kInvalidArgument); }
  SUBCASE("a name that is no file name") {
    bench.options.split = "../up";
    CHECK(bench.Run(Texts({"x"})).code() == Code::kInvalidArgument);
  }
  CHECK(bench.provider.calls().size() == 1);
  CHECK(bench.store->FindSplit("s")->record.documents == 1);
}

TEST_CASE("ingest: an id that repeats its text is a warning") {
  Bench bench;
  const IngestReport report = bench.MustRun({{"a", "one", {}}, {"a", "one", {}}});
  CHECK(report.complete);
  CHECK(bench.recorder.Warned("repeat the id"));
}

TEST_CASE("ingest: empty and over-long texts are never sent and are named") {
  Bench bench;
  bench.provider.limits_.max_text_tokens = 20;
  const IngestReport report =
      bench.MustRun(Texts({"fine", "", "  \n", std::string(21, 'x'), std::string(20, 'y')}));
  CHECK(report.embedded == 2);
  CHECK(report.skipped == 3);
  CHECK(!report.complete);
  CHECK(report.outcome.ok());
  CHECK(bench.provider.billed().size() == 2);
  const auto failures = bench.store->Failures();
  REQUIRE(failures->size() == 3);
  std::set<std::string> reasons;
  for (const FailureRecord& failure : *failures) reasons.insert(failure.reason);
  CHECK(reasons.count("the text is empty") == 1);
  CHECK(reasons.count("the text has about 21 tokens, the model takes 20") == 1);
}

TEST_CASE("ingest: a number of documents that was not expected is a warning with both numbers") {
  Bench bench;
  bench.options.expected_documents = 120'000;
  bench.MustRun(Texts(Numbered(3)));
  CHECK(bench.recorder.Warned("has 3 documents, 120000 were expected"));
}

TEST_CASE("ingest: a limit takes the first documents and can be lifted later") {
  Bench bench;
  bench.options.limit = 4;
  CHECK(bench.MustRun(Texts(Numbered(30))).documents == 4);
  bench.options.limit = 0;
  const IngestReport all = bench.MustRun(Texts(Numbered(30)));
  CHECK(all.cached == 4);
  CHECK(all.embedded == 26);
}

/// Says something else when it is read again.
class FickleDataset final : public Dataset {
 public:
  Result<std::unique_ptr<DocumentReader>> Open() const override {
    auto dataset = MakeMemoryDataset(Texts({"a", "b", opened_++ == 0 ? "c" : "a"}));
    reading_.push_back(std::move(*dataset));
    return reading_.back()->Open();
  }
  std::string Name() const override { return "fickle"; }
  std::string Layout() const override { return "fickle"; }
  bool HasIds() const override { return false; }
  std::optional<SourceStamp> Stamp() const override { return std::nullopt; }

 private:
  mutable int opened_ = 0;
  mutable std::vector<std::unique_ptr<Dataset>> reading_;
};

TEST_CASE("ingest: a text that the scan did not see is never sent") {
  Bench bench;
  bench.provider.limits_.max_texts = 1;
  const FickleDataset dataset;
  const auto report = Ingest(bench.store.get(), dataset, &bench.provider, bench.options);
  REQUIRE(report.ok());
  CHECK(report->outcome.code() == Code::kInvalidArgument);
  CHECK(!report->complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

/// A file that can be rewritten, as a dataset.
struct FileBench : Bench {
  FileBench() : path(dir.path() / "in.csv") {}
  void Write(const std::string& content) { std::ofstream(path, std::ios::binary) << content; }
  IngestReport RunFile() {
    FileDatasetOptions file;
    file.path = path;
    auto dataset = OpenFileDataset(file);
    REQUIRE(dataset.ok());
    auto report = Ingest(store.get(), **dataset, &provider, options);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    return *report;
  }
  std::filesystem::path path;
};

TEST_CASE("ingest: an unchanged file is answered from the manifest without reading it") {
  FileBench bench;
  bench.clock.Advance(std::chrono::hours(24 * 365 * 10));  // Long after the file was written.
  bench.Write("1,a,b\n2,c,d\n");
  CHECK(bench.RunFile().embedded == 2);
  bench.recorder.plan = {};
  const IngestReport again = bench.RunFile();
  CHECK(again.unchanged);
  CHECK(again.cached == 2);
  CHECK(bench.recorder.plan.documents == 0);  // A run that reads the file makes a plan.
}

TEST_CASE("ingest: a file that was rewritten with the same content is not embedded again") {
  FileBench bench;
  bench.Write("1,a,b\n2,c,d\n");
  bench.RunFile();
  std::filesystem::remove(bench.path);
  bench.Write("1,a,b\n2,c,d\n");
  const IngestReport again = bench.RunFile();
  CHECK(again.embedded == 0);
  CHECK(again.unchanged);
  CHECK(bench.store->FindSplit("s")->record.generation == 1);
}

TEST_CASE("ingest: an error on a late line leaves the earlier document list in place") {
  FileBench bench;
  bench.Write("1,a,b\n2,c,d\n");
  bench.RunFile();
  bench.Write("1,x,y\n2,c\n");
  FileDatasetOptions file;
  file.path = bench.path;
  auto dataset = OpenFileDataset(file);
  const auto report = Ingest(bench.store.get(), **dataset, &bench.provider, bench.options);
  REQUIRE(report.code() == Code::kInvalidArgument);
  CHECK(report.status().message().find("in.csv:2") != std::string::npos);
  CHECK(bench.provider.calls().size() == 1);
  CHECK(bench.VectorOf("0") == bench.provider.VectorOf("a b"));
}

}  // namespace
}  // namespace embstore
