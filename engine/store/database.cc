// SPDX-License-Identifier: Apache-2.0
#include "engine/store/database.h"

#include <rocksdb/cache.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "engine/base/text.h"
#include "engine/store/compaction.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_ledger.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

// A writer flushes or compacts a few times in a second at most.
constexpr int kReadOnlyAttempts = 50;

// The families that a store cannot be without; those behind them can be made again.
constexpr std::size_t kNeededFamilies = static_cast<std::size_t>(Family::kSketches);

/// The first `count` families.
std::vector<rocksdb::ColumnFamilyDescriptor> Descriptors(const StoreOptions& options,
                                                         bool defers_compaction,
                                                         std::size_t count) {
  auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < count; ++i) {
    families.emplace_back(std::string(kFamilyNames[i]),
                          MakeFamilyOptions(static_cast<Family>(i), cache));
    if (defers_compaction) DeferCompaction(&families.back().options);
  }
  return families;
}

/// Whether exactly our families are there: a MANIFEST that was cut short lacks some, another
/// version's store has more. RocksDB changes files of a database before it misses a
/// family in it, and reads past families that it is not asked for. Changes nothing. `*count` is
/// how many there are.
rocksdb::Status CheckFamilies(const rocksdb::DBOptions& options, const std::string& path,
                              std::size_t* count) {
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(options, path, &names).ok()) {
    return {};  // Opening says why, in better words.
  }
  for (const std::string& name : names) {
    if (std::find(kFamilyNames.begin(), kFamilyNames.end(), name) == kFamilyNames.end()) {
      return rocksdb::Status::InvalidArgument("unknown column family", Printable(name, 64));
    }
  }
  // Every database has the first one: without a ledger beside it nothing says that it is ours.
  std::error_code ignored;
  if (names.size() == 1 && !fs::exists(LedgerPath(fs::path(path).parent_path()), ignored)) {
    return rocksdb::Status::InvalidArgument("no column family of embstore");
  }
  const auto missing =
      std::find_if(kFamilyNames.begin(), kFamilyNames.end(), [&](std::string_view name) {
        return std::find(names.begin(), names.end(), name) == names.end();
      });
  *count = static_cast<std::size_t>(missing - kFamilyNames.begin());
  if (*count < kNeededFamilies) {
    return rocksdb::Status::Corruption("the MANIFEST lacks a column family",
                                       rocksdb::Slice(*missing));
  }
  return {};
}

/// Which files make up a database: changes whenever it drops one.
struct FileList {
  std::string manifest;     // The content of CURRENT.
  std::uintmax_t size = 0;  // Of that file, which only grows.

  bool operator==(const FileList&) const = default;
};

FileList ReadFileList(const fs::path& database) {
  FileList list;
  std::ifstream current(database / "CURRENT");
  std::getline(current, list.manifest);
  std::error_code ignored;
  list.size = fs::file_size(database / list.manifest, ignored);
  return list;
}

rocksdb::Status TryOpen(const StoreOptions& options, OpenMode mode, const std::string& path,
                        const rocksdb::DBOptions& db_options, Store::Impl* impl) {
  std::size_t count = kFamilyNames.size();
  if (mode != OpenMode::kCreate) {
    const rocksdb::Status checked = CheckFamilies(db_options, path, &count);
    if (!checked.ok()) return checked;
  }
  const bool defers = mode == OpenMode::kWrite && IsLargeDatabase(path);
  const auto families = Descriptors(options, defers, count);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      mode == OpenMode::kReadOnly
          ? rocksdb::DB::OpenForReadOnly(db_options, path, families, &handles, &db)
          : rocksdb::DB::Open(db_options, path, families, &handles, &db);
  if (!opened.ok()) return opened;
  impl->db.reset(db);
  std::copy(handles.begin(), handles.end(), impl->families.begin());
  impl->defers_compaction = defers;
  return opened;
}

/// Opens by exactly these options, into `impl`. A writer may flush a log, and remove it, after
/// RocksDB has read here that it is needed: its records are then seen nowhere, and RocksDB finds
/// nothing wrong with that. So what was read counts only if the list of files stayed the same.
rocksdb::Status OpenInto(const StoreOptions& options, OpenMode mode, const fs::path& path,
                         const rocksdb::DBOptions& db_options, Store::Impl* impl) {
  if (mode != OpenMode::kReadOnly) return TryOpen(options, mode, path.string(), db_options, impl);
  for (int attempt = 0; attempt < kReadOnlyAttempts; ++attempt) {
    const FileList before = ReadFileList(path);
    Store::Impl seen;
    const rocksdb::Status opened = TryOpen(options, mode, path.string(), db_options, &seen);
    if (ReadFileList(path) != before) continue;
    std::swap(impl->db, seen.db);
    std::swap(impl->families, seen.families);
    return opened;
  }
  return rocksdb::Status::Busy("a writer replaced its files all the time");
}

/// Whether the store has every commit that its ledger knows.
bool HasAllCommits(const fs::path& directory, const Store::Impl& impl) {
  const auto commit = impl.ReadRecord<CommitRecord>(Family::kMeta, kMetaCommitKey);
  const auto ledger = Ledger::Open(LedgerPath(directory), "", /*read_only=*/true);
  if (!commit.ok() || !ledger.ok()) return false;
  const LedgerPosition position = (*ledger)->position();
  return commit->number >= position.commit && commit->charges >= position.charges;
}

/// Power loss may keep any pages of what was written and not synced. A log with such a hole looks
/// damaged, although nothing is missing that was acknowledged. It is read up to the hole, provided
/// that no commit is missing then: the ledger is the witness that RocksDB lacks.
rocksdb::Status OpenUpToHole(const StoreOptions& options, OpenMode mode, const fs::path& path,
                             const rocksdb::Status& damage, Store::Impl* impl) {
  rocksdb::DBOptions db_options = MakeDbOptions(options, OpenMode::kReadOnly);
  db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  {
    Store::Impl seen;
    const rocksdb::Status opened = OpenInto(options, OpenMode::kReadOnly, path, db_options, &seen);
    if (!opened.ok() || !HasAllCommits(path.parent_path(), seen)) return damage;
    const auto meta = seen.ReadRecord<MetaRecord>(Family::kMeta, kMetaStoreKey);
    if (!meta.ok() || meta->format_version > kFormatVersion) return damage;
    if (options.log) options.log("the end of the log was not synced; no commit is missing");
    if (mode == OpenMode::kReadOnly) {
      std::swap(impl->db, seen.db);
      std::swap(impl->families, seen.families);
      return opened;
    }
  }
  db_options = MakeDbOptions(options, mode);
  db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::Status opened = OpenInto(options, mode, path, db_options, impl);
  if (!opened.ok()) return opened;
  // So that nobody has to read the log with the hole again.
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::copy_if(impl->families.begin(), impl->families.end(), std::back_inserter(families),
               [](const rocksdb::ColumnFamilyHandle* family) { return family != nullptr; });
  return impl->db->Flush(rocksdb::FlushOptions(), families);
}

/// RocksDB calls it an invalid argument too when it cannot read its own file of options.
bool IsFailedRead(const rocksdb::Status& opened) {
  return opened.IsInvalidArgument() && opened.ToString().find("IO error") != std::string::npos;
}

}  // namespace

Status OpenDatabase(OpenMode mode, const fs::path& path, Store::Impl* impl) {
  const StoreOptions& options = impl->options;
  rocksdb::Status opened = OpenInto(options, mode, path, MakeDbOptions(options, mode), impl);
  if (opened.IsCorruption() && mode != OpenMode::kCreate) {
    opened = OpenUpToHole(options, mode, path, opened, impl);
  }
  if (opened.ok()) return {};
  if (IsFailedRead(opened)) opened = rocksdb::Status::IOError(opened.getState());
  if (opened.IsInvalidArgument()) {
    return {Code::kIncompatible, "'" + path.string() +
                                     "' is not a store of this version of embstore; it was left "
                                     "as it is: " +
                                     opened.ToString()};
  }
  if (opened.IsPathNotFound() && mode != OpenMode::kCreate) {
    return {Code::kCorruption, "the store in '" + path.string() + "' lacks a file (" +
                                   opened.ToString() + "); nothing was sent" + kRestoreAdvice};
  }
  return FromRocks(opened, "open the store in '" + path.string() + "'");
}

bool OpenMetaAlone(const fs::path& path, Store::Impl* impl) {
  const auto families = Descriptors(impl->options, /*defers_compaction=*/false,
                                    static_cast<std::size_t>(Family::kMeta) + 1);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(
      MakeDbOptions(impl->options, OpenMode::kReadOnly), path.string(), families, &handles, &db);
  if (!opened.ok()) return false;
  impl->db.reset(db);
  std::copy(handles.begin(), handles.end(), impl->families.begin());
  return true;
}

}  // namespace embstore
