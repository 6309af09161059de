// SPDX-License-Identifier: Apache-2.0
// Which document list of a split counts, when there are rows of several.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/record/list_digest.h"
#include "engine/recover/salvage.h"
#include "engine/store/store_builder.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;

constexpr SpaceId kSpace{7};
constexpr std::uint32_t kSplitId = 1;

std::vector<DocumentRecord> Rows(const std::string& word, int count) {
  std::vector<DocumentRecord> rows;
  for (int i = 0; i < count; ++i) {
    DocumentRecord row;
    row.text = MakeTextKey(word + std::to_string(i));
    rows.push_back(row);
  }
  return rows;
}

SplitRecord SplitOf(const std::vector<DocumentRecord>& rows, std::uint32_t generation) {
  ListDigest digest;
  for (const DocumentRecord& row : rows) digest.Add(row);
  SplitRecord split;
  split.id = kSplitId;
  split.generation = generation;
  split.documents = rows.size();
  split.list_sha256 = digest.Finish();
  return split;
}

/// A database with records and nothing else.
class Lists {
 public:
  Lists() : builder_(*StoreBuilder::Create(dir_.path() / "store")) {}

  template <typename Record>
  void Put(Family family, const std::string& key, const Record& record) {
    REQUIRE(builder_->Put(family, key, EncodeRecord(key, record)).ok());
  }

  void PutRows(const std::vector<DocumentRecord>& rows, std::uint32_t generation) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Put(Family::kDocuments, DocumentKey(kSplitId, generation, i), rows[i]);
    }
  }

  void PutCoverage(std::uint32_t generation) {
    CoverageRecord coverage;
    coverage.generation = generation;
    Put(Family::kSplits, CoverageKey("train", kSpace), coverage);
  }

  SalvagedList Salvaged(bool everything = false) {
    REQUIRE(builder_->Finish().ok());
    builder_.reset();
    const auto files = StoreFiles::Open(dir_.path());
    REQUIRE_MESSAGE(files.ok(), files.status().message());
    return SalvageStore(**files, everything, {}).lists.at("train");
  }

 private:
  TempDir dir_;
  std::unique_ptr<StoreBuilder> builder_;
};

TEST_CASE("a published list is kept though a killed ingest left rows of a newer one") {
  Lists lists;
  const auto rows = Rows("old ", 5);
  lists.Put(Family::kSplits, "train", SplitOf(rows, 3));
  lists.PutRows(rows, 3);
  lists.PutCoverage(3);
  lists.PutRows(Rows("new ", 8), 4);
  const SalvagedList list = lists.Salvaged();
  CHECK(list.whole);
  REQUIRE(list.documents.size() == 5);
  CHECK(list.documents[4].text == rows[4].text);
}

TEST_CASE("a list is not taken for the newest when a run has embedded a newer one") {
  Lists lists;
  const auto rows = Rows("old ", 5);
  lists.Put(Family::kSplits, "train", SplitOf(rows, 3));
  lists.PutRows(rows, 3);
  lists.PutRows(Rows("new ", 8), 4);
  lists.PutCoverage(4);
  CHECK_FALSE(lists.Salvaged().whole);
}

TEST_CASE("where commits are lost, rows of a newer list say that the known one is old") {
  for (const bool has_newer : {false, true}) {
    CAPTURE(has_newer);
    Lists lists;
    const auto rows = Rows("old ", 5);
    lists.Put(Family::kSplits, "train", SplitOf(rows, 3));
    lists.PutRows(rows, 3);
    lists.PutCoverage(3);
    if (has_newer) lists.PutRows(Rows("new ", 8), 4);
    const SalvagedList list = lists.Salvaged(/*everything=*/true);
    CHECK(list.whole != has_newer);
    CHECK(list.documents.empty() == has_newer);
  }
}

TEST_CASE("a list of which a row is lost is no list") {
  Lists lists;
  const auto rows = Rows("old ", 5);
  lists.Put(Family::kSplits, "train", SplitOf(rows, 3));
  lists.PutRows({rows.begin(), rows.end() - 1}, 3);
  CHECK_FALSE(lists.Salvaged().whole);
}

}  // namespace
}  // namespace embstore
