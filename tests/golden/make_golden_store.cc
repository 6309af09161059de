// SPDX-License-Identifier: Apache-2.0
// Makes tests/golden/store-v1b. Run once for each format, never again for an old one:
//   make_golden_store DIRECTORY
// store-v1 came from an earlier state of this file, with made-up digests of its lists.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "embstore/store.h"
#include "engine/record/list_digest.h"
#include "engine/store/store_writer.h"
#include "golden/golden_data.h"

namespace embstore {
namespace {

void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "make_golden_store: %s\n", status.message().c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  Must(result.status());
  return *std::move(result);
}

std::vector<DocumentRecord> Documents(const std::vector<golden::Row>& rows, std::size_t first,
                                      std::size_t count) {
  std::vector<DocumentRecord> documents;
  for (std::size_t i = first; i < first + count; ++i) {
    documents.push_back({MakeTextKey(rows[i].text), rows[i].id, rows[i].label});
  }
  return documents;
}

void AppendRows(StoreWriter* writer, const SplitRecord& split, const std::vector<golden::Row>& rows,
                std::size_t first, std::size_t count) {
  Must(writer->AppendDocuments(split, first, Documents(rows, first, count)));
}

/// Of the first `count` rows.
Sha256Digest DigestOf(const std::vector<golden::Row>& rows, std::size_t count) {
  ListDigest digest;
  for (const DocumentRecord& row : Documents(rows, 0, count)) digest.Add(row);
  return digest.Finish();
}

/// The texts with their vectors, each text once.
struct Embedded {
  std::vector<std::pair<std::string, std::array<float, golden::kDimensions>>> texts;

  Embedded(const std::vector<golden::Row>& rows, int space) {
    std::set<std::string> seen;
    for (const golden::Row& row : rows) {
      if (row.text == golden::kTooLong || !seen.insert(row.text).second) continue;
      texts.emplace_back(row.text, golden::VectorOf(space, row.text));
    }
  }

  void AddTo(Commit* commit) const {
    for (const auto& [text, vector] : texts) {
      commit->embedded.push_back(
          {MakeTextKey(text), text, static_cast<std::uint32_t>(text.size() / 4), vector});
    }
  }
};

/// One paid request for all of them, as the ledger knows it.
CommitShare BuyTrain(StoreWriter* writer, const Embedded& embedded) {
  RequestIntent intent;
  intent.run = 1;
  intent.split = "train";
  intent.model = golden::FirstIdentity().model;
  intent.provider = "golden";
  intent.space = MakeSpaceId(golden::FirstIdentity());
  intent.tokens = 170;
  intent.price = {150'000};
  for (const auto& [text, vector] : embedded.texts)
    intent.keys.push_back(LedgerKey(MakeTextKey(text)));
  intent.micros = golden::kMicros;
  CommitShare share;
  share.request = Must(writer->ledger().Begin(intent));
  share.texts = static_cast<std::uint32_t>(embedded.texts.size());
  share.tokens = share.estimated_tokens = intent.tokens;
  return share;
}

void WriteTrain(Store* store) {
  StoreWriter writer(store);
  Must(writer.AddSpace({golden::FirstIdentity(), "golden", golden::kMicros}));
  const std::vector<golden::Row> rows = golden::TrainRows();
  for (int generation = 1; generation <= 2; ++generation) {
    SplitRecord split = Must(writer.BeginDocuments("train"));
    split.dataset = "golden";
    split.source = "data/golden/train.csv";
    split.layout = "csv text=text id=id label=label";
    split.has_ids = true;
    split.source_bytes = 4711;
    split.source_modified_nanos = golden::kMicros * 1000 + 1;
    split.source_changed_nanos = golden::kMicros * 1000 + 2;
    split.source_inode = 99;
    split.created_micros = golden::kMicros + 3;
    if (generation == 1) {
      AppendRows(&writer, split, rows, 0, 2);
      split.documents = split.unique_documents = 2;
      split.list_sha256 = DigestOf(rows, 2);
    } else {
      AppendRows(&writer, split, rows, 0, 4);
      AppendRows(&writer, split, rows, 4, rows.size() - 4);
      split.documents = rows.size();
      split.unique_documents = 5;
      split.list_sha256 = DigestOf(rows, rows.size());
    }
    Must(writer.PublishDocuments("train", split));
  }
  Commit commit;
  commit.space = MakeSpaceId(golden::FirstIdentity());
  const Embedded embedded(rows, 0);
  embedded.AddTo(&commit);
  commit.shares = {BuyTrain(&writer, embedded)};
  commit.failed.push_back({MakeTextKey(golden::kTooLong), golden::Failure()});
  commit.run_number = Must(writer.NextRunNumber());
  commit.run = golden::FirstRun();
  commit.run->space = commit.space;
  commit.micros = commit.run->updated_micros;
  commit.coverage = golden::FirstCoverage();
  Must(writer.Write(commit));
}

void WritePlain(Store* store) {
  StoreWriter writer(store);
  Must(writer.AddSpace({golden::SecondIdentity(), "other", golden::kMicros + 99}));
  const std::vector<golden::Row> rows = golden::PlainRows();
  SplitRecord split = Must(writer.BeginDocuments("plain"));
  split.dataset = "golden";
  split.layout = "memory";
  split.documents = split.unique_documents = rows.size();
  split.list_sha256 = DigestOf(rows, rows.size());
  split.created_micros = golden::kMicros + 98;
  AppendRows(&writer, split, rows, 0, rows.size());
  Must(writer.PublishDocuments("plain", split));
  Commit commit;
  commit.space = MakeSpaceId(golden::SecondIdentity());
  const Embedded embedded(rows, 1);
  embedded.AddTo(&commit);
  commit.run_number = Must(writer.NextRunNumber());
  commit.run = golden::SecondRun();
  commit.run->space = commit.space;
  commit.micros = commit.run->updated_micros;
  commit.coverage = golden::SecondCoverage();
  Must(writer.Write(commit));
}

/// The first half ends in table files, the second in the log, as after a crash.
void MakeGoldenStore(const std::filesystem::path& directory) {
  {
    const auto store = Must(Store::Open(directory, {}));
    WriteTrain(store.get());
    Must(store->Close());
  }
  const auto store = Must(Store::Open(directory, {}));
  WritePlain(store.get());
}

}  // namespace
}  // namespace embstore

int main(int argc, char** argv) {
  if (argc != 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: make_golden_store NEW_DIRECTORY\n");
    return 2;
  }
  embstore::MakeGoldenStore(argv[1]);
  // Made again by every open, or full of facts about this machine.
  const std::filesystem::path store = std::filesystem::path(argv[1]) / "store";
  std::filesystem::remove(std::filesystem::path(argv[1]) / "lock");
  std::filesystem::remove(store / "LOCK");
  std::vector<std::filesystem::path> options;
  for (const auto& entry : std::filesystem::directory_iterator(store)) {
    if (entry.path().filename().string().starts_with("OPTIONS")) options.push_back(entry.path());
  }
  for (const auto& path : options) std::filesystem::remove(path);
  return 0;
}
