// SPDX-License-Identifier: Apache-2.0
// What one look at a cache directory found out, and what the checks tell each other.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "embstore/record.h"
#include "embstore/store.h"
#include "embstore/verify.h"
#include "engine/record/keys.h"
#include "engine/record/record.h"
#include "engine/store/raw_store.h"

namespace embstore {

/// What to do about damage inside the store.
inline constexpr const char* kRestoreStore =
    "'embstore recover' says what it can bring back without paying; or restore the cache directory "
    "from a backup as a whole";

/// Not thread-safe; one thread at a time.
class Findings {
 public:
  Findings(const std::filesystem::path& checked, const VerifyOptions& how)
      : directory(checked), options(how) {}

  void AddDamage(std::string kind, std::string where, std::string what, std::string next);
  /// A record under `key` that does not decode, or says what cannot be.
  void AddRecord(Family family, std::string_view key, const std::string& what,
                 std::string kind = "record");
  /// A vector is damaged: documents with its text are named later, when they are read.
  void AddVector(Family family, std::string_view key, const std::string& what);
  /// Adds a document to those that a damaged vector touches.
  void NameDocument(const TextKey& text, std::string_view split, const std::string& id);
  /// What a cursor could not read.
  void AddGaps(Family family, const FamilyCursor& cursor);

  /// Counts `bytes` of `what` and tells the observer now and then.
  void Progress(std::string_view what, std::uint64_t bytes);

  struct Space {
    SpaceRecord record;
    std::uint64_t vectors = 0;
    std::uint64_t tokens = 0;
    std::vector<std::uint64_t> present;  ///< Sorted LedgerKeys of its texts.
  };
  struct Split {
    SplitRecord record;
    std::map<SpaceId, CoverageRecord> coverages;
  };

  const std::filesystem::path& directory;
  const VerifyOptions& options;
  VerifyReport report;
  std::optional<MetaRecord> meta;
  std::optional<CommitRecord> commit;
  std::map<SpaceId, Space> spaces;
  std::map<std::string, Split> splits;
  bool index_is_whole = true;  ///< Every key of the index was read.

 private:
  struct Touched {
    std::size_t damage;  // Index into report.damaged.
    std::size_t documents = 0;
  };
  std::map<ContentHash, Touched> touched_;
  std::uint64_t unreported_bytes_ = 0;
  std::uint64_t stage_bytes_ = 0;
  std::string stage_;
};

}  // namespace embstore
