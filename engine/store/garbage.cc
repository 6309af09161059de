// SPDX-License-Identifier: Apache-2.0
// CollectGarbage: finds out everything first, then writes it down in the ledger and drops it.
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "embstore/gc.h"
#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"
#include "engine/record/vector_record.h"
#include "engine/store/live_texts.h"
#include "engine/store/raw_store.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"
#include "engine/store/write_run.h"

namespace embstore {

/// One call of CollectGarbage.
class GarbageCollector {
 public:
  GarbageCollector(Store* store, const GcOptions& options)
      : store_(*store), impl_(*store->impl_), options_(options) {}

  Result<GcReport> Run() {
    for (const auto& step : {&GarbageCollector::FindForgotten, &GarbageCollector::FindLive,
                             &GarbageCollector::FindVectors, &GarbageCollector::FindPaid,
                             &GarbageCollector::FindTexts, &GarbageCollector::FindFailures,
                             &GarbageCollector::FindLists, &GarbageCollector::FindSpaces}) {
      if (Status found = (this->*step)(); !found.ok()) return found;
    }
    Summarize();
    const auto before = store_.DiskBytes();
    if (!before.ok()) return before.status();
    report_.bytes_before = report_.bytes_after = *before;
    if (options_.dry_run) return std::move(report_);
    if (Status whole = CheckTables(); !whole.ok()) return whole;
    if (Status dropped = Drop(); !dropped.ok()) return dropped;
    const auto after = store_.DiskBytes();
    if (!after.ok()) return after.status();
    report_.bytes_after = *after;
    return std::move(report_);
  }

 private:
  struct Entry {
    std::string key;
    Fingerprint fingerprint;
    std::uint32_t tokens = 0;
    std::uint64_t bytes = 0;
  };
  struct Space {
    GcReport::Space report;
    std::uint64_t left = 0;           // Vectors and coverages that stay.
    std::vector<std::uint64_t> keys;  // LedgerKeys of what goes, then those that were paid for.
  };
  using VisitEntry = std::function<Status(const Entry&, bool goes)>;
  using VisitKey = std::function<Status(std::string_view key, std::string_view value)>;

  // --- What goes ------------------------------------------------------------------------------

  Status FindForgotten() {
    const auto jobs = store_.Jobs();
    if (!jobs.ok()) return jobs.status();
    for (const JobRecord& job : *jobs) {
      if (job.open()) open_jobs_.push_back(job);
    }
    for (const std::string& name : options_.forget) {
      auto split = store_.FindSplit(name);
      if (!split.ok()) return split.status();
      for (const JobRecord& job : open_jobs_) {
        if (job.split != name) continue;
        return {Code::kHeld, "split '" + name + "' has texts in job " + std::to_string(job.id) +
                                 ", which are paid for or will be; nothing was dropped: collect it "
                                 "with 'embstore jobs --wait', or see 'embstore jobs'"};
      }
      report_.forgotten.push_back(std::move(*split));
    }
    return {};
  }

  Status FindLive() {
    auto live = LiveTexts::Load(store_, options_.forget, open_jobs_, impl_.ledger.get());
    if (!live.ok()) return live.status();
    live_ = std::move(*live);
    const auto spaces = store_.Spaces();
    if (!spaces.ok()) return spaces.status();
    for (const SpaceInfo& info : *spaces) spaces_[info.id].report.info = info;
    return options_.questions ? Status() : FindQuestions();
  }

  /// Vectors of runs without a split.
  Status FindQuestions() {
    std::set<std::uint32_t> runs;
    Status scanned =
        impl_.Scan(Family::kRuns, "", [&](std::string_view key, std::string_view value) -> Status {
          const auto run = DecodeRecord<RunRecord>(key, value);
          if (!run.ok()) return run.status().Prefixed(Store::Impl::Where(Family::kRuns, key));
          if (run->split.empty()) runs.insert(static_cast<std::uint32_t>(ReadBigEndian(key)));
          return {};
        });
    if (!scanned.ok() || runs.empty()) return scanned;
    return impl_.Scan(Family::kIndex, "",
                      [&](std::string_view key, std::string_view value) -> Status {
                        const auto record = DecodeRecord<IndexRecord>(key, value);
                        if (!record.ok())
                          return record.status().Prefixed(Store::Impl::Where(Family::kIndex, key));
                        if (runs.contains(record->run)) live_->AddQuestion(record->fingerprint);
                        return {};
                      });
  }

  bool Stays(const Entry& entry) const {
    const SpaceId space = SpaceOfKey(std::string_view(entry.key).substr(0, 8));
    return live_->HasText(HashOfVectorKey(entry.key), entry.fingerprint) ||
           live_->IsUnderWay(space, entry.fingerprint) || live_->IsQuestion(entry.fingerprint);
  }

  /// Slots must have no holes, so only those behind the last one that stays go.
  Status VisitGroup(std::vector<Entry>* group, const VisitEntry& visit) const {
    std::size_t left = group->size();
    while (left > 0 && !Stays((*group)[left - 1])) --left;
    for (std::size_t i = 0; i < group->size(); ++i) {
      if (Status visited = visit((*group)[i], i >= left); !visited.ok()) return visited;
    }
    group->clear();
    return {};
  }

  /// All of the index in order, with whether it goes.
  Status ForEachEntry(const VisitEntry& visit) const {
    std::vector<Entry> group;
    Status scanned =
        impl_.Scan(Family::kIndex, "", [&](std::string_view key, std::string_view value) -> Status {
          auto record = DecodeRecord<IndexRecord>(key, value);
          Status readable = record.status();
          if (key.size() < kVectorKeyBytes) readable = {Code::kCorruption, "a key is cut short"};
          if (!readable.ok()) return readable.Prefixed(Store::Impl::Where(Family::kIndex, key));
          if (key.size() == kVectorKeyBytes && !group.empty()) {
            if (Status visited = VisitGroup(&group, visit); !visited.ok()) return visited;
          }
          group.push_back(
              {std::string(key), record->fingerprint, record->tokens, key.size() + value.size()});
          return {};
        });
    if (!scanned.ok()) return scanned;
    return VisitGroup(&group, visit);
  }

  Status FindVectors() {
    return ForEachEntry([&](const Entry& entry, bool goes) {
      const SpaceId id = SpaceOfKey(std::string_view(entry.key).substr(0, 8));
      Space& space = spaces_[id];
      space.report.info.id = id;
      if (!goes) {
        ++space.left;
        const bool referred = live_->HasText(HashOfVectorKey(entry.key), entry.fingerprint);
        if (!referred) ++(live_->IsQuestion(entry.fingerprint) ? report_.questions : report_.kept);
        return Status();
      }
      ++space.report.vectors;
      space.report.tokens += entry.tokens;
      space.keys.push_back(LedgerKey({{}, entry.fingerprint, 0}));
      report_.bytes += entry.bytes + entry.key.size() + kVectorHeaderBytes +
                       sizeof(float) * space.report.info.record.identity.dimensions;
      return Status();
    });
  }

  /// Only what was paid for needs a word in the ledger: nobody asks for the rest.
  Status FindPaid() {
    for (auto& [id, space] : spaces_) {
      if (space.keys.empty()) continue;
      std::sort(space.keys.begin(), space.keys.end());
      if (impl_.ledger == nullptr) return impl_.ledger_status;
      auto paid = impl_.ledger->FindBought(id, space.keys);
      if (!paid.ok()) return paid.status();
      space.keys = std::move(*paid);
      space.report.paid = space.keys.size();
    }
    return {};
  }

  Status ForEachDeadText(const VisitKey& visit) const {
    return impl_.Scan(Family::kTexts, "", [&](std::string_view key, std::string_view value) {
      ContentHash hash;
      Fingerprint fingerprint;
      if (key.size() != hash.bytes.size() + fingerprint.bytes.size()) return Status();
      std::copy_n(key.begin(), hash.bytes.size(), hash.bytes.begin());
      std::copy_n(key.begin() + hash.bytes.size(), fingerprint.bytes.size(),
                  fingerprint.bytes.begin());
      const bool stays = live_->HasText(hash, fingerprint) || live_->IsUnderWay(fingerprint) ||
                         live_->IsQuestion(fingerprint);
      return stays ? Status() : visit(key, value);
    });
  }

  Status FindTexts() {
    return ForEachDeadText([&](std::string_view key, std::string_view value) {
      ++report_.texts;
      report_.bytes += key.size() + value.size();
      return Status();
    });
  }

  Status ForEachDeadFailure(const VisitKey& visit) const {
    return impl_.Scan(Family::kFailures, "", [&](std::string_view key, std::string_view value) {
      if (key.size() < kVectorKeyBytes) return Status();
      const bool stays =
          live_->HasHash(HashOfVectorKey(key)) || live_->HasJobs(SpaceOfKey(key.substr(0, 8)));
      return stays ? Status() : visit(key, value);
    });
  }

  Status FindFailures() {
    return ForEachDeadFailure([&](std::string_view, std::string_view) {
      ++report_.failures;
      return Status();
    });
  }

  /// Lists that no split will point to.
  Status FindLists() {
    const auto splits = store_.Splits();
    if (!splits.ok()) return splits.status();
    std::set<std::string> published;
    for (const SplitInfo& split : *splits) {
      const auto& forget = options_.forget;
      if (std::find(forget.begin(), forget.end(), split.name) != forget.end()) continue;
      published.insert(GenerationPrefix(split.record.id, split.record.generation));
    }
    for (const Family family : {Family::kDocuments, Family::kDocumentIds}) {
      if (Status found = FindListsOf(family, published); !found.ok()) return found;
    }
    return {};
  }

  /// Jumps from list to list.
  Status FindListsOf(Family family, const std::set<std::string>& published) {
    const std::string behind(9, '\xff');
    std::unique_ptr<rocksdb::Iterator> it(impl_.db->NewIterator(ScanRead(), impl_.family(family)));
    it->SeekToFirst();
    while (it->Valid()) {
      const std::string prefix = it->key().ToString().substr(0, 8);
      if (published.contains(prefix)) {
        it->Seek(prefix + behind);
        continue;
      }
      dead_lists_.insert(prefix);
      for (; it->Valid() && it->key().starts_with(prefix); it->Next()) {
        report_.documents += family == Family::kDocuments ? 1 : 0;
        report_.bytes += it->key().size() + it->value().size();
      }
    }
    return it->status().ok() ? Status() : FromRocks(it->status(), "scan the store");
  }

  /// Spaces without a vector that neither a split nor a job names.
  Status FindSpaces() {
    const auto splits = store_.Splits();
    if (!splits.ok()) return splits.status();
    for (const SplitInfo& split : *splits) {
      const auto& forget = options_.forget;
      if (std::find(forget.begin(), forget.end(), split.name) != forget.end()) continue;
      const auto coverages = store_.Coverages(split.name);
      if (!coverages.ok()) return coverages.status();
      for (const auto& [id, coverage] : *coverages) ++spaces_[id].left;
    }
    for (auto& [id, space] : spaces_) {
      space.report.removed = space.left == 0 && !live_->HasJobs(id);
    }
    return {};
  }

  void Summarize() {
    for (const auto& [id, space] : spaces_) {
      report_.vectors += space.report.vectors;
      if (space.report.vectors > 0 || space.report.removed) {
        report_.spaces.push_back(space.report);
      }
    }
  }

  /// All of it will be compacted, which cannot end over damage.
  Status CheckLiveTables() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    impl_.db->GetLiveFilesMetaData(&files);
    for (const rocksdb::LiveFileMetaData& file : files) {
      Status whole = RawStore::CheckTable(file.db_path + file.name);
      if (!whole.ok()) return whole.Prefixed("nothing was dropped");
    }
    return {};
  }

  /// Compactions of this process must not take away a table that is being read.
  Status CheckTables() const {
    const bool kept = impl_.db->DisableFileDeletions().ok();  // A reader deletes none anyway.
    Status checked = CheckLiveTables();
    if (kept) impl_.db->EnableFileDeletions(/*force=*/false).PermitUncheckedError();
    return checked;
  }

  // --- Dropping -------------------------------------------------------------------------------

  Status Drop() {
    const std::lock_guard<std::mutex> guard(impl_.commit_mutex);
    impl_.failure_keys.reset();
    for (const auto& step : {&GarbageCollector::DropSplits, &GarbageCollector::DropVectors,
                             &GarbageCollector::DropRest, &GarbageCollector::Compact}) {
      if (Status dropped = (this->*step)(); !dropped.ok()) return dropped;
    }
    return {};
  }

  Status Apply(rocksdb::WriteBatch* batch) const {
    const rocksdb::Status written = impl_.db->Write(SyncedWrite(), batch);
    batch->Clear();
    return written.ok() ? Status() : FromRocks(written, "write to the store");
  }

  /// First, so that nothing refers to a vector when it goes.
  Status DropSplits() {
    rocksdb::WriteBatch batch;
    for (const SplitInfo& split : report_.forgotten) {
      batch.Delete(impl_.family(Family::kSplits), split.name);
      Status scanned = impl_.Scan(
          Family::kSplits, split.name + '\0', [&](std::string_view key, std::string_view) {
            batch.Delete(impl_.family(Family::kSplits), rocksdb::Slice(key));
            return Status();
          });
      if (!scanned.ok()) return scanned;
    }
    if (batch.Count() == 0) return {};
    Status forgotten = Apply(&batch);
    EMBSTORE_CRASH_POINT("gc-forgotten");
    return forgotten;
  }

  Status DropVectors() {
    std::vector<Entry> batch;
    Status visited = ForEachEntry([&](const Entry& entry, bool goes) {
      if (!goes) return Status();
      const bool same_space =
          batch.empty() || batch.front().key.substr(0, 8) == entry.key.substr(0, 8);
      if (batch.size() == kBatchKeys || !same_space) {
        if (Status dropped = DropBatch(&batch); !dropped.ok()) return dropped;
      }
      batch.push_back(entry);
      return Status();
    });
    if (!visited.ok() || batch.empty()) return visited;
    return DropBatch(&batch);
  }

  /// The ledger first: a process that dies in between leaves vectors that nobody asks for, where
  /// the other order would leave a store that has lost what was bought.
  Status DropBatch(std::vector<Entry>* entries) {
    const SpaceId id = SpaceOfKey(std::string_view(entries->front().key).substr(0, 8));
    const std::vector<std::uint64_t>& paid = spaces_.at(id).keys;
    Removal removal{id, {}, Now()};
    rocksdb::WriteBatch batch;
    for (const Entry& entry : *entries) {
      const std::uint64_t key = LedgerKey({{}, entry.fingerprint, 0});
      if (std::binary_search(paid.begin(), paid.end(), key)) removal.keys.push_back(key);
      for (const Family family : {Family::kIndex, Family::kVectors, Family::kSketches}) {
        batch.Delete(impl_.family(family), entry.key);
      }
    }
    entries->clear();
    EMBSTORE_CRASH_POINT("gc-planned");
    if (!removal.keys.empty() && !EMBSTORE_SEEDED_BUG("gc-unrecorded")) {
      if (Status written = impl_.ledger->Remove(removal); !written.ok()) return written;
    }
    EMBSTORE_CRASH_POINT("gc-recorded");
    // Vectors change with the commit number only.
    CommitRecord next = impl_.last_commit;
    next.number += 1;
    next.shares.clear();
    batch.Put(impl_.family(Family::kMeta), rocksdb::Slice(kMetaCommitKey),
              EncodeRecord(kMetaCommitKey, next));
    if (Status applied = Apply(&batch); !applied.ok()) return applied;
    EMBSTORE_CRASH_POINT("gc-stored");
    impl_.last_commit = std::move(next);
    return impl_.ledger->AddCommit(impl_.last_commit.number, {});
  }

  Status DropRest() {
    rocksdb::WriteBatch batch;
    const auto deleter = [&](Family family) {
      return [&, family](std::string_view key, std::string_view) {
        batch.Delete(impl_.family(family), rocksdb::Slice(key));
        return batch.Count() < kBatchKeys ? Status() : Apply(&batch);
      };
    };
    if (Status s = ForEachDeadText(deleter(Family::kTexts)); !s.ok()) return s;
    if (Status s = ForEachDeadFailure(deleter(Family::kFailures)); !s.ok()) return s;
    for (const std::string& prefix : dead_lists_) {
      for (const Family family : {Family::kDocuments, Family::kDocumentIds}) {
        if (Status s = impl_.Scan(family, prefix, deleter(family)); !s.ok()) return s;
      }
    }
    for (const auto& [id, space] : spaces_) {
      if (space.report.removed) batch.Delete(impl_.family(Family::kSpaces), SpaceKey(id));
    }
    return Apply(&batch);
  }

  /// Gives the bytes back: until then what was deleted is only covered up.
  Status Compact() {
    EMBSTORE_CRASH_POINT("gc-compacts");
    for (rocksdb::ColumnFamilyHandle* family : impl_.families) {
      const rocksdb::Status compacted = impl_.db->CompactRange({}, family, nullptr, nullptr);
      if (!compacted.ok()) return FromRocks(compacted, "compact the store");
    }
    return {};
  }

  std::int64_t Now() const {
    Clock& clock = options_.clock != nullptr ? *options_.clock : SystemClock();
    return clock.WallMicros();
  }

  static constexpr std::size_t kBatchKeys = 10'000;

  Store& store_;
  Store::Impl& impl_;
  const GcOptions& options_;
  std::vector<JobRecord> open_jobs_;
  std::optional<LiveTexts> live_;
  std::map<SpaceId, Space> spaces_;
  std::set<std::string> dead_lists_;  // Prefixes.
  GcReport report_;
};

Result<GcReport> CollectGarbage(Store* store, const GcOptions& options) {
  if (options.dry_run) return GarbageCollector(store, options).Run();
  const auto turn = WriteRun::Begin(store, nullptr);
  if (!turn.ok()) return turn.status();
  return GarbageCollector(store, options).Run();
}

}  // namespace embstore
