// SPDX-License-Identifier: Apache-2.0
#include "embstore/store.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <random>

#include "engine/record/keys.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;

constexpr std::uint32_t kDimensions = 4;

EmbeddingIdentity Identity(const std::string& model = "m") { return {model, kDimensions, "", 1}; }

std::unique_ptr<Store> MustOpen(const TempDir& dir, bool read_only = false) {
  StoreOptions options;
  options.read_only = read_only;
  auto store = Store::Open(dir.path(), options);
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  return std::move(*store);
}

/// Stores `texts` with vectors {seed, 1, 2, 3} each, in one commit.
Status Put(Store* store, const EmbeddingIdentity& identity, const std::vector<std::string>& texts,
           float seed = 1) {
  StoreWriter writer(store);
  REQUIRE(writer.AddSpace({identity, "test", 1}).ok());
  Commit commit;
  commit.space = MakeSpaceId(identity);
  commit.run_number = 1;
  const std::vector<float> vector = {seed, 1, 2, 3};
  for (const std::string& text : texts) {
    commit.embedded.push_back({MakeTextKey(text), text, 1, vector});
  }
  return writer.Write(commit);
}

std::vector<float> Get(const Store& store, const EmbeddingIdentity& identity,
                       const std::string& text) {
  std::vector<float> vector(kDimensions);
  const Status read = store.GetVector(MakeSpaceId(identity), MakeTextKey(text), vector);
  return read.ok() ? vector : std::vector<float>();
}

/// Two different texts with one XXH3-128.
std::pair<std::string, std::string> CollidingTexts() {
  std::string a(256, 'e');
  a.replace(32, 4, " @@@");
  a.replace(96, 4, "icvs");
  std::string b = a;
  a[36] = 'b';
  a[100] = 'c';
  b[36] = 'c';
  b[100] = 'b';
  return {a, b};
}

/// Changes one byte in the middle of every table file.
void DamageTables(const TempDir& dir) {
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "store")) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 20'000) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t at = 1000; at + 2000 < entry.file_size(); at += 500) {
      file.seekg(static_cast<std::streamoff>(at));
      const int byte = file.get();
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(byte ^ 1));
    }
  }
}

TEST_CASE("store: the spaces of a split are those that cover it, and no other split's") {
  TempDir dir;
  const auto store = MustOpen(dir);
  StoreWriter writer(store.get());
  for (const std::string name : {"one", "two"}) {
    REQUIRE(writer.AddSpace({Identity(name), "test", 1}).ok());
    Commit commit;
    commit.space = MakeSpaceId(Identity(name));
    commit.run_number = 1;
    commit.run.emplace().split = "split " + name;
    commit.coverage.emplace();
    REQUIRE(writer.Write(commit).ok());
  }
  const auto spaces = store->SpacesOf("split two");
  REQUIRE(spaces.ok());
  REQUIRE(spaces->size() == 1);
  CHECK(spaces->front().record.identity == Identity("two"));
  CHECK(store->SpacesOf("another")->empty());
}

TEST_CASE("store: what was committed is there after the next open, byte for byte") {
  TempDir dir;
  REQUIRE(Put(MustOpen(dir).get(), Identity(), {"a", "b"}).ok());
  const auto store = MustOpen(dir);
  CHECK(Get(*store, Identity(), "a") == std::vector<float>{1, 1, 2, 3});
  CHECK(Get(*store, Identity(), "c").empty());
  CHECK(*store->GetText(MakeTextKey("a")) == "a");
  CHECK(*store->CountVectors(MakeSpaceId(Identity())) == 2);
}

TEST_CASE("store: spaces do not see each other's vectors") {
  TempDir dir;
  const auto store = MustOpen(dir);
  REQUIRE(Put(store.get(), Identity("m1"), {"a"}, 1).ok());
  REQUIRE(Put(store.get(), Identity("m2"), {"a"}, 2).ok());
  CHECK(Get(*store, Identity("m1"), "a")[0] == 1);
  CHECK(Get(*store, Identity("m2"), "a")[0] == 2);
  CHECK(store->Spaces()->size() == 2);
}

TEST_CASE("store: two texts with the same content hash keep a vector each") {
  const auto [a, b] = CollidingTexts();
  REQUIRE(MakeTextKey(a).hash == MakeTextKey(b).hash);
  TempDir dir;
  const auto store = MustOpen(dir);
  const SpaceId space = MakeSpaceId(Identity());
  const std::vector<TextKey> keys = {MakeTextKey(a), MakeTextKey(b)};

  SUBCASE("in two commits") {
    REQUIRE(Put(store.get(), Identity(), {a}, 1).ok());
    CHECK(*store->Contains(space, keys) == std::vector<bool>{true, false});
    CHECK(Get(*store, Identity(), b).empty());
    REQUIRE(Put(store.get(), Identity(), {b}, 2).ok());
    CHECK(Get(*store, Identity(), b)[0] == 2);
  }
  SUBCASE("in one commit") {
    REQUIRE(Put(store.get(), Identity(), {a, b}, 1).ok());
    CHECK(!Get(*store, Identity(), b).empty());
  }
  SUBCASE("in one commit, with records that were made ahead for the same slot") {
    StoreWriter writer(store.get());
    REQUIRE(writer.AddSpace({Identity(), "test", 1}).ok());
    const std::vector<float> vector = {1, 1, 2, 3};
    std::vector<VectorRecords> records;
    for (const TextKey& key : keys) {
      records.push_back(
          VectorRecordMaker().Make(VectorKey(space, key.hash), key.fingerprint, vector));
    }
    Commit commit;
    commit.space = space;
    commit.embedded = {{keys[0], a, 1, vector, &records[0]}, {keys[1], b, 1, vector, &records[1]}};
    REQUIRE(writer.Write(commit).ok());
    CHECK(!Get(*store, Identity(), b).empty());
  }
  CHECK(Get(*store, Identity(), a)[0] == 1);
  CHECK(*store->Contains(space, keys) == std::vector<bool>{true, true});
  std::vector<float> rows(8);
  CHECK(*store->GetVectors(space, keys, rows) == std::vector<bool>{true, true});
  CHECK(*store->GetText(keys[0]) == a);
  CHECK(*store->GetText(keys[1]) == b);
}

TEST_CASE("store: writing a text again replaces its vector and takes no second slot") {
  TempDir dir;
  const auto store = MustOpen(dir);
  REQUIRE(Put(store.get(), Identity(), {"a"}, 1).ok());
  REQUIRE(Put(store.get(), Identity(), {"a"}, 5).ok());
  CHECK(Get(*store, Identity(), "a")[0] == 5);
  CHECK(*store->CountVectors(MakeSpaceId(Identity())) == 1);
}

TEST_CASE("store: opened again and again without a change it does not fill up with files") {
  TempDir dir;
  REQUIRE(Put(MustOpen(dir).get(), Identity(), {"a"}).ok());
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(MustOpen(dir)->Close().ok());
    const std::filesystem::directory_iterator files(dir.path() / "store");
    most = std::max(most, static_cast<std::size_t>(std::distance(begin(files), end(files))));
  }
  CHECK(most < 70);
  CHECK(Get(*MustOpen(dir), Identity(), "a") == std::vector<float>{1, 1, 2, 3});
}

TEST_CASE("store: a random sequence of commits and reopens agrees with a map") {
  TempDir dir;
  std::mt19937 random(20261123);
  std::map<std::string, float> model;
  auto store = MustOpen(dir);
  for (int step = 0; step < 60; ++step) {
    std::vector<std::string> texts;
    for (int i = 0; i < 5; ++i) texts.push_back("text " + std::to_string(random() % 100));
    const auto seed = static_cast<float>(step + 1);
    REQUIRE(Put(store.get(), Identity(), texts, seed).ok());
    for (const std::string& text : texts) model[text] = seed;
    if (step % 7 == 0) {
      store.reset();
      store = MustOpen(dir);
    }
  }
  CHECK(*store->CountVectors(MakeSpaceId(Identity())) == model.size());
  for (const auto& [text, seed] : model) {
    CAPTURE(text);
    REQUIRE(Get(*store, Identity(), text).size() == kDimensions);
    CHECK(Get(*store, Identity(), text)[0] == seed);
  }
}

TEST_CASE("store: a second writer is refused at once and told who holds the store") {
  TempDir dir;
  const auto store = MustOpen(dir);
  const auto second = Store::Open(dir.path(), {});
  REQUIRE(second.code() == Code::kLocked);
  CHECK(second.status().message().find("pid " + std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("store: readers open beside a writer and see what was committed before") {
  TempDir dir;
  const auto writer = MustOpen(dir);
  REQUIRE(Put(writer.get(), Identity(), {"a"}).ok());
  const auto reader = MustOpen(dir, /*read_only=*/true);
  CHECK(!Get(*reader, Identity(), "a").empty());
}

TEST_CASE("store: a read-only open never makes a store") {
  TempDir dir;
  StoreOptions options;
  options.read_only = true;
  CHECK(Store::Open(dir.path() / "none", options).code() == Code::kNotFound);
  CHECK(!std::filesystem::exists(dir.path() / "none"));
}

TEST_CASE("store: damage is an error, never a missing or a wrong vector") {
  TempDir dir;
  std::vector<std::string> texts;
  for (int i = 0; i < 2000; ++i) texts.push_back("text number " + std::to_string(i));
  auto store = MustOpen(dir);
  REQUIRE(Put(store.get(), Identity(), texts).ok());
  REQUIRE(store->Close().ok());
  DamageTables(dir);

  StoreOptions options;
  options.read_only = true;
  const auto damaged = Store::Open(dir.path(), options);
  if (!damaged.ok()) {
    CHECK(damaged.code() == Code::kCorruption);
    return;
  }
  int refused = 0;
  for (const std::string& text : texts) {
    std::vector<float> vector(kDimensions);
    const SpaceId space = MakeSpaceId(Identity());
    const Status read = (*damaged)->GetVector(space, MakeTextKey(text), vector);
    if (read.ok()) {
      CHECK(vector == std::vector<float>{1, 1, 2, 3});
    } else {
      CHECK_MESSAGE(read.code() == Code::kCorruption, read.message());
      ++refused;
    }
  }
  CHECK(refused > 0);
  CHECK((*damaged)->CountVectors(MakeSpaceId(Identity())).code() == Code::kCorruption);
}

TEST_CASE("store: a log damaged in the middle refuses to open instead of losing commits") {
  TempDir dir;
  {
    const auto store = MustOpen(dir);
    for (int i = 0; i < 50; ++i) {
      REQUIRE(Put(store.get(), Identity(), {"text " + std::to_string(i)}).ok());
    }
  }
  const auto flip_a_bit = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "store")) {
      if (entry.path().extension() != ".log" || entry.file_size() < 2000) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(entry.file_size() / 3));
      const int byte = file.get();
      file.seekp(static_cast<std::streamoff>(entry.file_size() / 3));
      file.put(static_cast<char>(byte ^ 1));
    }
  };
  flip_a_bit();
  // Not by the ledger alone, which comes too late: RocksDB has shortened its log by then.
  const auto refused = Store::Open(dir.path(), {});
  CHECK(refused.code() == Code::kCorruption);
  CHECK(refused.status().message().find("older than its ledger") == std::string::npos);
  flip_a_bit();
  CHECK(*MustOpen(dir)->CountVectors(MakeSpaceId(Identity())) == 50);
}

TEST_CASE("store: a store that lost a file is refused every time and left as it is") {
  TempDir dir;
  auto store = MustOpen(dir);
  REQUIRE(Put(store.get(), Identity(), {"a", "b"}).ok());
  REQUIRE(store->Close().ok());
  std::string lost;
  SUBCASE("CURRENT") { lost = "CURRENT"; }
  SUBCASE("the manifest") { std::ifstream(dir.path() / "store" / "CURRENT") >> lost; }
  std::filesystem::rename(dir.path() / "store" / lost, dir.path() / lost);
  for (int attempt = 0; attempt < 3; ++attempt) {
    CHECK(Store::Open(dir.path(), {}).code() == Code::kCorruption);
  }
  std::filesystem::rename(dir.path() / lost, dir.path() / "store" / lost);
  CHECK(!Get(*MustOpen(dir), Identity(), "b").empty());
}

TEST_CASE("store: what a process left that died while making a store is no store") {
  TempDir dir;
  std::filesystem::create_directories(dir.path() / "store.new");
  std::ofstream(dir.path() / "store.new" / "CURRENT") << "half";
  StoreOptions options;
  options.read_only = true;
  CHECK(Store::Open(dir.path(), options).code() == Code::kNotFound);
  CHECK(Put(MustOpen(dir).get(), Identity(), {"a"}).ok());
  CHECK(!std::filesystem::exists(dir.path() / "store.new"));
}

TEST_CASE("store: a new document list is visible only when it is published, and then whole") {
  TempDir dir;
  const auto store = MustOpen(dir);
  StoreWriter writer(store.get());
  const auto publish = [&](const std::vector<std::string>& ids) {
    auto split = writer.BeginDocuments("train");
    REQUIRE(split.ok());
    std::vector<DocumentRecord> documents;
    for (const std::string& id : ids) documents.push_back({MakeTextKey(id), id, "label " + id});
    REQUIRE(writer.AppendDocuments(*split, 0, documents).ok());
    split->documents = ids.size();
    split->has_ids = true;
    return *split;
  };
  REQUIRE(writer.PublishDocuments("train", publish({"a", "b", "c"})).ok());

  const SplitRecord next = publish({"x", "y"});
  auto seen = store->FindSplit("train");
  REQUIRE(seen.ok());
  CHECK(seen->record.documents == 3);
  CHECK(store->FindDocument(*seen, "b")->position == 1);
  CHECK(store->FindDocument(*seen, "x").code() == Code::kNotFound);

  REQUIRE(writer.PublishDocuments("train", next).ok());
  seen = store->FindSplit("train");
  CHECK(seen->record.documents == 2);
  CHECK(store->FindDocument(*seen, "y")->record.label == "label y");
  CHECK(store->FindDocument(*seen, "a").code() == Code::kNotFound);
}

TEST_CASE("store: an abandoned document list leaves nothing in the next one") {
  TempDir dir;
  const auto store = MustOpen(dir);
  StoreWriter writer(store.get());
  auto abandoned = writer.BeginDocuments("train");
  const std::vector<DocumentRecord> three(3, {MakeTextKey("t"), "", std::nullopt});
  REQUIRE(writer.AppendDocuments(*abandoned, 0, three).ok());

  auto split = writer.BeginDocuments("train");
  REQUIRE(split.ok());
  CHECK(split->generation == abandoned->generation);
  REQUIRE(writer.AppendDocuments(*split, 0, std::span(three).first(1)).ok());
  split->documents = 2;  // A list that claims more than it has is damage.
  REQUIRE(writer.PublishDocuments("train", *split).ok());
  const auto info = store->FindSplit("train");
  const auto ignore = [](const DocumentInfo&) { return Status(); };
  CHECK(store->ForEachDocument(*info, 0, 1, ignore).ok());
  CHECK(store->ForEachDocument(*info, 0, 2, ignore).code() == Code::kCorruption);
}

TEST_CASE("store: position ids are plain decimals inside the split") {
  TempDir dir;
  const auto store = MustOpen(dir);
  StoreWriter writer(store.get());
  auto split = writer.BeginDocuments("s");
  const std::vector<DocumentRecord> two(2, {MakeTextKey("t"), "", std::nullopt});
  REQUIRE(writer.AppendDocuments(*split, 0, two).ok());
  split->documents = 2;
  REQUIRE(writer.PublishDocuments("s", *split).ok());
  const auto info = store->FindSplit("s");
  CHECK(store->FindDocument(*info, "1")->Id() == "1");
  for (const char* id : {"", "2", "01", "+1", "-1", "1 ", "99999999999999999999999999", "a"}) {
    CAPTURE(id);
    CHECK(store->FindDocument(*info, id).code() == Code::kNotFound);
  }
}

TEST_CASE("store: a failure stands until its text is embedded") {
  TempDir dir;
  const auto store = MustOpen(dir);
  StoreWriter writer(store.get());
  Commit commit;
  commit.space = MakeSpaceId(Identity());
  commit.failed.push_back({MakeTextKey("bad"), {"rejected", "why", "s", "7", 1}});
  REQUIRE(writer.Write(commit).ok());
  REQUIRE(store->Failures()->size() == 1);
  CHECK(store->Failures()->front().document_id == "7");
  REQUIRE(Put(store.get(), Identity(), {"other"}).ok());
  CHECK(store->Failures()->size() == 1);
  REQUIRE(Put(store.get(), Identity(), {"bad"}).ok());
  CHECK(store->Failures()->empty());
}

TEST_CASE("store: an unknown split is answered with the ones there are") {
  TempDir dir;
  const auto store = MustOpen(dir);
  CHECK(store->FindSplit("tset").status().message() ==
        "there is no split 'tset' in the store; it has none yet");
  StoreWriter writer(store.get());
  auto split = writer.BeginDocuments("test");
  REQUIRE(writer.PublishDocuments("test", *split).ok());
  CHECK(store->FindSplit("tset").status().message() ==
        "there is no split 'tset' in the store; it has: test");
}

TEST_CASE("store: the number of dimensions asked for must be the stored one") {
  TempDir dir;
  const auto store = MustOpen(dir);
  REQUIRE(Put(store.get(), Identity(), {"a"}).ok());
  std::vector<float> three(3);
  CHECK(store->GetVector(MakeSpaceId(Identity()), MakeTextKey("a"), three).code() ==
        Code::kInvalidArgument);
}

}  // namespace
}  // namespace embstore
