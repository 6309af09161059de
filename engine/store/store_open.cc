// SPDX-License-Identifier: Apache-2.0
// Making, opening and closing a store.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <vector>

#include "embstore/clock.h"
#include "engine/base/crash_point.h"
#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/store/compaction.h"
#include "engine/store/database.h"
#include "engine/store/kept_replies.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_ledger.h"
#include "engine/store/store_sketches.h"
#include "engine/store/store_swap.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

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

/// Whether so many logs lie there that opening gets slow. RocksDB begins one with each opening and
/// removes it with the first flush of something: not where nothing is ever written.
bool HasManyLogs(const fs::path& database) {
  constexpr int kManyLogs = 16;
  int logs = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(database, error)) {
    if (entry.path().extension() == ".log") ++logs;
  }
  return logs >= kManyLogs;
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
    impl.options = options;
    Status made = OpenDatabase(OpenMode::kCreate, unfinished, &impl);
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
  Store::Impl impl;
  impl.options = options;
  if (!OpenMetaAlone(directory / "store", &impl)) return {};  // Opening all of it says why.
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
  again.options = impl->options;
  Status opened = OpenDatabase(OpenMode::kReadOnly, database, &again);
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

Status OpenDatabaseForReading(const fs::path& directory, Store::Impl* impl) {
  if (Status there = CheckThere(directory, /*may_create=*/false); !there.ok()) return there;
  return OpenDatabase(OpenMode::kReadOnly, directory / "store", impl);
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
  if (Status opened = OpenDatabase(mode, database, impl.get()); !opened.ok()) {
    return opened;
  }
  if (Status read = ReadIdentity(directory, impl.get()); !read.ok()) return read;
  Status witnessed = options.read_only ? CheckReaderIsCurrent(database, impl.get())
                                       : OpenLedgerForWriting(impl.get());
  if (!witnessed.ok()) return witnessed;
  if (!options.read_only) {
    if (Status made = EnsureSketches(impl.get()); !made.ok()) return made;
    PlanCompaction(impl.get());
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
  if (HasManyLogs(impl_->directory / "store")) {
    if (Status written = impl_->WriteMeta(); !written.ok()) return written;
  }
  const std::vector<rocksdb::ColumnFamilyHandle*> families(impl_->families.begin(),
                                                           impl_->families.end());
  const rocksdb::Status flushed = impl_->db->Flush(rocksdb::FlushOptions(), families);
  if (!flushed.ok()) return FromRocks(flushed, "flush the store");
  FinishCompaction(impl_.get());
  EMBSTORE_CRASH_POINT("store-flushed");
  Status synced = impl_->ledger->Sync();
  impl_.reset();
  return synced;
}

}  // namespace embstore
