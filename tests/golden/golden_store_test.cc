// SPDX-License-Identifier: Apache-2.0
// A store that an earlier build wrote must stay readable.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embstore/store.h"
#include "embstore/verify.h"
#include "engine/store/store_writer.h"
#include "golden/golden_copy.h"
#include "golden/golden_data.h"

namespace embstore {
namespace {

using golden::MustOpen;
using golden::Snapshot;
using golden::StoreCopy;

void CheckSplit(const Store& store, const std::string& name, const std::vector<golden::Row>& rows) {
  const auto split = store.FindSplit(name);
  REQUIRE(split.ok());
  std::vector<DocumentInfo> documents;
  REQUIRE(store
              .ForEachDocument(*split, 0, 100,
                               [&](const DocumentInfo& document) {
                                 documents.push_back(document);
                                 return Status();
                               })
              .ok());
  REQUIRE(documents.size() == rows.size());
  REQUIRE(split->record.documents == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK(documents[i].position == i);
    CHECK(documents[i].record.text == MakeTextKey(rows[i].text));
    CHECK(documents[i].record.id == rows[i].id);
    CHECK(documents[i].record.label == rows[i].label);
    const std::string id = rows[i].id.empty() ? std::to_string(i) : rows[i].id;
    CHECK(documents[i].Id() == id);
    const auto found = store.FindDocument(*split, id);
    REQUIRE(found.ok());
    CHECK(found->position == i);
    CHECK(found->record.text == documents[i].record.text);
  }
  CHECK(store.FindDocument(*split, "no such id").code() == Code::kNotFound);
}

void CheckVectors(const Store& store, int space, const EmbeddingIdentity& identity,
                  const std::vector<golden::Row>& rows) {
  const SpaceId id = MakeSpaceId(identity);
  std::vector<TextKey> texts;
  for (const golden::Row& row : rows) texts.push_back(MakeTextKey(row.text));
  const auto contains = store.Contains(id, texts);
  REQUIRE(contains.ok());
  std::vector<float> all(rows.size() * golden::kDimensions);
  const auto found = store.GetVectors(id, texts, all);
  REQUIRE(found.ok());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    const bool embedded = rows[i].text != golden::kTooLong;
    CHECK((*contains)[i] == embedded);
    CHECK((*found)[i] == embedded);
    std::array<float, golden::kDimensions> one{};
    const Status read = store.GetVector(id, texts[i], one);
    if (!embedded) {
      CHECK(read.code() == Code::kNotFound);
      CHECK(store.GetText(texts[i]).code() == Code::kNotFound);
      continue;
    }
    CHECK(read.ok());
    CHECK(one == golden::VectorOf(space, rows[i].text));
    CHECK(std::equal(one.begin(), one.end(), all.begin() + static_cast<long>(i * one.size())));
    const auto text = store.GetText(texts[i]);
    REQUIRE(text.ok());
    CHECK(*text == rows[i].text);
  }
}

void CheckCoverage(const Store& store, const std::string& split, SpaceId space,
                   const CoverageRecord& expected) {
  const auto coverages = store.Coverages(split);
  REQUIRE(coverages.ok());
  REQUIRE(coverages->size() == 1);
  CHECK((*coverages)[0].first == space);
  const CoverageRecord& coverage = (*coverages)[0].second;
  CHECK(coverage.generation == expected.generation);
  CHECK(coverage.embedded == expected.embedded);
  CHECK(coverage.complete == expected.complete);
  CHECK(coverage.last_position == expected.last_position);
  CHECK(coverage.batch_size == expected.batch_size);
  CHECK(coverage.total_batches == expected.total_batches);
  CHECK(coverage.api_calls == expected.api_calls);
  CHECK(coverage.tokens == expected.tokens);
  CHECK(coverage.tokens_estimated == expected.tokens_estimated);
  CHECK(coverage.cost == expected.cost);
  CHECK(coverage.updated_micros == expected.updated_micros);
}

void CheckRun(const RunRecord& run, const RunRecord& expected, SpaceId space) {
  CHECK(run.split == expected.split);
  CHECK(run.space == space);
  CHECK(run.started_micros == expected.started_micros);
  CHECK(run.updated_micros == expected.updated_micros);
  CHECK(run.embedded == expected.embedded);
  CHECK(run.api_calls == expected.api_calls);
  CHECK(run.tokens == expected.tokens);
  CHECK(run.tokens_estimated == expected.tokens_estimated);
  CHECK(run.cost == expected.cost);
  CHECK(run.outcome == expected.outcome);
}

void CheckSplitRecords(const Store& store) {
  const auto splits = store.Splits();
  REQUIRE(splits.ok());
  REQUIRE(splits->size() == 2);
  CHECK((*splits)[0].name == "plain");
  const SplitRecord& plain = (*splits)[0].record;
  CHECK(plain.id == 2);
  CHECK(plain.generation == 1);
  CHECK_FALSE(plain.has_ids);
  CHECK(plain.layout == "memory");
  CHECK(plain.list_sha256 == golden::ListDigest(3));
  CHECK(plain.created_micros == golden::kMicros + 98);
  CHECK((*splits)[1].name == "train");
  const SplitRecord& train = (*splits)[1].record;
  CHECK(train.id == 1);
  CHECK(train.generation == 2);
  CHECK(train.documents == 6);
  CHECK(train.unique_documents == 5);
  CHECK(train.dataset == "golden");
  CHECK(train.source == "data/golden/train.csv");
  CHECK(train.layout == "csv text=text id=id label=label");
  CHECK(train.has_ids);
  CHECK(train.list_sha256 == golden::ListDigest(2));
  CHECK(train.source_bytes == 4711);
  CHECK(train.source_modified_nanos == golden::kMicros * 1000 + 1);
  CHECK(train.source_changed_nanos == golden::kMicros * 1000 + 2);
  CHECK(train.source_inode == 99);
  CHECK(train.created_micros == golden::kMicros + 3);
}

void CheckSpaces(const Store& store) {
  auto spaces = store.Spaces();
  REQUIRE(spaces.ok());
  REQUIRE(spaces->size() == 2);
  std::sort(spaces->begin(), spaces->end(), [](const SpaceInfo& a, const SpaceInfo& b) {
    return a.record.identity.model < b.record.identity.model;
  });
  const SpaceInfo& first = (*spaces)[0];
  CHECK(first.id == MakeSpaceId(golden::FirstIdentity()));
  CHECK(first.record.identity == golden::FirstIdentity());
  CHECK(first.record.provider == "golden");
  CHECK(first.record.created_micros == golden::kMicros);
  const SpaceInfo& second = (*spaces)[1];
  CHECK(second.id == MakeSpaceId(golden::SecondIdentity()));
  CHECK(second.record.identity == golden::SecondIdentity());
  CHECK(second.record.provider == "other");
  CHECK(store.CountVectors(first.id).value() == 4);
  CHECK(store.CountVectors(second.id).value() == 2);
}

void CheckGolden(const Store& store) {
  CheckSplitRecords(store);
  CheckSpaces(store);
  CheckSplit(store, "train", golden::TrainRows());
  CheckSplit(store, "plain", golden::PlainRows());
  const SpaceId first = MakeSpaceId(golden::FirstIdentity());
  const SpaceId second = MakeSpaceId(golden::SecondIdentity());
  CheckVectors(store, 0, golden::FirstIdentity(), golden::TrainRows());
  CheckVectors(store, 1, golden::SecondIdentity(), golden::PlainRows());
  CheckCoverage(store, "train", first, golden::FirstCoverage());
  CheckCoverage(store, "plain", second, golden::SecondCoverage());
  const auto runs = store.Runs();
  REQUIRE(runs.ok());
  REQUIRE(runs->size() == 2);
  CheckRun((*runs)[0], golden::FirstRun(), first);
  CheckRun((*runs)[1], golden::SecondRun(), second);
  const auto failures = store.Failures();
  REQUIRE(failures.ok());
  REQUIRE(failures->size() == 1);
  CHECK((*failures)[0].code == golden::Failure().code);
  CHECK((*failures)[0].reason == golden::Failure().reason);
  CHECK((*failures)[0].split == golden::Failure().split);
  CHECK((*failures)[0].document_id == golden::Failure().document_id);
  CHECK((*failures)[0].created_micros == golden::Failure().created_micros);
}

TEST_CASE("golden: a store of format 1 says what it said when it was written") {
  const StoreCopy copy;
  CheckGolden(*MustOpen(copy.directory, false));
}

TEST_CASE("golden: a store of format 1 is read without being changed") {
  const StoreCopy copy;
  const auto before = Snapshot(copy.directory);
  CheckGolden(*MustOpen(copy.directory, true));
  CHECK((Snapshot(copy.directory) == before));
}

TEST_CASE("golden: a store of format 1 is the same after being written to") {
  const StoreCopy copy;
  for (int round = 0; round < 2; ++round) {
    const auto store = MustOpen(copy.directory, false);
    CheckGolden(*store);
    StoreWriter writer(store.get());
    CHECK(writer.NextRunNumber().value() == 3);
    CHECK(writer.AddSpace({golden::FirstIdentity(), "golden", 1}).ok());
    const auto next = writer.BeginDocuments("train");
    REQUIRE(next.ok());
    CHECK(next->id == 1);
    CHECK(next->generation == 3);
    CHECK(writer.BeginDocuments("new")->id == 3);
    REQUIRE(store->Close().ok());
  }
}

TEST_CASE("golden: the same texts under another model, size or task have no vectors here") {
  const StoreCopy copy;
  const auto store = MustOpen(copy.directory, true);
  const TextKey text = MakeTextKey("The quick brown fox");
  std::array<float, golden::kDimensions> vector{};
  EmbeddingIdentity other = golden::FirstIdentity();
  CHECK(store->GetVector(MakeSpaceId(other), text, vector).ok());
  other.model += "-2";
  CHECK(store->GetVector(MakeSpaceId(other), text, vector).code() == Code::kNotFound);
  other = golden::FirstIdentity();
  other.dimensions *= 2;
  CHECK(store->GetVector(MakeSpaceId(other), text, vector).code() == Code::kNotFound);
  other = golden::FirstIdentity();
  other.task_type = "RETRIEVAL_QUERY";
  CHECK(store->GetVector(MakeSpaceId(other), text, vector).code() == Code::kNotFound);
  other = golden::FirstIdentity();
  other.text_template_version += 1;
  CHECK(store->GetVector(MakeSpaceId(other), text, vector).code() == Code::kNotFound);
}

TEST_CASE("golden: a store of format 1 with its ledger is whole, before and after a writer") {
  const StoreCopy copy(golden::kStoreWithLedger);
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    const auto report = VerifyAll(copy.directory, {});
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    for (const Damage& damage : report->damaged) {
      FAIL_CHECK(damage.kind << ": " << damage.where << ": " << damage.what);
    }
    CHECK(report->checked.vectors == 6);
    CHECK(report->checked.documents == 8);
    CHECK(report->checked.ledger_entries == 3);
    CHECK(report->litter.empty());
    const auto store = MustOpen(copy.directory, false);
    CheckSpaces(*store);
    CheckSplit(*store, "train", golden::TrainRows());
    CheckSplit(*store, "plain", golden::PlainRows());
    CheckVectors(*store, 0, golden::FirstIdentity(), golden::TrainRows());
    CheckVectors(*store, 1, golden::SecondIdentity(), golden::PlainRows());
    const std::vector<SpendRecord> spending = StoreWriter::LedgerOf(*store)->Spending();
    REQUIRE(spending.size() == 1);
    CHECK(spending[0].spent.cost == Money{25'500});
    REQUIRE(store->Close().ok());
  }
}

}  // namespace
}  // namespace embstore
