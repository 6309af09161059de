// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "engine/record/keys.h"
#include "engine/record/sketch_record.h"
#include "engine/sketch/sketch.h"
#include "engine/store/space_scan.h"
#include "engine/store/store_writer.h"
#include "support/change_family.h"
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

/// How many sketches there are. Each is that of its vector.
std::size_t CheckSketches(const Store& store) {
  const Sketcher sketcher(3);
  std::size_t count = 0;
  const Status read =
      SpaceScan(store, MakeSpaceId(kIdentity))
          .ForEachSketch(
              sketcher.bytes(), 0, 1,
              [&](const ContentHash& hash, std::uint8_t slot, std::span<const std::uint8_t> bits) {
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
  testing::ChangeFamily(dir.path(), Family::kSketches,
                        [](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* sketches) {
                          REQUIRE(db->DropColumnFamily(sketches).ok());
                        });
  CHECK(CheckSketches(*MustOpen(dir.path(), /*read_only=*/true)) == 0);
  const auto store = MustOpen(dir.path());
  CHECK(CheckSketches(*store) == 2);
  Put(store.get(), 2, 1);
  CHECK(CheckSketches(*store) == 3);
}

TEST_CASE("sketches: parts of a space have each of its sketches once, in order") {
  testing::TempDir dir;
  const auto store = MustOpen(dir.path());
  StoreWriter writer(store.get());
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 500; ++i) texts.push_back(TextOf(i));
  for (const char* task : {"", "another space"}) {
    EmbeddingIdentity identity = kIdentity;
    identity.task_type = task;
    REQUIRE(writer.AddSpace({identity, "test", 1}).ok());
    Commit commit;
    commit.space = MakeSpaceId(identity);
    for (const std::string& text : texts) {
      commit.embedded.push_back({MakeTextKey(text), text, 1, kVectors[0]});
    }
    REQUIRE(writer.Write(commit).ok());
  }
  for (const std::size_t parts : {1U, 2U, 3U, 4U, 256U, 65536U}) {
    CAPTURE(parts);
    std::vector<ContentHash> hashes;
    const auto visit = [&](const ContentHash& hash, std::uint8_t, std::span<const std::uint8_t>) {
      hashes.push_back(hash);
      return Status();
    };
    const SpaceScan scan(*store, MakeSpaceId(kIdentity));
    // Of very many parts, the first and the last.
    const std::size_t step = parts > 256 ? parts - 1 : 1;
    for (std::size_t part = 0; part < parts; part += step) {
      REQUIRE(scan.ForEachSketch(32, part, parts, visit).ok());
    }
    CHECK(std::is_sorted(hashes.begin(), hashes.end()));
    CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
    if (step == 1) CHECK(hashes.size() == texts.size());
  }
}

TEST_CASE("sketches: a damaged sketch is damage") {
  testing::TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    Put(store.get(), 0, 3);
    REQUIRE(store->Close().ok());
  }
  testing::DamageRecord(dir.path(), Family::kSketches,
                        VectorKey(MakeSpaceId(kIdentity), MakeTextKey(TextOf(1)).hash));
  const auto store = MustOpen(dir.path(), /*read_only=*/true);
  const Status read = SpaceScan(*store, MakeSpaceId(kIdentity))
                          .ForEachSketch(32, 0, 1,
                                         [](const ContentHash&, std::uint8_t,
                                            std::span<const std::uint8_t>) { return Status(); });
  CHECK(read.code() == Code::kCorruption);
  CHECK(read.message().find("family 'sketches'") != std::string::npos);
}

}  // namespace
}  // namespace embstore
