// SPDX-License-Identifier: Apache-2.0
#include "engine/exporter/export_state.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "engine/base/text.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

std::uint64_t SizeOf(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  return error ? 0 : bytes;
}

}  // namespace

std::string ContentId(const ContentFacts& content) {
  std::string facts =
      content.store_id + "/" + HexString(content.list_sha256) + "/" + ToHex(content.space);
  for (const std::uint64_t fact :
       {std::uint64_t{content.dimensions}, content.commit,
        static_cast<std::uint64_t>(content.updated_micros),
        static_cast<std::uint64_t>(content.missing), std::uint64_t{content.normalize}}) {
    facts += "/" + std::to_string(fact);
  }
  return ToHex(HashBytes(facts));
}

std::string ContentId(const Store& store, const SplitRecord& split, SpaceId space,
                      const CoverageRecord& coverage, std::uint32_t dimensions,
                      MissingPolicy missing, bool normalize) {
  return ContentId({store.Id(), split.list_sha256, space, dimensions, store.CommitNumber(),
                    coverage.updated_micros, missing, normalize});
}

bool HasFiles(const ExistingExport& existing) {
  return std::all_of(existing.parts.begin(), existing.parts.end(),
                     [](const auto& part) { return SizeOf(part.first.path) == part.second.bytes; });
}

Result<CoverageRecord> FindCoverage(const Store& store, const std::string& split, SpaceId space) {
  const auto coverages = store.Coverages(split);
  if (!coverages.ok()) return coverages.status();
  for (const auto& [id, coverage] : *coverages) {
    if (id == space) return coverage;
  }
  return CoverageRecord();
}

std::string_view ExportStateName(ExportState state) {
  return state == ExportState::kCurrent ? "current"
         : state == ExportState::kOther ? "older"
                                        : "none";
}

Result<ExportInfo> FindExport(const Store& store, const std::string& split, SpaceId space,
                              const fs::path& directory) {
  const auto found = store.FindSplit(split);
  if (!found.ok()) return found.status();
  const auto coverage = FindCoverage(store, split, space);
  if (!coverage.ok()) return coverage.status();
  ExportInfo info;
  for (const ExportFormat format : {ExportFormat::kNpy, ExportFormat::kArrow}) {
    const ExportPaths paths(directory.empty() ? store.directory() : directory, split, format);
    info.bytes += SizeOf(paths.metadata);
    for (const ExportPart& part : paths.parts) info.bytes += SizeOf(part.path);
    const auto existing = ReadMetadata(paths);
    if (!existing) continue;
    const std::array policies = {MissingPolicy::kFail, MissingPolicy::kSkip, MissingPolicy::kNan};
    const bool same = std::any_of(policies.begin(), policies.end(), [&](MissingPolicy missing) {
      return existing->content_id == ContentId(store, found->record, space, *coverage,
                                               existing->dimensions, missing, existing->normalized);
    });
    if (!same || !HasFiles(*existing)) {
      info.state = ExportState::kOther;
      info.older.push_back(format);
    } else if (info.state == ExportState::kNone) {
      info.state = ExportState::kCurrent;
    }
  }
  return info;
}

}  // namespace embstore
