// SPDX-License-Identifier: Apache-2.0
#include "engine/store/table_records.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/sst_file_reader.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/file.h"
#include "engine/record/vector_record.h"
#include "engine/store/gap_iterator.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/varint.h"

namespace embstore {
namespace {

constexpr std::size_t kInternalBytes = 8;  // Behind each key: sequence number and type.
constexpr std::uint64_t kMostVectorBytes = 1u << 20;

rocksdb::Options ReaderOptions(Family family) {
  return {MakeDbOptions({}, OpenMode::kReadOnly),
          MakeFamilyOptions(family, rocksdb::NewLRUCache(0))};
}

/// A file in memory, as long as this lives.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    struct stat info {};
    ok_ = ::fstat(fd, &info) == 0;
    if (ok_ && info.st_size > 0) {
      bytes_ = static_cast<std::size_t>(info.st_size);
      data_ = ::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
      ok_ = data_ != MAP_FAILED;
    }
    ::close(fd);
  }
  ~MappedFile() {
    if (data_ != MAP_FAILED) ::munmap(data_, bytes_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  bool ok() const { return ok_; }
  std::string_view bytes() const {
    if (data_ == MAP_FAILED) return {};
    return {static_cast<const char*>(data_), bytes_};
  }

 private:
  void* data_ = MAP_FAILED;
  std::size_t bytes_ = 0;
  bool ok_ = false;
};

/// One entry of a block: the bytes shared with the key before, its other bytes, its value.
struct BlockEntry {
  std::string key;
  std::string_view value;

  std::string_view UserKey() const {
    return std::string_view(key).substr(0, key.size() - kInternalBytes);
  }
};

/// Takes an entry off the front of `*rest` that looks like a vector by its sizes. `before`: the key
/// of the entry before; empty: none is known.
std::optional<BlockEntry> TakeEntry(std::string_view before, std::string_view* rest) {
  std::string_view bytes = *rest;
  const auto shared = TakeVarint(&bytes);
  if (!shared || *shared > before.size()) return std::nullopt;
  const auto own = TakeVarint(&bytes);
  if (!own) return std::nullopt;
  const std::uint64_t key_bytes = std::uint64_t{*shared} + *own;
  if (key_bytes != kVectorKeyBytes + kInternalBytes &&
      key_bytes != kVectorKeyBytes + 1 + kInternalBytes) {
    return std::nullopt;
  }
  const auto value = TakeVarint(&bytes);
  if (!value || *value > kMostVectorBytes || std::uint64_t{*own} + *value > bytes.size() ||
      !HasVectorSize(bytes.substr(*own, *value))) {
    return std::nullopt;
  }
  BlockEntry entry;
  entry.key = before.substr(0, *shared);
  entry.key += bytes.substr(0, *own);
  entry.value = bytes.substr(*own, *value);
  bytes.remove_prefix(*own + *value);
  *rest = bytes;
  return entry;
}

}  // namespace

std::string FamilyNameOfTable(const std::filesystem::path& path) {
  rocksdb::SstFileReader reader(ReaderOptions(Family::kDefault));
  if (!reader.Open(path.string()).ok()) return "";
  const auto properties = reader.GetTableProperties();
  return properties == nullptr ? "" : properties->column_family_name;
}

bool ForEachTableRecord(const std::filesystem::path& path, Family family,
                        const TakeTableRecord& take) {
  rocksdb::SstFileReader reader(ReaderOptions(family));
  if (!reader.Open(path.string()).ok()) return false;
  GapIterator it([&] { return reader.NewIterator(ScanRead()); });
  for (it.SeekToFirst(); it.Valid(); it.Next()) {
    take(it.key().ToStringView(), it.value().ToStringView());
  }
  return it.gaps().empty();
}

Status ForEachVectorInBytes(const std::filesystem::path& path, const TakeTableRecord& take) {
  const MappedFile file(path);
  if (!file.ok()) return ErrnoStatus(Code::kCorruption, "read", path, errno);
  std::string_view rest = file.bytes();
  std::string before;  // The key of the last vector that proved itself,
  std::string guess;   // and of one behind it that looked like one.
  while (!rest.empty()) {
    bool taken = false;
    std::optional<std::string> next_guess;
    for (const std::string* key : {&before, &guess}) {
      std::string_view behind = rest;
      auto entry = TakeEntry(*key, &behind);
      if (!entry) continue;
      if (!DecodeVector(entry->UserKey(), entry->value).ok()) {
        next_guess = std::move(entry->key);
        continue;
      }
      take(entry->UserKey(), entry->value);
      before = guess = std::move(entry->key);
      rest = behind;
      taken = true;
      break;
    }
    if (taken) continue;
    if (next_guess) guess = *std::move(next_guess);
    rest.remove_prefix(1);
  }
  return {};
}

}  // namespace embstore
