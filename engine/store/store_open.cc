// SPDX-License-Identifier: Apache-2.0
// Opening, closing and the identity of a store.
#include <rocksdb/cache.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <system_error>
#include <vector>

#include "embstore/clock.h"
#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

// A read-only open can race a compaction of the writer and miss a file it was told of.
constexpr int kReadOnlyAttempts = 5;

Status MakeDirectory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "create", directory, error.value());
  return {};
}

/// The store's own directory: it holds the user's documents, so nobody else reads it.
Status MakePrivateDirectory(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return ErrnoStatus(Code::kWriteFailed, "create", directory, errno);
}

bool HasDatabase(const fs::path& database) { return fs::exists(database / "CURRENT"); }

std::vector<rocksdb::ColumnFamilyDescriptor> Descriptors(const StoreOptions& options) {
  auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < kFamilyNames.size(); ++i) {
    families.emplace_back(std::string(kFamilyNames[i]),
                          MakeFamilyOptions(static_cast<Family>(i), cache));
  }
  return families;
}

rocksdb::Status OpenDatabase(const StoreOptions& options, const std::string& path,
                             std::vector<rocksdb::ColumnFamilyHandle*>* handles, rocksdb::DB** db) {
  const rocksdb::DBOptions db_options = MakeDbOptions(options);
  const auto families = Descriptors(options);
  if (!options.read_only) return rocksdb::DB::Open(db_options, path, families, handles, db);
  rocksdb::Status status;
  for (int attempt = 0; attempt < kReadOnlyAttempts; ++attempt) {
    status = rocksdb::DB::OpenForReadOnly(db_options, path, families, handles, db);
    if (status.ok()) return status;
  }
  return status;
}

std::string NewStoreId() {
  std::random_device random;
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return HexString(bytes);
}

Status WriteNewMeta(Store::Impl* impl);
Status CheckMeta(const MetaRecord& meta, const fs::path& directory) {
  if (meta.format_version > kFormatVersion) {
    return {Code::kIncompatible, "the store in '" + directory.string() + "' has format " +
                                     std::to_string(meta.format_version) +
                                     ", this version reads up to " +
                                     std::to_string(kFormatVersion) + ": use a newer embstore"};
  }
  return {};
}

}  // namespace

Store::Impl::~Impl() {
  for (rocksdb::ColumnFamilyHandle* handle : families) {
    if (handle != nullptr) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

const fs::path& Store::directory() const { return impl_->directory; }

Result<std::unique_ptr<Store>> Store::Open(const fs::path& directory, const StoreOptions& options) {
  const fs::path database = directory / "store";
  if ((options.read_only || !options.create_if_missing) && !HasDatabase(database)) {
    return Status(Code::kNotFound, "there is no store in '" + directory.string() +
                                       "'; run 'embstore ingest' first, or give --store DIR");
  }
  auto impl = std::make_unique<Impl>();
  impl->directory = directory;
  impl->options = options;
  if (!options.read_only) {
    if (Status made = MakeDirectory(directory); !made.ok()) return made;
    auto lock = DirectoryLock::Acquire(directory);
    if (!lock.ok()) return lock.status();
    impl->lock = std::move(lock).value();
    if (Status made = MakePrivateDirectory(database); !made.ok()) return made;
  }
  const bool is_new = !HasDatabase(database);

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = OpenDatabase(options, database.string(), &handles, &db);
  if (!opened.ok()) {
    if (opened.IsInvalidArgument()) {
      return Status(Code::kIncompatible,
                    "'" + database.string() +
                        "' is not a store of this version of embstore: " + opened.ToString());
    }
    return FromRocks(opened, "open the store in '" + directory.string() + "'");
  }
  impl->db.reset(db);
  std::copy(handles.begin(), handles.end(), impl->families.begin());

  if (is_new) {
    if (Status written = WriteNewMeta(impl.get()); !written.ok()) return written;
  }
  auto meta = impl->ReadRecord<MetaRecord>(Family::kMeta, kMetaStoreKey);
  if (meta.code() == Code::kNotFound) {
    // The process that made the database died before its first write: nothing is in there yet.
    if (options.read_only) return Status(Code::kNotFound, "the store is empty");
    if (Status written = WriteNewMeta(impl.get()); !written.ok()) return written;
    meta = impl->ReadRecord<MetaRecord>(Family::kMeta, kMetaStoreKey);
  }
  if (!meta.ok()) return meta.status();
  if (Status checked = CheckMeta(*meta, directory); !checked.ok()) return checked;
  impl->meta = *meta;
  auto commit = impl->ReadRecord<CommitRecord>(Family::kMeta, kMetaCommitKey);
  if (!commit.ok()) return commit.status();
  impl->commit_number = commit->number;
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Status Store::Close() {
  if (impl_->options.read_only) return {};
  rocksdb::FlushOptions flush;
  std::vector<rocksdb::ColumnFamilyHandle*> families(impl_->families.begin(),
                                                     impl_->families.end());
  const rocksdb::Status flushed = impl_->db->Flush(flush, families);
  if (!flushed.ok()) return FromRocks(flushed, "flush the store");
  impl_.reset();
  return {};
}

namespace {

Status WriteNewMeta(Store::Impl* impl) {
  MetaRecord meta;
  meta.store_id = NewStoreId();
  meta.created_micros = SystemClock().WallMicros();
  rocksdb::WriteBatch batch;
  auto* family = impl->family(Family::kMeta);
  batch.Put(family, rocksdb::Slice(kMetaStoreKey), EncodeRecord(kMetaStoreKey, meta));
  batch.Put(family, rocksdb::Slice(kMetaCommitKey), EncodeRecord(kMetaCommitKey, CommitRecord{}));
  const rocksdb::Status written = impl->db->Write(SyncedWrite(), &batch);
  if (!written.ok()) return FromRocks(written, "write to the new store");
  return {};
}

}  // namespace

}  // namespace embstore
