// SPDX-License-Identifier: Apache-2.0
#include "engine/store/raw_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <utility>

#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"

namespace embstore {
namespace {

// Keys are searched as numbers of so many bytes; longer ones differ before that.
constexpr std::size_t kSearchedBytes = 40;
// Behind so many gaps a family is given up.
constexpr std::size_t kMostGaps = 256;

/// A key as a number of kSearchedBytes bytes, greatest first.
class KeyNumber {
 public:
  explicit KeyNumber(std::string_view key) : bytes_(key.substr(0, kSearchedBytes)) {
    bytes_.resize(kSearchedBytes, '\0');
  }

  rocksdb::Slice slice() const { return bytes_; }

  /// This plus 2^`bit`; the greatest number when that is too much.
  KeyNumber Plus(std::size_t bit) const {
    KeyNumber sum = *this;
    unsigned carry = 1U << bit % 8;
    for (std::size_t at = kSearchedBytes - 1 - bit / 8; carry > 0; --at) {
      carry += static_cast<unsigned char>(sum.bytes_[at]);
      sum.bytes_[at] = static_cast<char>(carry);
      carry >>= 8;
      if (at == 0 && carry > 0) {
        sum.bytes_.assign(kSearchedBytes, '\xff');
        break;
      }
    }
    return sum;
  }

 private:
  std::string bytes_;
};

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

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
  rocksdb::DB* db;
  rocksdb::ColumnFamilyHandle* family;
  std::unique_ptr<rocksdb::Iterator> it;
  std::vector<Gap> gaps;
  std::string last;  // The key before `it`.

  /// An iterator that met damage finds it everywhere from then on, so each seek has its own.
  void Seek(const rocksdb::Slice& key) {
    it.reset(db->NewIterator(ScanRead(), family));
    it->Seek(key);
  }

  bool Unreadable() const { return !it->Valid() && !it->status().ok(); }

  /// Goes on behind what cannot be read.
  void PassDamage() {
    while (Unreadable()) {
      gaps.push_back({last, "", it->status().ToString()});
      if (gaps.size() >= kMostGaps || !SeekBehindDamage()) return;
      if (it->Valid()) gaps.back().before = it->key().ToString();
    }
  }

  /// False: nothing behind it can be read. The nearest readable place is found by steps that
  /// double, and then by halving the last one.
  bool SeekBehindDamage() {
    KeyNumber bad(last);
    std::size_t bit = 0;
    for (; bit < kSearchedBytes * 8; ++bit) {
      Seek(bad.Plus(bit).slice());
      if (!Unreadable()) break;
    }
    if (bit == kSearchedBytes * 8) return false;
    if (bit > 0) bad = bad.Plus(bit - 1);
    KeyNumber good = KeyNumber(last).Plus(bit);
    for (; bit-- > 0;) {
      const KeyNumber middle = bad.Plus(bit);
      if (!(middle.slice().compare(good.slice()) < 0)) continue;
      Seek(middle.slice());
      (Unreadable() ? bad : good) = middle;
    }
    Seek(good.slice());
    return !Unreadable();
  }
};

FamilyCursor::FamilyCursor(const RawStore& store, Family family)
    : state_(std::make_unique<State>()) {
  const Store::Impl& impl = *store.impl_;
  state_->db = impl.db.get();
  state_->family = impl.family(family);
  if (state_->family == nullptr) return;
  state_->Seek("");
  state_->PassDamage();
}

FamilyCursor::~FamilyCursor() = default;

bool FamilyCursor::Valid() const { return state_->it != nullptr && state_->it->Valid(); }
std::string_view FamilyCursor::key() const { return View(state_->it->key()); }
std::string_view FamilyCursor::value() const { return View(state_->it->value()); }

void FamilyCursor::Next() {
  state_->last.assign(state_->it->key().data(), state_->it->key().size());
  state_->it->Next();
  state_->PassDamage();
}

const std::vector<FamilyCursor::Gap>& FamilyCursor::gaps() const { return state_->gaps; }

bool FamilyCursor::MayHide(std::string_view key) const {
  return std::any_of(state_->gaps.begin(), state_->gaps.end(), [&](const Gap& gap) {
    return gap.after < key && (gap.before.empty() || key < gap.before);
  });
}

}  // namespace embstore
