// SPDX-License-Identifier: Apache-2.0
#include "engine/store/raw_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/store/gap_iterator.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"

namespace embstore {

std::string RecordPlace(Family family, std::string_view key) {
  return Store::Impl::Where(family, key);
}

RawStore::RawStore(std::unique_ptr<Store::Impl> impl) : impl_(std::move(impl)) {}
RawStore::~RawStore() = default;

Result<std::unique_ptr<RawStore>> RawStore::Open(const std::filesystem::path& directory) {
  auto impl = std::make_unique<Store::Impl>();
  impl->directory = directory;
  impl->options.read_only = true;
  if (Status opened = OpenDatabaseForReading(directory, impl.get()); !opened.ok()) return opened;
  return std::unique_ptr<RawStore>(new RawStore(std::move(impl)));
}

std::vector<RawStore::Table> RawStore::Tables() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  impl_->db->GetLiveFilesMetaData(&files);
  std::vector<Table> tables;
  for (const rocksdb::LiveFileMetaData& file : files) {
    tables.push_back({file.db_path + file.name, file.column_family_name});
  }
  std::sort(tables.begin(), tables.end(),
            [](const Table& a, const Table& b) { return a.path < b.path; });
  return tables;
}

Status RawStore::CheckTable(const std::filesystem::path& path) {
  const auto cache = rocksdb::NewLRUCache(0);
  const rocksdb::Options options(MakeDbOptions({}, OpenMode::kReadOnly),
                                 MakeFamilyOptions(Family::kDefault, cache));
  rocksdb::SstFileReader reader(options);
  rocksdb::Status status = reader.Open(path.string());
  if (status.ok()) status = reader.VerifyChecksum(ScanRead());
  return status.ok() ? Status() : FromRocks(status, "read '" + path.string() + "'");
}

struct FamilyCursor::State {
  std::optional<GapIterator> it;  // None: an older store lacks the family.
};

FamilyCursor::FamilyCursor(const RawStore& store, Family family)
    : state_(std::make_unique<State>()) {
  const Store::Impl& impl = *store.impl_;
  rocksdb::ColumnFamilyHandle* const handle = impl.family(family);
  if (handle == nullptr) return;
  state_->it.emplace([db = impl.db.get(), handle] { return db->NewIterator(ScanRead(), handle); });
  state_->it->SeekToFirst();
}

FamilyCursor::~FamilyCursor() = default;

bool FamilyCursor::Valid() const { return state_->it && state_->it->Valid(); }
std::string_view FamilyCursor::key() const { return state_->it->key().ToStringView(); }
std::string_view FamilyCursor::value() const { return state_->it->value().ToStringView(); }
void FamilyCursor::Next() { state_->it->Next(); }

const std::vector<FamilyCursor::Gap>& FamilyCursor::gaps() const {
  static const std::vector<Gap> none;
  return state_->it ? state_->it->gaps() : none;
}

bool FamilyCursor::MayHide(std::string_view key) const {
  return std::any_of(gaps().begin(), gaps().end(), [&](const Gap& gap) {
    return gap.after < key && (gap.before.empty() || key < gap.before);
  });
}

}  // namespace embstore
