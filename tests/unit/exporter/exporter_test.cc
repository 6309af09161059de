// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "embstore/vector.h"
#include "engine/exporter/metadata.h"
#include "unit/exporter/exporter_testing.h"

namespace embstore {
namespace {

using testing::Bench;

TEST_CASE("export: rows lie in document order, of unit length, with documents and labels") {
  Bench bench({"a", "b", "c"});
  const auto report = ExportSplit(*bench.store, bench.options);
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  CHECK(report->rows == 3);
  CHECK(report->dimensions == 3);
  const auto rows = bench.Rows();
  REQUIRE(rows.size() == 9);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<float> expected = bench.vectors[i];
    NormalizeL2(expected);
    CHECK(std::equal(expected.begin(), expected.end(), rows.begin() + static_cast<long>(3 * i)));
  }
  CHECK(bench.Read("s_embeddings.npy")
            .find("'descr': '<f4', 'fortran_order': False, "
                  "'shape': (3, 3), }") != std::string::npos);
  CHECK(bench.Read("s_documents.jsonl") ==
        "{\"row\":0,\"id\":\"0\",\"label\":7}\n{\"row\":1,\"id\":\"1\",\"label\":7}\n"
        "{\"row\":2,\"id\":\"2\",\"label\":7}\n");
  CHECK(bench.Read("s_labels.npy").find("'<i8'") != std::string::npos);
}

TEST_CASE("export: vectors come out as the provider gave them when not normalised") {
  Bench bench({"a"});
  bench.options.normalize = false;
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  CHECK(bench.Rows() == std::vector<float>{1, 2, 3});
  CHECK(bench.Read("s_metadata.json").find("\"normalized\": false") != std::string::npos);
}

TEST_CASE("export: a cut to fewer dimensions is normalised after the cut") {
  Bench bench({"a"});
  bench.options.dimensions = 2;
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  const auto rows = bench.Rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] == doctest::Approx(1 / std::sqrt(5.0)));
  bench.options.dimensions = 4;
  CHECK(ExportSplit(*bench.store, bench.options).code() == Code::kInvalidArgument);
}

TEST_CASE("export: documents without a vector refuse the export and are named") {
  Bench bench({"a", "-b", "c", "-d"});
  const auto report = ExportSplit(*bench.store, bench.options);
  REQUIRE(report.code() == Code::kNotFound);
  CHECK(report.status().message() ==
        "2 of 4 documents of split 's' have no vector (1, 3); nothing was written. Run 'embstore "
        "ingest s' to embed them, or export with --missing skip or --missing nan");
  for (const auto& entry : std::filesystem::directory_iterator(bench.dir.path())) {
    CHECK(entry.path().filename().string().find("s_") != 0);
  }
}

TEST_CASE("export: documents without a vector are left out or become NaN when asked for") {
  Bench bench({"a", "-b", "c"});
  SUBCASE("left out") {
    bench.options.missing = MissingPolicy::kSkip;
    REQUIRE(ExportSplit(*bench.store, bench.options).ok());
    CHECK(bench.Rows().size() == 6);
    CHECK(bench.Read("s_documents.jsonl").find("{\"row\":1,\"id\":\"2\",\"label\":7}") !=
          std::string::npos);
  }
  SUBCASE("NaN") {
    bench.options.missing = MissingPolicy::kNan;
    REQUIRE(ExportSplit(*bench.store, bench.options).ok());
    const auto rows = bench.Rows();
    REQUIRE(rows.size() == 9);
    CHECK(std::isnan(rows[3]));
    CHECK(!std::isnan(rows[6]));
  }
}

TEST_CASE("export: a lost file of an export with gaps is written again, and counted once") {
  Bench bench({"a", "-b", "c"});
  bench.options.missing = MissingPolicy::kSkip;
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  std::filesystem::remove(bench.dir.path() / "s_embeddings.npy");
  const auto again = ExportSplit(*bench.store, bench.options);
  REQUIRE_MESSAGE(again.ok(), again.status().message());
  CHECK(again->missing == 1);
  CHECK(again->rows == 2);
}

TEST_CASE("export: labels that are no integers make no labels file") {
  Bench bench({"a", "b"}, {"sports"});
  std::ofstream(bench.dir.path() / "s_labels.npy") << "of an earlier export";
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  CHECK(!std::filesystem::exists(bench.dir.path() / "s_labels.npy"));
  CHECK(bench.Read("s_documents.jsonl").find("\"label\":\"sports\"") != std::string::npos);
}

TEST_CASE("export: an unchanged export is left as it is, a changed one is written again") {
  Bench bench({"a", "b"});
  REQUIRE(!ExportSplit(*bench.store, bench.options)->unchanged);
  const auto written = std::filesystem::last_write_time(bench.dir.path() / "s_embeddings.npy");
  CHECK(ExportSplit(*bench.store, bench.options)->unchanged);
  CHECK(std::filesystem::last_write_time(bench.dir.path() / "s_embeddings.npy") == written);
  bench.options.normalize = false;
  CHECK(!ExportSplit(*bench.store, bench.options)->unchanged);
  std::filesystem::remove(bench.dir.path() / "s_documents.jsonl");
  CHECK(!ExportSplit(*bench.store, bench.options)->unchanged);
}

TEST_CASE("export: new vectors anywhere in the store make an export worth writing again") {
  Bench bench({"a", "-b"});
  bench.options.missing = MissingPolicy::kNan;
  REQUIRE(ExportSplit(*bench.store, bench.options)->missing == 1);
  Commit commit;  // As another split would bring it that has the same text.
  commit.space = bench.options.space;
  commit.embedded.push_back({MakeTextKey("-b"), "-b", 1, bench.vectors[1]});
  REQUIRE(StoreWriter(bench.store.get()).Write(commit).ok());
  const auto report = ExportSplit(*bench.store, bench.options);
  REQUIRE(report.ok());
  CHECK(!report->unchanged);
  CHECK(report->missing == 0);
}

TEST_CASE("export: the metadata file vouches for the other files byte for byte") {
  Bench bench({"a", "b"});
  bench.options.verify = true;
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  const auto metadata = ReadMetadata({bench.dir.path(), "s", ExportFormat::kNpy});
  REQUIRE(metadata);
  CHECK(DigestFile(bench.dir.path() / "s_embeddings.npy")->xxh3_128 ==
        metadata->parts[0].second.xxh3_128);
  CHECK(ExportSplit(*bench.store, bench.options)->unchanged);
  std::fstream npy(bench.dir.path() / "s_embeddings.npy",
                   std::ios::in | std::ios::out | std::ios::binary);
  npy.seekp(-1, std::ios::end);
  npy.put('x');
  npy.close();
  CHECK(ExportSplit(*bench.store, bench.options).code() == Code::kCorruption);
}

/// Asked for the time just before the files are put in place, it makes that impossible.
class HostileClock final : public Clock {
 public:
  explicit HostileClock(std::filesystem::path in_the_way) : in_the_way_(std::move(in_the_way)) {}

  std::chrono::nanoseconds Monotonic() override { return {}; }
  std::int64_t WallMicros() override {
    std::filesystem::remove(in_the_way_);
    std::filesystem::create_directories(in_the_way_ / "full");
    return 1;
  }
  bool SleepFor(std::chrono::nanoseconds, const StopFlag*) override { return true; }

 private:
  const std::filesystem::path in_the_way_;
};

TEST_CASE("export: where only some files can be replaced, no metadata vouches for any") {
  Bench bench({"a", "b"});
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  HostileClock clock(bench.dir.path() / "s_documents.jsonl");
  bench.options.clock = &clock;
  bench.options.normalize = false;
  CHECK(ExportSplit(*bench.store, bench.options).code() == Code::kWriteFailed);
  CHECK(!std::filesystem::exists(bench.dir.path() / "s_metadata.json"));
}

TEST_CASE("export: a target that is a symlink is refused and its file left alone") {
  Bench bench({"a"});
  std::ofstream(bench.dir.path() / "precious") << "keep";
  std::filesystem::create_symlink("precious", bench.dir.path() / "s_embeddings.npy");
  CHECK(ExportSplit(*bench.store, bench.options).code() == Code::kInvalidArgument);
  CHECK(bench.Read("precious") == "keep");
}

TEST_CASE("export: a set of 10,000 rows spans chunks without a seam") {
  std::vector<std::string> texts;
  for (int i = 0; i < 10'000; ++i) texts.push_back("text " + std::to_string(i));
  Bench bench(texts);
  bench.options.normalize = false;
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  const auto rows = bench.Rows();
  REQUIRE(rows.size() == 30'000);
  bool in_order = true;
  for (std::size_t i = 0; i < 10'000; ++i) {
    in_order = in_order && rows[3 * i] == static_cast<float>(i + 1);
  }
  CHECK(in_order);
}

}  // namespace
}  // namespace embstore
