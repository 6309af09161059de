// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_builder.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "engine/base/file.h"
#include "engine/store/database.h"
#include "engine/store/rocksdb_status.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatchBytes = 4u << 20;

/// Nothing counts before Finish, so nothing is logged.
rocksdb::WriteOptions Unlogged() {
  rocksdb::WriteOptions options = UnsyncedWrite();
  options.disableWAL = true;
  return options;
}

}  // namespace

Result<std::unique_ptr<StoreBuilder>> StoreBuilder::Create(const fs::path& database) {
  std::error_code error;
  fs::remove_all(database, error);
  if (error || ::mkdir(database.c_str(), 0700) != 0) {
    return ErrnoStatus(Code::kWriteFailed, "create", database, error ? error.value() : errno);
  }
  auto builder = std::unique_ptr<StoreBuilder>(new StoreBuilder());
  if (Status made = OpenDatabase(OpenMode::kCreate, database, &builder->impl_); !made.ok())
    return made;
  return builder;
}

Status StoreBuilder::Put(Family family, std::string_view key, std::string_view value) {
  batch_.Put(impl_.family(family), rocksdb::Slice(key), rocksdb::Slice(value));
  return batch_.GetDataSize() < kBatchBytes ? Status() : Flush();
}

Status StoreBuilder::Flush() {
  const rocksdb::Status written = impl_.db->Write(Unlogged(), &batch_);
  batch_.Clear();
  return written.ok() ? Status() : FromRocks(written, "write to the new store");
}

Status StoreBuilder::Finish() {
  if (Status flushed = Flush(); !flushed.ok()) return flushed;
  const std::vector<rocksdb::ColumnFamilyHandle*> families(impl_.families.begin(),
                                                           impl_.families.end());
  const rocksdb::Status flushed = impl_.db->Flush(rocksdb::FlushOptions(), families);
  return flushed.ok() ? Status() : FromRocks(flushed, "flush the new store");
}

Status WriteCommitRecord(const fs::path& directory, const CommitRecord& commit) {
  Store::Impl impl;
  if (Status opened = OpenDatabase(OpenMode::kWrite, directory / "store", &impl); !opened.ok())
    return opened;
  const auto known = impl.ReadRecord<CommitRecord>(Family::kMeta, kMetaCommitKey);
  if (known.ok() && known->number > commit.number) return {};
  const rocksdb::Status written =
      impl.db->Put(SyncedWrite(), impl.family(Family::kMeta), rocksdb::Slice(kMetaCommitKey),
                   EncodeRecord(kMetaCommitKey, commit));
  return written.ok() ? Status() : FromRocks(written, "write to the store");
}

}  // namespace embstore
