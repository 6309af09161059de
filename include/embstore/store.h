// SPDX-License-Identifier: Apache-2.0
// The store: vectors by text, document lists by split. Start reading here.
//
//   auto store = embstore::Store::Open("data/embeddings", {});
//   auto split = (*store)->FindSplit("test");
//   auto document = (*store)->FindDocument(*split, "17");
//   std::vector<float> vector(768);
//   Status read = (*store)->GetVector(space, document->record.text, vector);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/identity.h"
#include "embstore/record.h"
#include "embstore/spending.h"
#include "embstore/status.h"
#include "embstore/visibility.h"

namespace embstore {

struct StoreOptions {
  /// Opens without the right to write, beside a writer if there is one, and sees the state at
  /// that moment.
  bool read_only = false;
  bool create_if_missing = true;
  /// Keeps the text beside each new vector; `similar` and `get --text` need it.
  bool store_texts = true;
  /// Begins a new ledger where the old one is lost. What was spent before is then unknown.
  bool new_ledger = false;
  std::uint64_t block_cache_bytes = 32u << 20;
  /// Gets warnings of the storage engine, one line each, from any thread. May be empty.
  std::function<void(std::string_view)> log;
};

struct SplitInfo {
  std::string name;
  SplitRecord record;
};

struct SpaceInfo {
  SpaceId id;
  SpaceRecord record;
};

struct DocumentInfo {
  std::uint64_t position = 0;
  DocumentRecord record;

  /// The id as users know it.
  std::string Id() const { return record.id.empty() ? std::to_string(position) : record.id; }
};

/// A durable map from (space, text) to vector, and the document lists of splits.
///
/// Beside the database lies the ledger, which knows every paid text; a store that lacks one of them
/// does not open for writing.
///
/// Safe for concurrent use; runs that write (Ingest and its like) take turns. One process at a time
/// may have a directory open for writing; any number may read. Every value is checked against its
/// checksum before it is handed out: kCorruption from any call below means that stored bytes
/// changed, never that data is absent.
class EMBSTORE_API Store {
 public:
  /// Opens the cache directory `directory`; the database is its subdirectory `store`.
  /// kLocked: another process writes; the message names it. kNotFound: no store there (read-only,
  /// or create_if_missing is off). kIncompatible: written by a newer version, or not by embstore.
  /// kCorruption: damaged, or older than its ledger. kWriteFailed: the directory cannot be written.
  static Result<std::unique_ptr<Store>> Open(const std::filesystem::path& directory,
                                             const StoreOptions& options);

  /// Closes without reporting; prefer Close() after writing.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Flushes what was committed into table files, so that the next open has no log to replay.
  /// Nothing acknowledged depends on it. In a large store one of several short runs is held up
  /// here until the files that gathered are compacted: about a second where there are 100,000
  /// vectors. REQUIRES: no other call afterwards.
  Status Close();

  const std::filesystem::path& directory() const;

  /// All splits by name; all spaces by id.
  Result<std::vector<SplitInfo>> Splits() const;
  Result<std::vector<SpaceInfo>> Spaces() const;
  /// Those that the split was ever embedded in, or vectors imported into.
  Result<std::vector<SpaceInfo>> SpacesOf(std::string_view split) const;

  /// kNotFound: no such split; the message lists those there are.
  Result<SplitInfo> FindSplit(std::string_view name) const;

  /// How far each space covers the split, by space id. Empty when it was never embedded.
  Result<std::vector<std::pair<SpaceId, CoverageRecord>>> Coverages(std::string_view split) const;

  /// kNotFound: no document with this id.
  Result<DocumentInfo> FindDocument(const SplitInfo& split, std::string_view id) const;

  /// Calls `visit` for documents [first, first + count) in order. An error of `visit` ends it and
  /// comes back. kCorruption: the list has a gap.
  Status ForEachDocument(const SplitInfo& split, std::uint64_t first, std::uint64_t count,
                         const std::function<Status(const DocumentInfo&)>& visit) const;

  /// For each text, whether its vector is there: hash, length and fingerprint all agree.
  Result<std::vector<bool>> Contains(SpaceId space, std::span<const TextKey> texts) const;

  /// Copies the vector of `text`, float32 (D), as the provider returned it. kNotFound: none.
  /// kInvalidArgument: out.size() is not the space's D.
  Status GetVector(SpaceId space, const TextKey& text, std::span<float> out) const;

  /// Copies many: row i of `out`, float32 (texts.size(), D), row major. Answers which were found;
  /// rows that were not are left as they are.
  Result<std::vector<bool>> GetVectors(SpaceId space, std::span<const TextKey> texts,
                                       std::span<float> out) const;

  /// The text itself. kNotFound: it was stored with `store_texts` off.
  Result<std::string> GetText(const TextKey& text) const;

  /// Documents of the split that have a vector in `space`, counted one by one.
  Result<std::uint64_t> CountEmbedded(const SplitInfo& split, SpaceId space) const;

  /// Vectors in a space, counted.
  Result<std::uint64_t> CountVectors(SpaceId space) const;

  Result<std::vector<FailureRecord>> Failures() const;
  Result<std::vector<RunRecord>> Runs() const;

  /// What the ledger says about money: sums by day, run, split and model; requests whose answer was
  /// lost; batch jobs and quarantined answers. Empty for a store without a ledger (a version before
  /// there were any). kCorruption: the ledger is lost or damaged.
  Result<std::vector<SpendRecord>> Spending() const;
  Result<std::vector<DoubtRecord>> Doubts() const;
  Result<std::vector<JobRecord>> Jobs() const;

  /// 32 hex digits, drawn when the store was made.
  const std::string& Id() const;

  /// How many commits brought vectors. While it stays, so do all vectors.
  std::uint64_t CommitNumber() const;

  /// Bytes of all files of the database.
  Result<std::uint64_t> DiskBytes() const;

  struct EMBSTORE_HIDDEN Impl;  // Internal.

 private:
  friend class StoreWriter;
  friend class GarbageCollector;
  friend class SpaceScan;
  friend class WriteRun;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace embstore
