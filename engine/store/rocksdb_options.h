// SPDX-License-Identifier: Apache-2.0
// Every RocksDB option of embstore, in one place, with its reason.
#pragma once

#include <rocksdb/options.h>

#include "embstore/store.h"
#include "engine/record/keys.h"

namespace embstore {

/// So many files of a family in level 0 are compacted.
inline constexpr int kLevel0Trigger = 4;

enum class OpenMode {
  kCreate,    ///< A new database; it must not exist.
  kWrite,     ///< An existing one; nothing is made up for what is missing.
  kReadOnly,  ///< The same, without the right to write.
};

rocksdb::DBOptions MakeDbOptions(const StoreOptions& options, OpenMode mode);

/// `cache` is shared by all families.
rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family,
                                               std::shared_ptr<rocksdb::Cache> cache);

/// For each family of a database that is to compact nothing until it is told to.
void DeferCompaction(rocksdb::ColumnFamilyOptions* options);

/// Acknowledged means synced.
rocksdb::WriteOptions SyncedWrite();
/// For what becomes meaningful only with a later synced write.
rocksdb::WriteOptions UnsyncedWrite();

/// Both check blocks before they are parsed.
rocksdb::ReadOptions PointRead();
rocksdb::ReadOptions ScanRead();

}  // namespace embstore
