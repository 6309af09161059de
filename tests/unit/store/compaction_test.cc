// SPDX-License-Identifier: Apache-2.0
#include "engine/store/compaction.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "embstore/store.h"
#include "engine/store/database.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;

constexpr std::size_t kLargeStore = 40u << 20;
constexpr std::size_t kTextBytes = 1u << 20;

/// Opens the store, commits each of `texts` by itself, and closes the store.
void Run(const TempDir& dir, const std::vector<std::string>& texts) {
  auto store = Store::Open(dir.path(), StoreOptions());
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  StoreWriter writer(store->get());
  const EmbeddingIdentity identity{"m", 4, "", 1};
  REQUIRE(writer.AddSpace({identity, "test", 1}).ok());
  const std::vector<float> vector = {1, 2, 3, 4};
  for (const std::string& text : texts) {
    Commit commit;
    commit.space = MakeSpaceId(identity);
    commit.run_number = 1;
    commit.embedded.push_back({MakeTextKey(text), text, 1, vector});
    REQUIRE(writer.Write(commit).ok());
  }
  REQUIRE((*store)->Close().ok());
}

/// Texts of `bytes` in all that do not get smaller when they are compressed.
std::vector<std::string> Noise(std::size_t bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::string> texts(bytes / kTextBytes);
  for (std::string& text : texts) {
    text.resize(kTextBytes);
    std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
  }
  return texts;
}

std::set<std::string> TableFiles(const TempDir& dir) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "store")) {
    if (entry.path().extension() == ".sst") files.insert(entry.path().filename());
  }
  return files;
}

/// Whether RocksDB compacted by itself at the end of the last run: it writes down its options.
bool CompactedByItself(const TempDir& dir) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "store")) {
    const std::string name = entry.path().filename();
    if (name.starts_with("OPTIONS-")) newest = std::max(newest, name);
  }
  std::ifstream file(dir.path() / "store" / newest);
  const std::string options((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(options.find("disable_auto_compactions=") != std::string::npos);
  return options.find("disable_auto_compactions=true") == std::string::npos;
}

TEST_CASE("compaction: a run that writes little to a large store leaves its files as they are") {
  TempDir dir;
  Run(dir, Noise(kLargeStore, 1));
  const auto before = TableFiles(dir);
  for (int run = 0; run < 6; ++run) Run(dir, {"text " + std::to_string(run)});
  const auto after = TableFiles(dir);
  CHECK(std::includes(after.begin(), after.end(), before.begin(), before.end()));
}

TEST_CASE("compaction: many runs that write little do not fill a large store with files") {
  TempDir dir;
  Run(dir, Noise(kLargeStore, 1));
  for (int run = 0; run < 40; ++run) Run(dir, {"text " + std::to_string(run)});
  CHECK(TableFiles(dir).size() < 100);  // About 240 if nothing were compacted.
}

TEST_CASE("compaction: a run that begins it does not end before it is done") {
  TempDir dir;
  Run(dir, Noise(kLargeStore, 1));
  std::size_t files = TableFiles(dir).size();
  for (int run = 0; run < 20; ++run) {
    Run(dir, {"text " + std::to_string(run)});
    const std::size_t before = std::exchange(files, TableFiles(dir).size());
    if (files < before) break;
  }
  constexpr std::size_t kFamiliesWritten = 6;
  CHECK(files <= kFamiliesWritten * 4);  // Three in level 0, one below. All would be 50.
}

TEST_CASE("compaction: closing ends also where much of what was written came before the plan") {
  TempDir dir;
  Run(dir, Noise(kLargeStore, 1));
  bool was_due = false;
  for (int run = 0; run < 20 && !was_due; ++run) {
    Run(dir, {"text " + std::to_string(run)});
    Store::Impl impl;
    impl.directory = dir.path();
    REQUIRE(OpenDatabase(OpenMode::kWrite, dir.path() / "store", &impl).ok());
    CountWrite(&impl, 2u << 20);  // As an upgrade that adds the sketches does.
    PlanCompaction(&impl);
    was_due = impl.many_files;
    FinishCompaction(&impl);
  }
  CHECK(was_due);
}

TEST_CASE("compaction: a run that writes much to a large store compacts") {
  TempDir dir;
  Run(dir, Noise(kLargeStore, 1));
  Run(dir, {"little"});
  CHECK_FALSE(CompactedByItself(dir));
  Run(dir, Noise(kLargeStore + (20u << 20), 2));
  CHECK(CompactedByItself(dir));
}

TEST_CASE("compaction: a small store is left to RocksDB") {
  TempDir dir;
  Run(dir, {"a"});
  Run(dir, {"b"});
  CHECK(CompactedByItself(dir));
}

}  // namespace
}  // namespace embstore
