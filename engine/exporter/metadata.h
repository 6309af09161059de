// SPDX-License-Identifier: Apache-2.0
// The metadata file: what is in an export, and the digests that prove it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "embstore/record.h"
#include "embstore/status.h"
#include "engine/exporter/export_files.h"

namespace embstore {

struct ExportMetadata {
  std::string split;
  SplitRecord split_record;
  SpaceId space_id;
  SpaceRecord space;
  CoverageRecord coverage;
  std::uint64_t rows = 0;
  std::uint64_t missing = 0;
  std::uint32_t dimensions = 0;
  bool normalized = false;
  std::int64_t timestamp_micros = 0;
  std::string content_id;  ///< Equal for two exports only when their rows are equal.
  PartDigests parts;
};

std::string ToJson(const ExportMetadata& metadata);

/// What an existing export says of itself; nothing when there is none or it cannot be read.
struct ExistingExport {
  std::string content_id;
  PartDigests parts;
  std::uint64_t rows = 0;
  std::uint64_t missing = 0;
  std::uint32_t dimensions = 0;
  bool normalized = false;
  std::string split;
  std::string space;  ///< In hex.
  std::string model;
  std::string task_type;
  std::string provider;
};
std::optional<ExistingExport> ReadMetadata(const ExportPaths& paths);

}  // namespace embstore
