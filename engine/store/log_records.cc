// SPDX-License-Identifier: Apache-2.0
// Format: RocksDB's wiki, "Write Ahead Log File Format", and db/write_batch.cc.
#include "engine/store/log_records.h"

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>

#include "engine/base/file.h"
#include "engine/record/keys.h"
#include "engine/store/varint.h"

namespace embstore {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeadBytes = 7;        // Checksum, length, type.
constexpr std::size_t kBatchHeadBytes = 12;  // Sequence number, count.
constexpr std::size_t kMostPending = 256u << 20;

enum FragmentType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
enum BatchTag : std::uint8_t { kFamilyDelete = 0x4, kFamilyPut = 0x5 };

/// Puts the fragments of a log together again.
class Assembler {
 public:
  explicit Assembler(const TakeLogRecord& take) : take_(take) {}

  void AddBlock(std::string_view block) {
    while (block.size() >= kHeadBytes) {
      const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(block[4])) |
                          static_cast<std::size_t>(static_cast<std::uint8_t>(block[5])) << 8;
      const auto type = static_cast<std::uint8_t>(block[6]);
      if (type == 0 && length == 0) return;  // The block is filled up.
      if (type < kFull || type > kLast || kHeadBytes + length > block.size()) {
        pending_ += block;  // No fragment, but there may be records in it.
        return;
      }
      AddFragment(type, block.substr(kHeadBytes, length));
      block.remove_prefix(kHeadBytes + length);
    }
  }

  void Flush() {
    if (!pending_.empty()) ForEachBatchRecord(pending_, take_);
    pending_.clear();
  }

 private:
  void AddFragment(std::uint8_t type, std::string_view fragment) {
    if (type == kFull || type == kFirst || pending_.size() > kMostPending) Flush();
    pending_ += fragment;
    if (type == kFull || type == kLast) Flush();
  }

  const TakeLogRecord& take_;
  std::string pending_;
};

struct BatchRecord {
  std::uint32_t family = 0;
  std::string_view key;
  std::string_view value;
  bool is_put = false;
};

/// Takes one record off the front of `*rest`; nothing: there is none.
std::optional<BatchRecord> TakeRecord(std::string_view* rest) {
  std::string_view bytes = *rest;
  if (bytes.empty()) return std::nullopt;
  const auto tag = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  if (tag != kFamilyPut && tag != kFamilyDelete) return std::nullopt;
  const auto family = TakeVarint(&bytes);
  if (!family || *family == 0 || *family >= kFamilyNames.size()) return std::nullopt;
  const auto key = TakeCounted(&bytes);
  if (!key || key->empty()) return std::nullopt;
  BatchRecord record{*family, *key, {}, tag == kFamilyPut};
  if (record.is_put) {
    const auto value = TakeCounted(&bytes);
    if (!value) return std::nullopt;
    record.value = *value;
  }
  *rest = bytes;
  return record;
}

}  // namespace

void ForEachBatchRecord(std::string_view batch, const TakeLogRecord& take) {
  std::string_view rest = batch.substr(std::min(kBatchHeadBytes, batch.size()));
  while (!rest.empty()) {
    const auto record = TakeRecord(&rest);
    if (!record) {
      rest.remove_prefix(1);
    } else if (record->is_put) {
      take(record->family, record->key, record->value);
    }
  }
}

Status ForEachLogRecord(const std::filesystem::path& path, const TakeLogRecord& take) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(Code::kCorruption, "open", path, errno);
  Assembler assembler(take);
  std::string block(kBlockBytes, '\0');
  for (;;) {
    file.read(block.data(), kBlockBytes);
    const auto got = static_cast<std::size_t>(file.gcount());
    if (got == 0) break;
    assembler.AddBlock(std::string_view(block).substr(0, got));
  }
  assembler.Flush();
  if (file.bad()) return ErrnoStatus(Code::kCorruption, "read", path, errno);
  return {};
}

}  // namespace embstore
