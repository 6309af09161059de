// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "engine/exporter/metadata.h"
#include "support/arrow_reader.h"
#include "unit/exporter/exporter_testing.h"

namespace embstore {
namespace {

using testing::Arrival;
using testing::ArrowReader;
using testing::Bench;

std::string AsBytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// Exports as a table and answers its bytes.
std::string ExportTable(Bench* bench) {
  bench->options.format = ExportFormat::kArrow;
  const auto report = ExportSplit(*bench->store, bench->options);
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  CHECK(report->path == bench->dir.path() / "s_embeddings.arrow");
  return bench->Read("s_embeddings.arrow");
}

TEST_CASE("arrow export: the vectors are those of the array, byte for byte") {
  Bench bench({"a", "-b", "c"});
  bench.options.missing = MissingPolicy::kNan;
  SUBCASE("rows of NaN") {}
  SUBCASE("left out") { bench.options.missing = MissingPolicy::kSkip; }
  SUBCASE("cut and normalised") { bench.options.dimensions = 2; }
  SUBCASE("cut only") {
    bench.options.dimensions = 2;
    bench.options.normalize = false;
  }
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  const std::string table = ExportTable(&bench);
  const ArrowReader reader(table);
  REQUIRE(reader.Footer()->record_batches()->size() == 1);
  CHECK(reader.Buffers(*reader.Footer()->record_batches()->Get(0)).back() == AsBytes(bench.Rows()));
}

TEST_CASE("arrow export: labels of some documents only are strings, and null for the others") {
  Bench bench({"a", "b", "c"}, {"7", std::nullopt});
  const std::string table = ExportTable(&bench);
  const ArrowReader reader(table);
  const auto* label = reader.Footer()->schema()->fields()->Get(1);
  CHECK(label->type_type() == arrow_fb::Type::Utf8);
  CHECK(label->nullable());
  const auto buffers = reader.Buffers(*reader.Footer()->record_batches()->Get(0));
  CHECK(buffers[3] == "\x05");  // The bitmap of the labels, behind the three buffers of the ids.
  CHECK(buffers[5] == "77");
}

TEST_CASE("arrow export: files do not depend on how and in which order vectors came") {
  const std::vector<std::string> texts = {"one", "two", "-three", "four", "five"};
  Bench at_once(texts);
  Bench one_by_one(texts, {"7"}, Arrival::kBackwardsOneByOne);
  for (Bench* bench : {&at_once, &one_by_one}) {
    bench->options.missing = MissingPolicy::kNan;
    REQUIRE(ExportSplit(*bench->store, bench->options).ok());
  }
  CHECK(ExportTable(&at_once) == ExportTable(&one_by_one));
  for (const std::string name : {"s_embeddings.npy", "s_documents.jsonl", "s_labels.npy"}) {
    CHECK(at_once.Read(name) == one_by_one.Read(name));
  }
}

TEST_CASE("arrow export: its metadata file vouches for it, and for nothing else") {
  Bench bench({"a", "b"});
  REQUIRE(ExportSplit(*bench.store, bench.options).ok());
  const std::string array_metadata = bench.Read("s_metadata.json");
  bench.options.normalize = false;
  ExportTable(&bench);
  CHECK(bench.Read("s_metadata.json") == array_metadata);
  const auto metadata = ReadMetadata({bench.dir.path(), "s", ExportFormat::kArrow});
  REQUIRE(metadata);
  REQUIRE(metadata->parts.size() == 1);
  CHECK(metadata->parts[0].second.xxh3_128 ==
        DigestFile(bench.dir.path() / "s_embeddings.arrow")->xxh3_128);
  CHECK(ExportSplit(*bench.store, bench.options)->unchanged);
  std::filesystem::remove(bench.dir.path() / "s_embeddings.arrow");
  CHECK(!ExportSplit(*bench.store, bench.options)->unchanged);
}

TEST_CASE("arrow export: a batch ends before its strings pass 8 MiB, or has one row") {
  std::vector<std::string> texts;
  for (const char c : std::string("abcdef")) texts.emplace_back(3u << 20, c);
  texts[2].resize(9u << 20, 'c');
  Bench bench(texts);
  const std::string table = ExportTable(&bench);
  const ArrowReader reader(table);
  std::vector<std::size_t> rows;
  for (const arrow_fb::Block* block : *reader.Footer()->record_batches()) {
    rows.push_back(reader.Buffers(*block)[4].size() / sizeof(std::int64_t));  // Labels.
  }
  CHECK(rows == std::vector<std::size_t>{2, 1, 2, 1});
}

}  // namespace
}  // namespace embstore
