// SPDX-License-Identifier: Apache-2.0
#include "engine/store/rocksdb_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/base/seeded_bug.h"

namespace embstore {
namespace {

/// Hands RocksDB's warnings to the caller. RocksDB's own logger writes to the disk of the database
/// and, when that is full, ends the process with an assertion.
class ForwardingLogger final : public rocksdb::Logger {
 public:
  explicit ForwardingLogger(std::function<void(std::string_view)> sink)
      : rocksdb::Logger(rocksdb::WARN_LEVEL), sink_(std::move(sink)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override {
    if (!sink_) return;
    std::array<char, 1024> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    sink_(line.data());
  }

 private:
  const std::function<void(std::string_view)> sink_;
};

constexpr std::size_t kMiB = 1u << 20;

}  // namespace

rocksdb::DBOptions MakeDbOptions(const StoreOptions& options, OpenMode mode) {
  rocksdb::DBOptions db;
  // RocksDB takes a directory without CURRENT for an empty one and removes what lies in it.
  db.create_if_missing = mode == OpenMode::kCreate;
  db.error_if_exists = mode == OpenMode::kCreate;
  db.create_missing_column_families = mode == OpenMode::kCreate;
  db.info_log = std::make_shared<ForwardingLogger>(options.log);
  // The default drops synced records in silence after a damaged one in the middle of the log.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  if (EMBSTORE_SEEDED_BUG("default-recovery"))
    db.wal_recovery_mode = rocksdb::DBOptions().wal_recovery_mode;
  db.paranoid_checks = true;
  // All families are flushed as one: each has its own entries in the MANIFEST, and one whose end is
  // lost would otherwise give some families back older than others.
  db.atomic_flush = true;
  db.avoid_flush_during_recovery = true;  // That flush is one of each family by itself.
  db.recycle_log_file_num = 0;            // A recycled log can replay stale records (fixed in 9.2).
  db.max_total_wal_size = 256 * kMiB;
  db.wal_bytes_per_sync = 1 * kMiB;
  db.max_background_jobs = 2;
  db.stats_dump_period_sec = 0;
  db.skip_stats_update_on_db_open = mode == OpenMode::kReadOnly;  // They are for compactions.
  // Read-only opens with -1 take a path that has answered NotFound for data that is there.
  db.max_open_files = 500;
  db.max_file_opening_threads = 1;  // A store has few files; sixteen threads a family cost more.
  return db;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family,
                                               std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;

  rocksdb::ColumnFamilyOptions options;
  options.force_consistency_checks = true;
  options.level_compaction_dynamic_level_bytes = true;
  options.level0_file_num_compaction_trigger = kLevel0Trigger;
  // A write stop from this estimate can last for ever (fixed in 8.7).
  options.soft_pending_compaction_bytes_limit = 0;
  options.hard_pending_compaction_bytes_limit = 0;
  options.write_buffer_size = 16 * kMiB;
  // Commits and lists come in the order of their keys: each is looked for where the last one went.
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(0));
  options.compression = rocksdb::kLZ4Compression;
  if (family == Family::kIndex) {  // Most texts that are looked for before a commit are new.
    options.memtable_prefix_bloom_size_ratio = 0.02;
    options.memtable_whole_key_filtering = true;
  }
  if (family == Family::kVectors) {
    options.write_buffer_size = 32 * kMiB;
    options.compression = rocksdb::kNoCompression;  // They are packed; what is left is noise.
    table.block_size = 8 * 1024;
  }
  if (family == Family::kSketches) {  // Read as a whole or not at all; signs are noise.
    options.compression = rocksdb::kNoCompression;
    table.block_size = 64 * 1024;
    table.filter_policy = nullptr;
  }
  if (family == Family::kTexts) {
    options.compression = rocksdb::kZSTD;
    table.block_size = 16 * 1024;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

void DeferCompaction(rocksdb::ColumnFamilyOptions* options) {
  options->disable_auto_compactions = true;
}

rocksdb::WriteOptions SyncedWrite() {
  rocksdb::WriteOptions options = UnsyncedWrite();
  options.sync = !EMBSTORE_SEEDED_BUG("unsynced-commit");
  return options;
}

rocksdb::WriteOptions UnsyncedWrite() {
  rocksdb::WriteOptions options;
  options.protection_bytes_per_key = 8;  // Memory errors between here and the log are noticed.
  return options;
}

rocksdb::ReadOptions PointRead() {
  rocksdb::ReadOptions options;
  // Not left to our own checksums: a damaged block that is parsed unchecked ends the process in a
  // library that was built with assertions, as Debian's is.
  options.verify_checksums = true;
  return options;
}

rocksdb::ReadOptions ScanRead() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  options.readahead_size = 2 * kMiB;
  options.total_order_seek = true;
  return options;
}

}  // namespace embstore
