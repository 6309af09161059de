// SPDX-License-Identifier: Apache-2.0
// Makes a database out of records, where none is yet.
#pragma once

#include <rocksdb/write_batch.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "embstore/status.h"
#include "engine/record/keys.h"
#include "engine/store/store_impl.h"

namespace embstore {

/// Not thread-safe; one thread at a time.
class StoreBuilder {
 public:
  /// What lies at `database` is removed. kWriteFailed.
  static Result<std::unique_ptr<StoreBuilder>> Create(const std::filesystem::path& database);

  Status Put(Family family, std::string_view key, std::string_view value);
  /// Durable when it returns. REQUIRES: no other call afterwards.
  Status Finish();

 private:
  StoreBuilder() = default;
  Status Flush();

  Store::Impl impl_;
  rocksdb::WriteBatch batch_;
};

/// Sets the commit record of the database of `directory`, unless it has a higher number.
Status WriteCommitRecord(const std::filesystem::path& directory, const CommitRecord& commit);

}  // namespace embstore
