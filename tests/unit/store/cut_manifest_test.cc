// SPDX-License-Identifier: Apache-2.0
// The MANIFEST says which tables make up each column family. When its end is lost, the store is
// damaged or as old as one commit, but never a mixture.
#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <fstream>
#include <sstream>

#include "engine/record/keys.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

const EmbeddingIdentity kIdentity{"m", 2, "", 1};
constexpr std::uint64_t kStates = 3;

Result<std::unique_ptr<Store>> TryOpen(const fs::path& directory, bool read_only) {
  StoreOptions options;
  options.read_only = read_only;
  return Store::Open(directory, options);
}

std::unique_ptr<Store> MustOpen(const fs::path& directory) {
  auto store = TryOpen(directory, /*read_only=*/false);
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  return *std::move(store);
}

std::vector<std::string> TextsOf(std::uint64_t state) {
  return {"first of " + std::to_string(state), "second of " + std::to_string(state)};
}

/// State n: the list of generation n with the texts of n, and then their vectors.
void Advance(Store* store, std::uint64_t state) {
  StoreWriter writer(store);
  auto split = writer.BeginDocuments("train");
  REQUIRE(split.ok());
  std::vector<DocumentRecord> documents;
  const std::vector<std::string> texts = TextsOf(state);
  for (const std::string& text : texts) documents.push_back({MakeTextKey(text), text, {}});
  REQUIRE(writer.AppendDocuments(*split, 0, documents).ok());
  split->documents = documents.size();
  split->has_ids = true;
  REQUIRE(writer.PublishDocuments("train", *split).ok());
  Commit commit;
  commit.space = MakeSpaceId(kIdentity);
  commit.run_number = static_cast<std::uint32_t>(state);
  commit.run.emplace().split = "train";
  commit.coverage.emplace().generation = split->generation;
  const std::vector<float> vector = {1, 2};
  for (const std::string& text : texts) {
    commit.embedded.push_back({MakeTextKey(text), text, 1, vector});
  }
  REQUIRE(writer.AddSpace({kIdentity, "test", 1}).ok());
  REQUIRE(writer.Write(commit).ok());
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Where the records of a RocksDB log end; a record is a checksum of 4 bytes, a length of 2, a
/// type and its content.
std::vector<std::size_t> RecordEnds(const std::string& manifest) {
  std::vector<std::size_t> ends = {0};
  while (ends.back() + 7 <= manifest.size()) {
    const std::size_t at = ends.back();
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(manifest[at + i]); };
    ends.push_back(at + 7 + byte(4) + 256u * byte(5));
  }
  REQUIRE(ends.back() == manifest.size());
  return ends;
}

template <typename T>
T Answer(Result<T> result) {
  CHECK_MESSAGE(result.ok(), result.status().message());
  return result.ok() ? *std::move(result) : T();
}

/// REQUIRES that `store` is in the state of its last commit, in every family.
void CheckIsOneState(const Store& store) {
  const std::uint64_t state = store.CommitNumber();
  const SpaceId space = MakeSpaceId(kIdentity);
  const auto split = store.FindSplit("train");
  if (state == 0) {
    CHECK(Answer(store.Spaces()).empty());
    CHECK(split.code() == Code::kNotFound);
    return;
  }
  CHECK_MESSAGE(split.ok(), split.status().message());
  if (!split.ok()) return;
  CHECK(split->record.generation == state);
  std::vector<std::string> ids;
  CHECK(store
            .ForEachDocument(*split, 0, split->record.documents,
                             [&](const DocumentInfo& document) {
                               ids.push_back(document.Id());
                               return Status();
                             })
            .ok());
  CHECK(ids == TextsOf(state));
  CHECK(store.FindDocument(*split, TextsOf(state).back()).ok());
  CHECK(Answer(store.CountVectors(space)) == 2 * state);
  for (std::uint64_t i = 1; i <= kStates; ++i) {
    std::vector<TextKey> texts;
    for (const std::string& text : TextsOf(i)) texts.push_back(MakeTextKey(text));
    CHECK(Answer(store.Contains(space, texts)) == std::vector<bool>(2, i <= state));
    std::vector<float> rows(4);
    CHECK(Answer(store.GetVectors(space, texts, rows)) == std::vector<bool>(2, i <= state));
    CHECK(store.GetText(texts[0]).ok() == (i <= state));
  }
  CHECK(Answer(store.Runs()).size() == state);
}

/// A store whose MANIFEST holds several states.
void Fill(const fs::path& directory) {
  {
    const auto store = MustOpen(directory);
    Advance(store.get(), 1);
    SUBCASE("closed") { CHECK(store->Close().ok()); }
    SUBCASE("killed: its log is replayed") {}
  }
  for (std::uint64_t state = 2; state <= kStates; ++state) {
    const auto store = MustOpen(directory);
    Advance(store.get(), state);
    if (state == kStates) CHECK(store->Close().ok());
  }
}

TEST_CASE("store: what a cut MANIFEST gives back is damage or the state of one commit") {
  TempDir dir;
  Fill(dir.path());
  std::string manifest;
  std::ifstream(dir.path() / "store/CURRENT") >> manifest;
  const std::string whole = ReadFile(dir.path() / "store" / manifest);
  // A ledger that knows of no commit: the store must tell by itself.
  const std::string id = (*TryOpen(dir.path(), /*read_only=*/true))->Id();
  fs::remove(dir.path() / "ledger");
  REQUIRE(Ledger::Create(dir.path() / "ledger", id, {}).ok());
  int opened = 0, refused = 0;
  for (const std::size_t end : RecordEnds(whole)) {
    for (const std::size_t extra : {std::size_t{0}, std::size_t{5}}) {
      const std::size_t size = std::min(end + extra, whole.size());
      CAPTURE(size);
      CAPTURE(whole.size());
      fs::resize_file(dir.path() / "store" / manifest, 0);
      std::ofstream(dir.path() / "store" / manifest, std::ios::binary) << whole.substr(0, size);
      const auto store = TryOpen(dir.path(), /*read_only=*/true);
      if (store.ok()) {
        CheckIsOneState(**store);
        ++opened;
      } else {
        CHECK_MESSAGE(store.code() == Code::kCorruption, store.status().message());
        ++refused;
      }
    }
  }
  CHECK(opened > 0);
  CHECK(refused > 0);
}

}  // namespace
}  // namespace embstore
