// SPDX-License-Identifier: Apache-2.0
// Making, opening and closing a store.
#include <rocksdb/cache.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <random>
#include <system_error>
#include <vector>

#include "embstore/clock.h"
#include "engine/base/crash_point.h"
#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/store/kept_replies.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_ledger.h"
#include "engine/store/store_sketches.h"
#include "engine/store/store_swap.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

// A read-only open can race a compaction of the writer and miss a file it was told of.
constexpr int kReadOnlyAttempts = 5;

// The families that a store cannot be without; those behind them can be made again.
constexpr std::size_t kNeededFamilies = static_cast<std::size_t>(Family::kSketches);

/// The first `count` families.
std::vector<rocksdb::ColumnFamilyDescriptor> Descriptors(const StoreOptions& options,
                                                         std::size_t count) {
  auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < count; ++i) {
    families.emplace_back(std::string(kFamilyNames[i]),
                          MakeFamilyOptions(static_cast<Family>(i), cache));
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

rocksdb::Status TryOpen(const StoreOptions& options, OpenMode mode, const std::string& path,
                        const rocksdb::DBOptions& db_options,
                        std::vector<rocksdb::ColumnFamilyHandle*>* handles, rocksdb::DB** db) {
  std::size_t count = kFamilyNames.size();
  if (mode != OpenMode::kCreate) {
    const rocksdb::Status checked = CheckFamilies(db_options, path, &count);
    if (!checked.ok()) return checked;
  }
  const auto families = Descriptors(options, count);
  if (mode != OpenMode::kReadOnly) {
    return rocksdb::DB::Open(db_options, path, families, handles, db);
  }
  rocksdb::Status status;
  for (int attempt = 0; attempt < kReadOnlyAttempts; ++attempt) {
    status = rocksdb::DB::OpenForReadOnly(db_options, path, families, handles, db);
    if (status.ok()) return status;
  }
  return status;
}

/// Opens by exactly these options, into `impl`.
rocksdb::Status OpenInto(const StoreOptions& options, OpenMode mode, const fs::path& path,
                         const rocksdb::DBOptions& db_options, Store::Impl* impl) {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status opened = TryOpen(options, mode, path.string(), db_options, &handles, &db);
  if (!opened.ok()) return opened;
  impl->db.reset(db);
  std::copy(handles.begin(), handles.end(), impl->families.begin());
  return opened;
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

/// Whether a file that is not there is damage, and not just replaced by a writer.
bool NoWriterMayReplaceFiles(OpenMode mode, const fs::path& database) {
  return mode == OpenMode::kWrite ||
         (mode == OpenMode::kReadOnly && !DirectoryLock::IsHeld(database.parent_path()));
}

Status OpenDatabase(const StoreOptions& options, OpenMode mode, const fs::path& path,
                    Store::Impl* impl) {
  rocksdb::Status opened = OpenInto(options, mode, path, MakeDbOptions(options, mode), impl);
  if (opened.IsCorruption() && mode != OpenMode::kCreate) {
    opened = OpenUpToHole(options, mode, path, opened, impl);
  }
  const bool lacks_file = opened.IsPathNotFound() && NoWriterMayReplaceFiles(mode, path);
  if (lacks_file && mode == OpenMode::kReadOnly) {  // A writer may have ended just now.
    opened = OpenInto(options, mode, path, MakeDbOptions(options, mode), impl);
  }
  if (opened.ok()) return {};
  if (opened.IsInvalidArgument()) {
    return {Code::kIncompatible, "'" + path.string() +
                                     "' is not a store of this version of embstore; it was left "
                                     "as it is: " +
                                     opened.ToString()};
  }
  if (opened.IsPathNotFound() && lacks_file) {
    return {Code::kCorruption, "the store in '" + path.string() + "' lacks a file (" +
                                   opened.ToString() + "); nothing was sent" + kRestoreAdvice};
  }
  return FromRocks(opened, "open the store in '" + path.string() + "'");
}

Status WriteNewMeta(const Store::Impl& impl) {
  MetaRecord meta;
  meta.store_id = NewStoreId();
  meta.created_micros = SystemClock().WallMicros();
  meta.has_ledger = true;
  meta.has_sketches = true;
  rocksdb::WriteBatch batch;
  auto* family = impl.family(Family::kMeta);
  batch.Put(family, rocksdb::Slice(kMetaStoreKey), EncodeRecord(kMetaStoreKey, meta));
  batch.Put(family, rocksdb::Slice(kMetaCommitKey), EncodeRecord(kMetaCommitKey, CommitRecord{}));
  const rocksdb::Status written = impl.db->Write(SyncedWrite(), &batch);
  if (!written.ok()) return FromRocks(written, "write to the new store");
  return {};
}

/// Makes an empty store beside its final place and moves it there, so that a store without its
/// first records, or half of one, is never seen. REQUIRES: the directory is locked.
Status CreateDatabase(const StoreOptions& options, const fs::path& database) {
  fs::path unfinished = database;
  unfinished += ".new";
  std::error_code error;
  fs::remove_all(unfinished, error);
  // It holds the user's documents, so nobody else reads it.
  if (error || ::mkdir(unfinished.c_str(), 0700) != 0) {
    return ErrnoStatus(Code::kWriteFailed, "create", unfinished, error ? error.value() : errno);
  }
  EMBSTORE_CRASH_POINT("store-begun");
  {
    Store::Impl impl;
    Status made = OpenDatabase(options, OpenMode::kCreate, unfinished, &impl);
    if (made.ok()) made = WriteNewMeta(impl);
    if (!made.ok()) return made;
  }
  EMBSTORE_CRASH_POINT("store-made");
  fs::rename(unfinished, database, error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "create", database, error.value());
  EMBSTORE_CRASH_POINT("store-renamed");
  return SyncDirectory(database.parent_path().empty() ? "." : database.parent_path());
}

bool HasDatabase(const fs::path& database) {
  std::error_code ignored;
  return fs::exists(database / "CURRENT", ignored);
}

/// What lies at `database` when it is no whole database: nothing, or damage.
Status CheckAbsent(const fs::path& database) {
  std::error_code ignored;
  if (!fs::exists(database, ignored) || fs::is_empty(database, ignored)) return {};
  return {Code::kCorruption, "the store in '" + database.string() +
                                 "' lacks its file CURRENT; nothing was sent or removed" +
                                 kRestoreAdvice};
}

/// Whether there is a database that this user may read; none is right too where one may be made.
Status CheckThere(const fs::path& directory, bool may_create) {
  const fs::path database = directory / "store";
  if (Status swapped = CheckNoPendingSwap(directory); !swapped.ok()) return swapped;
  if (::access((database / "CURRENT").c_str(), R_OK) != 0 && errno == EACCES) {
    return {Code::kInvalidArgument, "the store in '" + directory.string() +
                                        "' may not be read by this user; use the account "
                                        "that made it"};
  }
  if (HasDatabase(database)) return {};
  Status absent = CheckAbsent(database);
  if (!absent.ok() || may_create) return absent;
  if (Status lost = CheckNoStoreIsLost(directory); !lost.ok()) return lost;
  return {Code::kNotFound, "there is no store in '" + directory.string() +
                               "'; run 'embstore ingest' first, or give --store DIR"};
}

Status CheckFormat(const fs::path& directory, const MetaRecord& meta) {
  if (meta.format_version <= kFormatVersion) return {};
  return {Code::kIncompatible, "the store in '" + directory.string() + "' has format " +
                                   std::to_string(meta.format_version) +
                                   ", this version reads up to " + std::to_string(kFormatVersion) +
                                   ": use a newer embstore"};
}

/// Before it is opened for writing, which changes files, that of a newer version included.
Status CheckFormatFirst(const fs::path& directory, const StoreOptions& options) {
  const auto families = Descriptors(options, static_cast<std::size_t>(Family::kMeta) + 1);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      rocksdb::DB::OpenForReadOnly(MakeDbOptions(options, OpenMode::kReadOnly),
                                   (directory / "store").string(), families, &handles, &db);
  if (!opened.ok()) return {};  // Opening all of it says why, in better words.
  Store::Impl impl;
  impl.db.reset(db);
  std::copy(handles.begin(), handles.end(), impl.families.begin());
  const auto meta = impl.ReadRecord<MetaRecord>(Family::kMeta, kMetaStoreKey);
  return meta.ok() ? CheckFormat(directory, *meta) : Status();
}

/// Takes the lock, and makes the store when there is none.
Status PrepareForWriting(const fs::path& directory, const StoreOptions& options,
                         Store::Impl* impl) {
  const fs::path database = directory / "store";
  if (!HasDatabase(database)) {
    if (Status made = CreateDirectories(directory); !made.ok()) return made;
  }
  auto lock = DirectoryLock::Acquire(directory);
  if (!lock.ok()) return lock.status();
  impl->lock = std::move(lock).value();
  if (Status swapped = CheckNoPendingSwap(directory); !swapped.ok()) return swapped;
  if (HasDatabase(database)) return CheckFormatFirst(directory, options);
  if (Status begun = RemoveUnusedLedger(directory); !begun.ok()) return begun;
  return CreateDatabase(options, database);
}

Status ReadIdentity(const fs::path& directory, Store::Impl* impl) {
  auto meta = impl->ReadRecord<MetaRecord>(Family::kMeta, kMetaStoreKey);
  auto commit = impl->ReadRecord<CommitRecord>(Family::kMeta, kMetaCommitKey);
  if (meta.code() == Code::kNotFound || commit.code() == Code::kNotFound) {
    return {Code::kCorruption, "the store in '" + directory.string() +
                                   "' has lost its first records; nothing was sent" +
                                   kRestoreAdvice};
  }
  if (!meta.ok()) return meta.status();
  if (!commit.ok()) return commit.status();
  if (Status known = CheckFormat(directory, *meta); !known.ok()) return known;
  impl->meta = *meta;
  impl->last_commit = *commit;
  return {};
}

/// A reader may be older than the ledger that it reads afterwards, because a writer is at work; a
/// database opened after the ledger was read may not.
Status CheckReaderIsCurrent(const fs::path& database, Store::Impl* impl) {
  if (!LedgerIsAhead(impl)) return {};
  Store::Impl again;
  again.directory = impl->directory;
  Status opened = OpenDatabase(impl->options, OpenMode::kReadOnly, database, &again);
  if (opened.ok()) opened = ReadIdentity(impl->directory, &again);
  if (!opened.ok()) return opened;
  const LedgerPosition position = impl->ledger->position();
  if (again.last_commit.number < position.commit || again.last_commit.charges < position.charges) {
    return StoreIsOlder(*impl);
  }
  std::swap(impl->db, again.db);
  std::swap(impl->families, again.families);
  impl->last_commit = again.last_commit;
  return {};
}

}  // namespace

std::string NewStoreId() {
  std::random_device random;
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return HexString(bytes);
}

Status OpenDatabaseForWriting(const fs::path& directory, Store::Impl* impl) {
  return OpenDatabase(impl->options, OpenMode::kWrite, directory / "store", impl);
}

Status CreateEmptyDatabase(const fs::path& database, Store::Impl* impl) {
  return OpenDatabase(impl->options, OpenMode::kCreate, database, impl);
}

Status OpenDatabaseForReading(const fs::path& directory, Store::Impl* impl) {
  if (Status there = CheckThere(directory, /*may_create=*/false); !there.ok()) return there;
  return OpenDatabase(impl->options, OpenMode::kReadOnly, directory / "store", impl);
}

Store::Impl::~Impl() {
  for (rocksdb::ColumnFamilyHandle* handle : families) {
    if (handle != nullptr) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
}

Status Store::Impl::WriteMeta() const {
  const rocksdb::Status written =
      db->Put(SyncedWrite(), family(Family::kMeta), rocksdb::Slice(kMetaStoreKey),
              EncodeRecord(kMetaStoreKey, meta));
  if (!written.ok()) return FromRocks(written, "write to the store");
  return {};
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

const fs::path& Store::directory() const { return impl_->directory; }

Result<std::unique_ptr<Store>> Store::Open(const fs::path& directory, const StoreOptions& options) {
  const fs::path database = directory / "store";
  const bool may_create = !options.read_only && options.create_if_missing;
  if (Status there = CheckThere(directory, may_create); !there.ok()) return there;
  auto impl = std::make_unique<Impl>();
  impl->directory = directory;
  impl->options = options;
  if (!options.read_only) {
    Status prepared = PrepareForWriting(directory, options, impl.get());
    if (!prepared.ok()) return prepared;
  }
  const OpenMode mode = options.read_only ? OpenMode::kReadOnly : OpenMode::kWrite;
  if (Status opened = OpenDatabase(options, mode, database, impl.get()); !opened.ok()) {
    return opened;
  }
  if (Status read = ReadIdentity(directory, impl.get()); !read.ok()) return read;
  Status witnessed = options.read_only ? CheckReaderIsCurrent(database, impl.get())
                                       : OpenLedgerForWriting(impl.get());
  if (!witnessed.ok()) return witnessed;
  if (!options.read_only) {
    if (Status made = EnsureSketches(impl.get()); !made.ok()) return made;
  }
  std::unique_ptr<Store> store(new Store(std::move(impl)));
  if (!options.read_only) {
    if (Status settled = SettleEarlierRuns(store.get(), store->impl_.get()); !settled.ok())
      return settled;
  }
  return store;
}

Status Store::Close() {
  if (impl_->options.read_only) return {};
  const std::vector<rocksdb::ColumnFamilyHandle*> families(impl_->families.begin(),
                                                           impl_->families.end());
  const rocksdb::Status flushed = impl_->db->Flush(rocksdb::FlushOptions(), families);
  if (!flushed.ok()) return FromRocks(flushed, "flush the store");
  EMBSTORE_CRASH_POINT("store-flushed");
  Status synced = impl_->ledger->Sync();
  impl_.reset();
  return synced;
}

}  // namespace embstore
