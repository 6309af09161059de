// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "embstore/store.h"
#include "engine/record/keys.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

/// Takes one vector out of a closed store, behind its back.
void DeleteVector(const std::filesystem::path& database, const std::string& key) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string_view name : kFamilyNames) {
    families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open({}, database.string(), families, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  const auto vectors = static_cast<std::size_t>(Family::kVectors);
  CHECK(db->Delete(rocksdb::WriteOptions(), handles[vectors], key).ok());
  for (auto* handle : handles) CHECK(db->DestroyColumnFamilyHandle(handle).ok());
}

TEST_CASE("store: a vector that the index has and the vectors lack is damage, not absence") {
  testing::TempDir dir;
  const EmbeddingIdentity identity{"m", 2, "", 1};
  const SpaceId space = MakeSpaceId(identity);
  const std::vector<TextKey> texts = {MakeTextKey("kept"), MakeTextKey("lost")};
  const std::vector<float> vector = {1, 2};
  {
    auto store = Store::Open(dir.path(), {});
    StoreWriter writer(store->get());
    Commit commit;
    commit.space = space;
    commit.embedded = {{texts[0], "kept", 1, vector}, {texts[1], "lost", 1, vector}};
    REQUIRE(writer.Write(commit).ok());
    REQUIRE((*store)->Close().ok());
  }
  DeleteVector(dir.path() / "store", VectorKey(space, texts[1].hash));

  StoreOptions options;
  options.read_only = true;
  auto store = Store::Open(dir.path(), options);
  REQUIRE(store.ok());
  std::vector<float> rows(4);
  CHECK((*store)->GetVector(space, texts[0], std::span(rows).first(2)).ok());
  CHECK((*store)->GetVector(space, texts[1], std::span(rows).first(2)).code() == Code::kCorruption);
  CHECK((*store)->GetVectors(space, texts, rows).code() == Code::kCorruption);
  const std::vector<TextKey> absent = {MakeTextKey("never stored")};
  CHECK(*(*store)->GetVectors(space, absent, std::span(rows).first(2)) == std::vector<bool>{false});
}

}  // namespace
}  // namespace embstore
