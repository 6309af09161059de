// SPDX-License-Identifier: Apache-2.0
#include "engine/store/compaction.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargeBytes = 32u << 20;
constexpr std::uint64_t kMuchBytes = 48u << 20;
// Of one family, in level 0.
constexpr std::uint64_t kManyFiles = 10;
constexpr std::uint64_t kFewFiles = 3;  // RocksDB compacts what is more.
constexpr std::chrono::milliseconds kPoll{5};

/// Whether a family has more than `count` files in level 0.
bool HasMoreFiles(const Store::Impl& impl, std::uint64_t count) {
  const auto has_more = [&](rocksdb::ColumnFamilyHandle* family) {
    std::string files;
    return impl.db->GetProperty(family, rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0",
                                &files) &&
           std::stoull(files) > count;
  };
  return std::any_of(impl.families.begin(), impl.families.end(), has_more);
}

/// Of a disk that is full, for instance: what is left can wait for the next run.
bool HasFailed(const Store::Impl& impl) {
  std::uint64_t errors = 0;
  return impl.db->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &errors) && errors > 0;
}

std::uint64_t TableBytes(const fs::path& database) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(database, error)) {
    if (entry.path().extension() != ".sst") continue;
    const auto size = entry.file_size(error);
    if (!error) bytes += size;
  }
  return bytes;
}

/// Whether the disk has room for all tables once more: a compaction that fills it takes the run
/// that it is beside with it.
bool HasRoom(const fs::path& database) {
  std::error_code error;
  const fs::space_info space = fs::space(database, error);
  return !error && space.available >= TableBytes(database);
}

}  // namespace

bool IsLargeDatabase(const fs::path& database) { return TableBytes(database) >= kLargeBytes; }

void DeferCompaction(rocksdb::ColumnFamilyOptions* options) {
  options->disable_auto_compactions = true;
}

void PlanCompaction(Store::Impl* impl) {
  impl->many_files = HasMoreFiles(*impl, kManyFiles) && HasRoom(impl->directory / "store");
}

void CountWrite(Store::Impl* impl, std::size_t bytes) {
  if (!impl->defers_compaction) return;
  const std::uint64_t limit = impl->many_files ? 1 : kMuchBytes;
  const std::uint64_t before = impl->written_bytes.fetch_add(bytes);
  if (before >= limit || before + bytes < limit) return;
  // Changes an option, which RocksDB refuses only where the options contradict each other.
  impl->db->EnableAutoCompaction({impl->families.begin(), impl->families.end()})
      .PermitUncheckedError();
}

void AwaitCompaction(const Store::Impl& impl) {
  if (!impl.defers_compaction || !impl.many_files || impl.written_bytes == 0) return;
  while (HasMoreFiles(impl, kFewFiles) && !HasFailed(impl)) std::this_thread::sleep_for(kPoll);
}

}  // namespace embstore
