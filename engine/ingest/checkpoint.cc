// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/checkpoint.h"

#include <system_error>

#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"

namespace embstore {

std::filesystem::path CheckpointPath(const std::filesystem::path& directory,
                                     const std::string& split) {
  return directory / (".checkpoint_" + split + ".json");
}

Status WriteCheckpoint(const std::filesystem::path& directory, const std::string& split,
                       std::uint64_t documents, const CoverageRecord& coverage) {
  std::string json;
  JsonWriter(&json, 2)
      .BeginObject()
      .Key("split")
      .String(split)
      .Key("documents")
      .Uint(documents)
      .Key("embedded")
      .Uint(coverage.embedded)
      .Key("last_processed_index")
      .Uint(coverage.last_position)
      .Key("batch_size")
      .Uint(coverage.batch_size)
      .Key("total_batches")
      .Uint(coverage.total_batches)
      .Key("timestamp")
      .String(FormatUtc(coverage.updated_micros))
      .EndObject();
  json += '\n';
  return ReplaceFile(CheckpointPath(directory, split), json);
}

void RemoveCheckpoint(const std::filesystem::path& directory, const std::string& split) {
  std::error_code ignored;
  std::filesystem::remove(CheckpointPath(directory, split), ignored);
}

}  // namespace embstore
