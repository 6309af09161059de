// SPDX-License-Identifier: Apache-2.0
// The metadata file of an export that is there already.
#include "engine/exporter/metadata.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  const ExportPaths paths(Scratch(), "train", ExportFormat::kNpy);
  WriteScratch(paths.metadata.filename().string(), Input(data, size).rest());
  const auto existing = ReadMetadata(paths);
  if (!existing) return 0;
  FUZZ_CHECK(IsUtf8(existing->content_id));
  FUZZ_CHECK(!existing->parts.empty() && existing->parts.size() <= paths.parts.size());
  ExportMetadata metadata;
  metadata.split = "train";
  metadata.rows = existing->rows;
  metadata.missing = existing->missing;
  metadata.dimensions = existing->dimensions;
  metadata.normalized = existing->normalized;
  metadata.content_id = existing->content_id;
  metadata.parts = existing->parts;
  WriteScratch(paths.metadata.filename().string(), ToJson(metadata));
  const auto again = ReadMetadata(paths);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(again->content_id == existing->content_id && again->rows == existing->rows);
  FUZZ_CHECK(again->missing == existing->missing && again->dimensions == existing->dimensions);
  FUZZ_CHECK(again->parts.size() == existing->parts.size());
  for (std::size_t i = 0; i < again->parts.size(); ++i) {
    FUZZ_CHECK(again->parts[i].second.bytes == existing->parts[i].second.bytes);
    FUZZ_CHECK(again->parts[i].second.xxh3_128 == existing->parts[i].second.xxh3_128);
  }
  return 0;
}
