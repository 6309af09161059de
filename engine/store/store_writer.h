// SPDX-License-Identifier: Apache-2.0
// The writing side of the store, for ingest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/record.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "engine/ledger/ledger.h"
#include "engine/store/vector_records.h"

namespace embstore {

/// A text that has just been embedded. Borrows text, vector and records until Write returns.
struct EmbeddedText {
  TextKey key;
  std::string_view text;
  std::uint32_t tokens = 0;
  std::span<const float> vector;           ///< float32 (D), as the provider returned it.
  const VectorRecords* records = nullptr;  ///< Of this vector in slot 0; null: Write makes them.
};

struct FailedText {
  TextKey key;
  FailureRecord record;
};

/// All that becomes durable together.
struct Commit {
  SpaceId space;
  std::vector<EmbeddedText> embedded;
  std::vector<FailedText> failed;
  std::vector<CommitShare> shares;  ///< For the ledger; only together with `embedded`.
  std::int64_t micros = 0;          ///< Wall clock.
  std::uint32_t run_number = 0;
  std::optional<RunRecord> run;            ///< Stored under run_number.
  std::optional<CoverageRecord> coverage;  ///< Of run->split. REQUIRES: run.
};

/// Safe for concurrent use, but for the document list: one thread at a time, one list at a time.
/// REQUIRES: the store outlives it and is not read-only.
class StoreWriter {
 public:
  explicit StoreWriter(Store* store);

  /// Makes sure that the space is recorded. kCorruption: another identity has this id.
  Status AddSpace(const SpaceRecord& record);

  /// Starts the next document list of a split, invisible until published. What an interrupted
  /// run left behind is removed. Answers the record with `id` and `generation` set.
  Result<SplitRecord> BeginDocuments(std::string_view split);
  Status AppendDocuments(const SplitRecord& split, std::uint64_t first_position,
                         std::span<const DocumentRecord> documents);
  /// Makes the list the split's own, durably and at once; the one before goes.
  Status PublishDocuments(std::string_view split, const SplitRecord& record);
  /// Removes an unpublished list.
  Status DropDocuments(const SplitRecord& record);

  /// Rewrites the split's record: the source was touched but says the same.
  Status UpdateSplit(std::string_view split, const SplitRecord& record);

  /// Counts anew how far `space` covers the split, and stores it.
  Status RefreshCoverage(Store* store, std::string_view split, SpaceId space, std::int64_t micros);

  /// The number of the next run.
  Result<std::uint32_t> NextRunNumber() const;

  /// Durable when it returns, whole or not at all, and then written down in the ledger. A text
  /// whose vector is already there is written again (`--refresh`). After one that failed it is not
  /// known what the disk holds, and every later one fails with the same: reopen the store.
  Status Write(const Commit& commit);

  /// What opening the store found of answers that earlier runs kept. Told once.
  /// REQUIRES: the caller has a WriteRun.
  struct EarlierReplies {
    std::uint64_t stored_texts = 0;
    std::vector<std::string> damaged;  ///< A message for each file.
  };
  EarlierReplies TakeEarlierReplies();

  Ledger& ledger() const;
  /// Also for a store that is read-only; null: it has none.
  static const Ledger* LedgerOf(const Store& store);

 private:
  Status WriteCommit(const Commit& commit);
  Status LoadFailureKeys();

  Store::Impl& impl_;
};

}  // namespace embstore
