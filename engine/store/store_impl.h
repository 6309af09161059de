// SPDX-License-Identifier: Apache-2.0
// The inside of Store, shared by its source files and StoreWriter.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/store.h"
#include "engine/base/seeded_bug.h"
#include "engine/ledger/ledger.h"
#include "engine/record/keys.h"
#include "engine/record/record.h"
#include "engine/store/directory_lock.h"

namespace embstore {

struct Store::Impl {
  // Constant after construction.
  std::filesystem::path directory;
  StoreOptions options;
  std::unique_ptr<DirectoryLock> lock;  // None when read-only. Outlives the database.
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyNames.size()> families{};
  MetaRecord meta;
  std::unique_ptr<Ledger> ledger;  // None when read-only and ledger_status says why.
  Status ledger_status;

  /// What was found of earlier runs when the store was opened; whoever reports it takes it.
  struct KeptReplies {
    std::uint64_t texts = 0;           // Stored now.
    std::vector<std::string> damaged;  // What is wrong with a file that was left where it is.
  };
  KeptReplies kept;  // Guarded by run_mutex.

  // Of compaction.h.
  bool defers_compaction = false;
  bool many_files = false;  // When it was opened; and there is room to compact them.
  std::atomic<std::uint64_t> written_bytes{0};

  std::timed_mutex run_mutex;  // Held by a WriteRun; before commit_mutex.

  // Guarded by commit_mutex.
  std::mutex commit_mutex;
  CommitRecord last_commit;
  Status write_failure;  // Of a commit. What the disk holds is not known from then on.
  std::optional<std::set<std::string>> failure_keys;  // Loaded by the first commit.

  /// Sorted LedgerKeys that were bought in a space, read when a reader first misses a vector.
  mutable std::mutex bought_mutex;
  mutable std::map<SpaceId, std::vector<std::uint64_t>> bought;  // Guarded by bought_mutex.

  ~Impl();

  rocksdb::ColumnFamilyHandle* family(Family family) const {
    return families[static_cast<std::size_t>(family)];
  }

  /// What the ledger would answer if there were one: nothing, or why it cannot be read.
  template <typename T>
  Result<T> WithoutLedger() const {
    if (ledger_status.ok() || ledger_status.code() == Code::kNotFound) return T();
    return ledger_status;
  }

  /// The value under `key`, or nothing when there is none.
  Result<std::optional<std::string>> Read(Family family, std::string_view key) const;

  /// The decoded record under `key`. kNotFound: none.
  template <typename Record>
  Result<Record> ReadRecord(Family family_id, std::string_view key) const {
    Result<std::optional<std::string>> value = Read(family_id, key);
    if (!value.ok()) return value.status();
    if (!value->has_value()) return Status(Code::kNotFound, "no such record");
    Result<Record> record = DecodeRecord<Record>(key, **value);
    if (!record.ok()) return record.status().Prefixed(Where(family_id, key));
    return record;
  }

  /// Where the document lies in the list. Nothing: the split has none with this id.
  Result<std::optional<std::uint64_t>> FindPosition(const SplitRecord& split,
                                                    std::string_view id) const;

  /// The vector of `text` by the vectors alone. kNotFound: none.
  Status ReadVector(SpaceId space, const TextKey& text, std::span<float> out) const;

  /// Calls visit(key, value) for all keys that begin with `prefix`, in order, and lie in
  /// [begin, end), each of which may be empty: no bound. A family that a store of an earlier
  /// version lacks is empty.
  Status Scan(Family family, std::string_view prefix,
              const std::function<Status(std::string_view, std::string_view)>& visit,
              std::string_view begin = {}, std::string_view end = {}) const;

  /// Stores `meta`, synced.
  Status WriteMeta() const;

  /// The slot in which `text` lies, or the first free one.
  struct Slot {
    std::uint8_t number = 0;
    bool occupied = false;  // By this very text.
  };
  Result<Slot> FindSlot(SpaceId space, const TextKey& text, std::uint8_t from = 0) const;

  /// "family 'index', key 0a1b...": names a record in messages.
  static std::string Where(Family family, std::string_view key);
};

/// Opens the database of `directory` without a look at its records. Errors as those of Store::Open.
Status OpenDatabaseForReading(const std::filesystem::path& directory, Store::Impl* impl);
/// 32 hex digits that no other store has.
std::string NewStoreId();

/// Whether `record` is about this very text and not just about one with the same hash.
inline bool IsSameText(const IndexRecord& record, const TextKey& text) {
  if (EMBSTORE_SEEDED_BUG("hash-without-fingerprint")) return true;
  return record.fingerprint == text.fingerprint && record.text_bytes == text.length;
}

}  // namespace embstore
