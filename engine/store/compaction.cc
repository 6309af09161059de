// SPDX-License-Identifier: Apache-2.0
#include "engine/store/compaction.h"

#include <rocksdb/metadata.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

#include "engine/store/rocksdb_options.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargeBytes = 32u << 20;
constexpr std::uint64_t kMuchBytes = 48u << 20;
constexpr std::uint64_t kSomeBytes = 1u << 20;
constexpr int kManyFiles = 10;  // Of one family, in level 0.
constexpr std::chrono::milliseconds kPoll{5};

/// Whether a family has more than `count` files in level 0.
bool HasMoreFiles(const Store::Impl& impl, int count) {
  const auto has_more = [&](rocksdb::ColumnFamilyHandle* family) {
    std::string files;
    return impl.db->GetProperty(family, rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0",
                                &files) &&
           std::stoi(files) > count;
  };
  return std::any_of(impl.families.begin(), impl.families.end(), has_more);
}

/// Of what compacting level 0 writes at most: it is merged with the first level that has files.
std::uint64_t CompactionBytes(const Store::Impl& impl) {
  std::uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* family : impl.families) {
    rocksdb::ColumnFamilyMetaData data;
    impl.db->GetColumnFamilyMetaData(family, &data);
    for (const rocksdb::LevelMetaData& level : data.levels) {
      bytes += level.size;
      if (level.level > 0 && level.size > 0) break;
    }
  }
  return bytes;
}

/// A compaction that fills the disk takes the run that it is beside with it.
bool HasRoom(const Store::Impl& impl) {
  std::error_code error;
  const fs::space_info space = fs::space(impl.directory, error);
  return !error && space.available >= CompactionBytes(impl);
}

/// Of a disk that is full, for instance: what is left can wait for another run.
bool HasFailed(const Store::Impl& impl) {
  std::uint64_t errors = 0;
  return impl.db->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &errors) && errors > 0;
}

/// May be called again. Takes some milliseconds: RocksDB writes down its options once
/// for each family.
bool LetCompact(Store::Impl* impl) {
  const rocksdb::Status let =
      impl->db->EnableAutoCompaction({impl->families.begin(), impl->families.end()});
  if (!let.ok() && impl->options.log) impl->options.log("not compacted: " + let.ToString());
  return let.ok();
}

}  // namespace

bool IsLargeDatabase(const fs::path& database) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(database, error)) {
    if (entry.path().extension() != ".sst") continue;
    const auto size = entry.file_size(error);
    if (!error) bytes += size;
  }
  return bytes >= kLargeBytes;
}

void PlanCompaction(Store::Impl* impl) {
  impl->many_files = HasMoreFiles(*impl, kManyFiles) && HasRoom(*impl);
}

void CountWrite(Store::Impl* impl, std::size_t bytes) {
  if (!impl->defers_compaction) return;
  const std::uint64_t limit = impl->many_files ? kSomeBytes : kMuchBytes;
  const std::uint64_t before = impl->written_bytes.fetch_add(bytes);
  if (before < limit && before + bytes >= limit) LetCompact(impl);
}

void FinishCompaction(Store::Impl* impl) {
  if (!impl->defers_compaction || !impl->many_files || impl->written_bytes == 0) return;
  if (!LetCompact(impl)) return;
  while (HasMoreFiles(*impl, kLevel0Trigger - 1) && !HasFailed(*impl)) {
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace embstore
