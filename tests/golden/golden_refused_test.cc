// SPDX-License-Identifier: Apache-2.0
// What is no store of this version must be refused and left alone.
#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "embstore/store.h"
#include "engine/record/keys.h"
#include "engine/record/record.h"
#include "golden/golden_copy.h"
#include "golden/golden_data.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using golden::MustOpen;
using golden::Snapshot;
using golden::StoreCopy;
using testing::TempDir;

/// Those of a golden store: it was written before there were sketches.
std::vector<std::string> FirstFamilies() { return {kFamilyNames.begin(), kFamilyNames.end() - 1}; }

using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;

/// Makes or opens the database with these families and runs `use(db, handles)`.
template <typename Use>
void WithDatabase(const fs::path& path, const std::vector<std::string>& families, const Use& use) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : families) descriptors.emplace_back(name, options);
  rocksdb::DB* db = nullptr;
  Handles handles;
  const rocksdb::Status opened =
      rocksdb::DB::Open(options, path.string(), descriptors, &handles, &db);
  REQUIRE_MESSAGE(opened.ok(), opened.ToString());
  use(db, handles);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    REQUIRE(db->DestroyColumnFamilyHandle(handle).ok());
  }
  delete db;
}

void CheckRefusedAndUntouched(const fs::path& directory) {
  const auto before = Snapshot(directory / "store");
  for (const bool read_only : {true, false}) {
    CAPTURE(read_only);
    StoreOptions options;
    options.read_only = read_only;
    const auto opened = Store::Open(directory, options);
    CHECK(opened.code() == Code::kIncompatible);
    if (!opened.ok()) {
      CHECK(opened.status().message().find(directory.string()) != std::string::npos);
    }
    const auto after = Snapshot(directory / "store");
    for (const auto& [name, content] : before) {
      CAPTURE(name);
      REQUIRE(after.contains(name));
      CHECK((after.at(name) == content));
    }
    for (const auto& [name, content] : after) {
      CAPTURE(name);
      CHECK(before.contains(name));
    }
  }
}

TEST_CASE("golden: the database of another program is refused and left as it is") {
  const TempDir dir;
  WithDatabase(dir.path() / "store", {"default"}, [](rocksdb::DB* db, const Handles&) {
    REQUIRE(db->Put({}, "their key", "their value").ok());
  });
  CheckRefusedAndUntouched(dir.path());
}

TEST_CASE("golden: the families of another program are refused and left as they are") {
  const TempDir dir;
  WithDatabase(dir.path() / "store", {"default", "theirs"},
               [](rocksdb::DB* db, const Handles& handles) {
                 REQUIRE(db->Put({}, handles[1], "their key", "their value").ok());
               });
  CheckRefusedAndUntouched(dir.path());
}

TEST_CASE("golden: a store with a family of a newer version is refused and left as it is") {
  const StoreCopy copy;
  std::vector<std::string> families = FirstFamilies();
  families.emplace_back("from_the_future");
  WithDatabase(copy.directory / "store", families, [](rocksdb::DB* db, const Handles& handles) {
    REQUIRE(db->Put({}, handles.back(), "new key", "new value").ok());
  });
  CheckRefusedAndUntouched(copy.directory);
}

TEST_CASE("golden: a store of a newer format is refused, left as it is, and says what to do") {
  const StoreCopy copy;
  const std::vector<std::string> families = FirstFamilies();
  WithDatabase(copy.directory / "store", families, [](rocksdb::DB* db, const Handles& handles) {
    MetaRecord meta;
    meta.format_version = 2;
    REQUIRE(db->Put({}, handles[static_cast<std::size_t>(Family::kMeta)],
                    rocksdb::Slice(kMetaStoreKey), EncodeRecord(kMetaStoreKey, meta))
                .ok());
  });
  for (const bool read_only : {true, false}) {
    StoreOptions options;
    options.read_only = read_only;
    const auto opened = Store::Open(copy.directory, options);
    CHECK(opened.code() == Code::kIncompatible);
    CHECK(opened.status().message() == "the store in '" + copy.directory.string() +
                                           "' has format 2, this version reads up to 1: use a "
                                           "newer embstore");
  }
  CheckRefusedAndUntouched(copy.directory);
}

TEST_CASE("golden: a record of a newer version is refused, not read by guess") {
  const StoreCopy copy;
  const std::string key =
      VectorKey(MakeSpaceId(golden::FirstIdentity()), MakeTextKey("The quick brown fox").hash);
  WithDatabase(copy.directory / "store", FirstFamilies(),
               [&](rocksdb::DB* db, const Handles& handles) {
                 auto* vectors = handles[static_cast<std::size_t>(Family::kVectors)];
                 std::string value;
                 REQUIRE(db->Get({}, vectors, key, &value).ok());
                 value[8] = static_cast<char>(value[8] + 1);
                 REQUIRE(db->Put({}, vectors, key, value).ok());
               });
  std::array<float, golden::kDimensions> vector{};
  const Status read = MustOpen(copy.directory, true)
                          ->GetVector(MakeSpaceId(golden::FirstIdentity()),
                                      MakeTextKey("The quick brown fox"), vector);
  CHECK((read.code() == Code::kIncompatible || read.code() == Code::kCorruption));
}

TEST_CASE("golden: a store whose first record is damaged is corrupt, not new") {
  const StoreCopy copy;
  const std::vector<std::string> families = FirstFamilies();
  WithDatabase(copy.directory / "store", families, [](rocksdb::DB* db, const Handles& handles) {
    std::string value = EncodeRecord(kMetaStoreKey, MetaRecord{});
    value.back() = static_cast<char>(value.back() ^ 1);
    REQUIRE(db->Put({}, handles[static_cast<std::size_t>(Family::kMeta)],
                    rocksdb::Slice(kMetaStoreKey), value)
                .ok());
  });
  CHECK(Store::Open(copy.directory, {}).code() == Code::kCorruption);
}

TEST_CASE("golden: an empty directory and one of other files become a store") {
  const TempDir dir;
  fs::create_directory(dir.path() / "store");
  std::ofstream(dir.path() / "notes.txt") << "mine";
  REQUIRE(Store::Open(dir.path(), {}).ok());
  CHECK(fs::exists(dir.path() / "notes.txt"));
  CHECK(MustOpen(dir.path(), true)->Splits()->empty());
}

}  // namespace
}  // namespace embstore
