// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <filesystem>

#include "engine/record/keys.h"
#include "engine/record/sketch_record.h"
#include "engine/sketch/sketch.h"
#include "engine/store/space_scan.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

const EmbeddingIdentity kIdentity{"m", 3, "", 1};
const std::vector<std::vector<float>> kVectors = {{1, 2, 3}, {-1, 0, 4}, {5, -6, 7}};

std::unique_ptr<Store> MustOpen(const fs::path& directory, bool read_only = false) {
  StoreOptions options;
  options.read_only = read_only;
  auto store = Store::Open(directory, options);
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  return std::move(*store);
}

std::string TextOf(std::size_t i) { return "text " + std::to_string(i); }

void Put(Store* store, std::size_t first, std::size_t count) {
  StoreWriter writer(store);
  REQUIRE(writer.AddSpace({kIdentity, "test", 1}).ok());
  Commit commit;
  commit.space = MakeSpaceId(kIdentity);
  std::vector<std::string> texts;
  for (std::size_t i = first; i < first + count; ++i) texts.push_back(TextOf(i));
  for (std::size_t i = 0; i < count; ++i) {
    commit.embedded.push_back({MakeTextKey(texts[i]), texts[i], 1, kVectors[first + i]});
  }
  REQUIRE(writer.Write(commit).ok());
}

/// Calls `change` with the database behind the store's back.
template <typename Change>
void ChangeDatabase(const fs::path& directory, const Change& change) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string_view name : kFamilyNames) {
    families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open({}, (directory / "store").string(), families, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  change(db.get(), handles[static_cast<std::size_t>(Family::kSketches)]);
  for (auto* handle : handles) CHECK(db->DestroyColumnFamilyHandle(handle).ok());
}

/// How many sketches there are. Each is that of its vector.
std::size_t CheckSketches(const Store& store) {
  const Sketcher sketcher(3);
  std::size_t count = 0;
  const Status read =
      SpaceScan(store, MakeSpaceId(kIdentity))
          .ForEachSketch(sketcher.bytes(), [&](const ContentHash& hash, std::uint8_t slot,
                                               std::span<const std::uint8_t> bits) {
            CHECK(slot == 0);
            for (std::size_t i = 0; i < kVectors.size(); ++i) {
              if (MakeTextKey(TextOf(i)).hash != hash) continue;
              std::vector<std::uint8_t> expected(sketcher.bytes());
              sketcher.Sketch(kVectors[i], expected);
              CHECK(std::equal(bits.begin(), bits.end(), expected.begin(), expected.end()));
              ++count;
            }
            return Status();
          });
  CHECK_MESSAGE(read.ok(), read.message());
  return count;
}

TEST_CASE("sketches: every vector gets its sketch in the commit that brings it") {
  testing::TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    Put(store.get(), 0, 3);
    CHECK(CheckSketches(*store) == 3);
  }
  CHECK(CheckSketches(*MustOpen(dir.path(), /*read_only=*/true)) == 3);
}

TEST_CASE("sketches: a store without the family is read, and gets it when it is opened to write") {
  testing::TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    Put(store.get(), 0, 2);
    REQUIRE(store->Close().ok());
  }
  ChangeDatabase(dir.path(), [](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* sketches) {
    REQUIRE(db->DropColumnFamily(sketches).ok());
  });
  CHECK(CheckSketches(*MustOpen(dir.path(), /*read_only=*/true)) == 0);
  const auto store = MustOpen(dir.path());
  CHECK(CheckSketches(*store) == 2);
  Put(store.get(), 2, 1);
  CHECK(CheckSketches(*store) == 3);
}

TEST_CASE("sketches: a damaged sketch is damage") {
  testing::TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    Put(store.get(), 0, 3);
    REQUIRE(store->Close().ok());
  }
  ChangeDatabase(dir.path(), [](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* sketches) {
    const std::string key = VectorKey(MakeSpaceId(kIdentity), MakeTextKey(TextOf(1)).hash);
    std::string value;
    REQUIRE(db->Get({}, sketches, key, &value).ok());
    value[10] = static_cast<char>(value[10] ^ 4);
    REQUIRE(db->Put({}, sketches, key, value).ok());
  });
  const auto store = MustOpen(dir.path(), /*read_only=*/true);
  const Status read =
      SpaceScan(*store, MakeSpaceId(kIdentity))
          .ForEachSketch(32, [](const ContentHash&, std::uint8_t, std::span<const std::uint8_t>) {
            return Status();
          });
  CHECK(read.code() == Code::kCorruption);
  CHECK(read.message().find("family 'sketches'") != std::string::npos);
}

}  // namespace
}  // namespace embstore
