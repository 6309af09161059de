// SPDX-License-Identifier: Apache-2.0
// Records that are whole by themselves and wrong together: what flipped bits cannot make.
#include "embstore/verify.h"

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <functional>
#include <limits>

#include "embstore/gc.h"
#include "engine/hash/hash.h"
#include "engine/record/keys.h"
#include "engine/record/list_digest.h"
#include "engine/record/record.h"
#include "engine/record/vector_record.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

const EmbeddingIdentity kIdentity{"m", 2, "", 1};
const SpaceId kSpace = MakeSpaceId(kIdentity);

/// A store with the split `s` of three texts, the last one without a vector, and ids.
class Bench {
 public:
  Bench() {
    auto store = Store::Open(dir.path(), {});
    REQUIRE(store.ok());
    StoreWriter writer(store->get());
    REQUIRE(writer.AddSpace({kIdentity, "local", 0}).ok());
    auto list = writer.BeginDocuments("s");
    REQUIRE(list.ok());
    std::vector<DocumentRecord> documents;
    ListDigest digest;
    for (const char* text : {"a", "b", "c"}) {
      documents.push_back({MakeTextKey(text), std::string("id-") + text, std::nullopt});
      digest.Add(documents.back());
    }
    list->documents = list->unique_documents = documents.size();
    list->has_ids = true;
    list->list_sha256 = digest.Finish();
    record = *list;
    REQUIRE(writer.AppendDocuments(*list, 0, documents).ok());
    REQUIRE(writer.PublishDocuments("s", *list).ok());
    const std::vector<float> vector = {1, 2};
    Commit commit;
    commit.space = kSpace;
    commit.embedded = {{MakeTextKey("a"), "a", 1, vector}, {MakeTextKey("b"), "b", 1, vector}};
    REQUIRE(writer.Write(commit).ok());
    REQUIRE(writer.RefreshCoverage(store->get(), "s", kSpace, 0).ok());
    REQUIRE((*store)->Close().ok());
  }

  void Put(Family family, const std::string& key, const std::string& value) {
    Change(family, [&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* handle) {
      return db->Put({}, handle, key, value);
    });
  }
  void Delete(Family family, const std::string& key) {
    Change(family, [&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* handle) {
      return db->Delete({}, handle, key);
    });
  }

  /// "kind: what" of each damage.
  std::vector<std::string> Damages() const {
    const auto report = VerifyAll(dir.path(), {});
    REQUIRE(report.ok());
    std::vector<std::string> damages;
    for (const Damage& damage : report->damaged)
      damages.push_back(damage.kind + ": " + damage.what);
    return damages;
  }

  testing::TempDir dir;
  SplitRecord record;

 private:
  using Step = std::function<rocksdb::Status(rocksdb::DB*, rocksdb::ColumnFamilyHandle*)>;
  void Change(Family family, const Step& step) {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string_view name : kFamilyNames) {
      families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    const auto path = (dir.path() / "store").string();
    REQUIRE(rocksdb::DB::Open({}, path, families, &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    CHECK(step(opened, handles[static_cast<std::size_t>(family)]).ok());
    for (auto* handle : handles) CHECK(db->DestroyColumnFamilyHandle(handle).ok());
  }
};

using Damages = std::vector<std::string>;

std::string KeyOf(const char* text, std::uint8_t slot = 0) {
  return VectorKey(kSpace, MakeTextKey(text).hash, slot);
}

std::string Vector(const std::string& key, const char* text, const std::vector<float>& values) {
  std::string value;
  EncodeVector(key, MakeTextKey(text).fingerprint, values, &value);
  return value;
}

IndexRecord Index(const char* text) {
  IndexRecord record;
  record.fingerprint = MakeTextKey(text).fingerprint;
  record.text_bytes = 1;
  return record;
}

TEST_CASE("verify: a store without damage has none, and everything was counted") {
  Bench bench;
  const auto report = VerifyAll(bench.dir.path(), {});
  REQUIRE(report.ok());
  CHECK(report->ok());
  CHECK(report->checked.vectors == 2);
  CHECK(report->checked.texts == 2);
  CHECK(report->checked.documents == 3);
  CHECK(report->spaces.at(0).vectors == 2);
  CHECK(report->spaces.at(0).tokens == 2);
}

TEST_CASE("verify: an index without its vector is damage, and so is a vector without its index") {
  Bench bench;
  bench.Delete(Family::kVectors, KeyOf("a"));
  CHECK(bench.Damages() == Damages{"vector: the index names a vector that is not there; it belongs "
                                   "to document 'id-a' of split 's'"});
  bench.Put(Family::kVectors, KeyOf("a"), Vector(KeyOf("a"), "a", {1, 2}));
  CHECK(bench.Damages().empty());
  bench.Delete(Family::kIndex, KeyOf("b"));
  const Damages found = bench.Damages();
  REQUIRE(found.size() == 2);
  CHECK(found[0].starts_with("vector: a vector is there that the index lacks"));
  CHECK(found[1] ==
        "coverage: split 's' is said to have 2 embedded documents of 3, and 1 have a "
        "vector");
}

TEST_CASE("verify: a vector of the wrong size, of another text or with NaN is damage") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  Bench bench;
  const auto after = [&](const char* text, const std::vector<float>& values) {
    bench.Put(Family::kVectors, KeyOf("a"), Vector(KeyOf("a"), text, values));
    const Damages found = bench.Damages();
    REQUIRE(found.size() == 1);
    return found[0].substr(0, found[0].find(';'));
  };
  CHECK(after("a", {1, 2, 3}) == "vector: it has 3 dimensions, not 2");
  CHECK(after("b", {1, 2}) == "vector: index and vector are of different texts");
  CHECK(after("a", {1, nan}) == "vector: it has values that are not finite");
  CHECK(after("a", {-infinite, 1}) == "vector: it has values that are not finite");
  CHECK(after("a", {2, -1}) == "sketch: the sketch is not that of its vector");
  const float most = std::numeric_limits<float>::max();
  bench.Put(Family::kVectors, KeyOf("a"), Vector(KeyOf("a"), "a", {most, 2 * (most / 2)}));
  for (const std::string& damage : bench.Damages()) CHECK(damage.starts_with("sketch"));
}

TEST_CASE("verify: a vector without its sketch, and a sketch without its vector, are named") {
  Bench bench;
  bench.Delete(Family::kSketches, KeyOf("a"));
  CHECK(bench.Damages() == Damages{"sketch: the vector has no sketch"});
  bench.Put(Family::kSketches, KeyOf("zzz"), "anything");
  CHECK(bench.Damages().size() == 2);
}

TEST_CASE("verify: a slot behind an empty one is damage, for its text is never found") {
  Bench bench;
  const std::string key = KeyOf("a", 2);
  bench.Put(Family::kIndex, key, EncodeRecord(key, Index("x")));
  bench.Put(Family::kVectors, key, Vector(key, "x", {1, 2}));
  const Damages found = bench.Damages();
  REQUIRE(!found.empty());
  CHECK(found[0].starts_with("vector: its place is impossible: the slot before it is empty"));
}

TEST_CASE("verify: positions without a document, and rows that were changed, are named") {
  Bench bench;
  const auto document = [&](std::uint64_t position) {
    return DocumentKey(bench.record.id, bench.record.generation, position);
  };
  DocumentRecord changed{MakeTextKey("c"), "id-c", "a label"};
  bench.Put(Family::kDocuments, document(2), EncodeRecord(document(2), changed));
  CHECK(bench.Damages() == Damages{"list: the rows are not those that were written (list_sha256)"});
  bench.Delete(Family::kDocuments, document(1));
  bench.Delete(Family::kDocuments, document(2));
  CHECK(bench.Damages() == Damages{"list: positions 1 to 2 are missing"});
}

TEST_CASE("verify: an id that leads astray, and one that is gone, are named") {
  Bench bench;
  const auto id = [&](const char* text) {
    return DocumentIdKey(bench.record.id, bench.record.generation, text);
  };
  bench.Put(Family::kDocumentIds, id("id-b"), std::string("\0\0\0\0\0\0\0\0", 8));
  CHECK(bench.Damages() ==
        Damages{"document_id: id 'id-b' of split 's' leads to a wrong document"});
  bench.Delete(Family::kDocumentIds, id("id-b"));
  CHECK(bench.Damages() ==
        Damages{"list: the id of the document at position 1 does not lead to it"});
}

TEST_CASE("verify: a space under another key, a changed text and a strange key are named") {
  Bench bench;
  const std::string key = SpaceKey({5});
  bench.Put(Family::kSpaces, key, EncodeRecord(key, SpaceRecord{kIdentity, "local", 0}));
  bench.Put(Family::kTexts, TextRecordKey(MakeTextKey("a")), "another");
  bench.Put(Family::kMeta, "strange", "x");
  const Damages found = bench.Damages();
  REQUIRE(found.size() == 3);
  CHECK(found[0] == "record: nothing belongs under this key");
  CHECK(found[1] == "space: the key is not the hash of its model, size and task");
  CHECK(found[2].starts_with("text: the text does not match its fingerprint"));
}

TEST_CASE("verify: the list of damages is bounded and all are counted") {
  Bench bench;
  for (const char* key : {"x", "y", "z"}) bench.Put(Family::kMeta, key, "x");
  VerifyOptions options;
  options.most_listed = 2;
  const auto report = VerifyAll(bench.dir.path(), options);
  REQUIRE(report.ok());
  CHECK(report->damaged.size() == 2);
  CHECK(report->total_damaged == 3);
}

TEST_CASE("gc: a slot below one that stays is kept, and goes with it") {
  Bench bench;
  // "x", of no split, holds the place before "a", as if both had one hash.
  const std::string first = KeyOf("a");
  const std::string second = KeyOf("a", 1);
  bench.Put(Family::kIndex, first, EncodeRecord(first, Index("x")));
  bench.Put(Family::kVectors, first, Vector(first, "x", {1, 2}));
  bench.Put(Family::kIndex, second, EncodeRecord(second, Index("a")));
  bench.Put(Family::kVectors, second, Vector(second, "a", {1, 2}));
  auto store = Store::Open(bench.dir.path(), {});
  REQUIRE(store.ok());
  GcOptions options;
  options.dry_run = false;
  auto report = CollectGarbage(store->get(), options);
  REQUIRE(report.ok());
  CHECK(report->vectors == 0);
  CHECK(report->kept == 1);
  options.forget = {"s"};
  report = CollectGarbage(store->get(), options);
  REQUIRE(report.ok());
  CHECK(report->vectors == 3);
  CHECK(*(*store)->CountVectors(kSpace) == 0);
}

TEST_CASE("gc: a list that was never published goes, and vectors change with the commit number") {
  Bench bench;
  auto store = Store::Open(bench.dir.path(), {});
  REQUIRE(store.ok());
  StoreWriter writer(store->get());
  const auto list = writer.BeginDocuments("s");
  REQUIRE(list.ok());
  const std::vector<DocumentRecord> documents = {{MakeTextKey("new"), "id", std::nullopt}};
  REQUIRE(writer.AppendDocuments(*list, 0, documents).ok());
  const auto looked = VerifyAll(bench.dir.path(), {});
  REQUIRE(looked.ok());
  CHECK(looked->ok());
  CHECK(looked->litter.size() == 1);
  const std::uint64_t number = (*store)->CommitNumber();
  GcOptions options;
  options.dry_run = false;
  const auto report = CollectGarbage(store->get(), options);
  REQUIRE(report.ok());
  CHECK(report->documents == 1);
  CHECK((*store)->CommitNumber() == number);
  options.forget = {"s"};
  REQUIRE(CollectGarbage(store->get(), options).ok());
  CHECK((*store)->CommitNumber() == number + 1);
}

}  // namespace
}  // namespace embstore
