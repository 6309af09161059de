// SPDX-License-Identifier: Apache-2.0
// Changes the database of a store behind the store's back.
#pragma once

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/record/keys.h"

namespace embstore::testing {

/// Calls change(db, handle of `family`). REQUIRES: the store in `directory` is closed.
template <typename Change>
void ChangeFamily(const std::filesystem::path& directory, Family family, const Change& change) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string_view name : kFamilyNames) {
    families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open({}, (directory / "store").string(), families, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  change(db.get(), handles[static_cast<std::size_t>(family)]);
  for (auto* handle : handles) CHECK(db->DestroyColumnFamilyHandle(handle).ok());
}

/// Flips a bit of the value under `key`, near its end.
inline void DamageRecord(const std::filesystem::path& directory, Family family,
                         const std::string& key) {
  ChangeFamily(directory, family, [&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* handle) {
    std::string value;
    REQUIRE(db->Get({}, handle, key, &value).ok());
    value.back() = static_cast<char>(value.back() ^ 4);
    REQUIRE(db->Put({}, handle, key, value).ok());
  });
}

}  // namespace embstore::testing
