// SPDX-License-Identifier: Apache-2.0
// How the files of an export stand to the store.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "embstore/export.h"
#include "engine/exporter/metadata.h"

namespace embstore {

/// All that decides the rows of an export: document list, space, state of the vectors, options.
struct ContentFacts {
  std::string store_id;
  std::array<std::uint8_t, 32> list_sha256{};
  SpaceId space;
  std::uint32_t dimensions = 0;
  std::uint64_t commit = 0;
  std::int64_t updated_micros = 0;
  MissingPolicy missing = MissingPolicy::kFail;
  bool normalize = false;
};
std::string ContentId(const ContentFacts& facts);

/// The same of an open store.
std::string ContentId(const Store& store, const SplitRecord& split, SpaceId space,
                      const CoverageRecord& coverage, std::uint32_t dimensions,
                      MissingPolicy missing, bool normalize);

/// Whether all files are there with the sizes that their metadata names.
bool HasFiles(const ExistingExport& existing);

/// How far `space` covers the split; all zero when it was never embedded there.
Result<CoverageRecord> FindCoverage(const Store& store, const std::string& split, SpaceId space);

}  // namespace embstore
