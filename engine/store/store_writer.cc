// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_writer.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"
#include "engine/store/compaction.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"

namespace embstore {
namespace {

constexpr std::size_t kDeleteBatchKeys = 10'000;
constexpr std::size_t kManyTexts = 16;  // Longer at work than a thread takes to begin.

Status Apply(Store::Impl* impl, rocksdb::WriteBatch* batch, const rocksdb::WriteOptions& options) {
  CountWrite(impl, batch->GetDataSize());
  const rocksdb::Status written = impl->db->Write(options, batch);
  if (!written.ok()) return FromRocks(written, "write to the store");
  return {};
}

/// Deletes every key that begins with `prefix`.
Status DeletePrefix(Store::Impl* impl, Family family, const std::string& prefix) {
  rocksdb::WriteBatch batch;
  const auto flush = [&] {
    Status applied = Apply(impl, &batch, UnsyncedWrite());
    batch.Clear();
    return applied;
  };
  Status scanned = impl->Scan(family, prefix, [&](std::string_view key, std::string_view) {
    batch.Delete(impl->family(family), rocksdb::Slice(key));
    return batch.Count() < kDeleteBatchKeys ? Status() : flush();
  });
  if (!scanned.ok()) return scanned;
  return flush();
}

Status DeleteGeneration(Store::Impl* impl, std::uint32_t split, std::uint32_t generation) {
  const std::string prefix = GenerationPrefix(split, generation);
  if (Status deleted = DeletePrefix(impl, Family::kDocuments, prefix); !deleted.ok()) {
    return deleted;
  }
  return DeletePrefix(impl, Family::kDocumentIds, prefix);
}

/// In the order of their keys, in which a memtable takes them fastest.
std::vector<EmbeddedText> InKeyOrder(std::span<const EmbeddedText> texts) {
  std::vector<EmbeddedText> ordered(texts.begin(), texts.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.key.hash < b.key.hash; });
  return ordered;
}

/// Makes the records that have a key and nothing else yet.
void FillRecords(std::span<const EmbeddedText> texts, std::span<VectorRecords> records) {
  VectorRecordMaker maker;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    VectorRecords& r = records[i];
    if (r.key.empty()) continue;
    r = maker.Make(std::move(r.key), texts[i].key.fingerprint, texts[i].vector);
  }
}

/// The records for those texts that come without, or with some for another key, each in its text's
/// place. Many are made by two threads.
std::vector<VectorRecords> MakeMissingRecords(std::span<const EmbeddedText> texts,
                                              std::span<const std::string> keys) {
  std::vector<VectorRecords> made(texts.size());
  std::size_t missing = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].records != nullptr && texts[i].records->key == keys[i]) continue;
    made[i].key = keys[i];
    ++missing;
  }
  const std::span records(made);
  std::size_t mine = texts.size();
  std::future<void> others;
  if (missing >= kManyTexts) {
    mine /= 2;
    others = std::async(FillRecords, texts.subspan(mine), records.subspan(mine));
  }
  FillRecords(texts.first(mine), records.first(mine));
  if (others.valid()) others.get();
  return made;
}

/// REQUIRES: the failure keys are loaded.
void PutText(Store::Impl* impl, const Commit& commit, const EmbeddedText& text,
             const VectorRecords& records, rocksdb::WriteBatch* batch) {
  const std::string& key = records.key;
  const IndexRecord index{.fingerprint = text.key.fingerprint,
                          .text_bytes = static_cast<std::uint32_t>(text.key.length),
                          .tokens = text.tokens,
                          .raw_norm = records.norm,
                          .created_micros = commit.micros,
                          .run = commit.run_number};
  batch->Put(impl->family(Family::kIndex), key, EncodeRecord(key, index));
  if (impl->failure_keys->erase(key) > 0) batch->Delete(impl->family(Family::kFailures), key);
  batch->Put(impl->family(Family::kVectors), key, records.vector);
  if (!EMBSTORE_SEEDED_BUG("no-sketch")) {
    batch->Put(impl->family(Family::kSketches), key, records.sketch);
  }
  if (!impl->options.store_texts) return;
  batch->Put(impl->family(Family::kTexts), TextRecordKey(text.key), rocksdb::Slice(text.text));
}

/// Finds slots for the texts of one commit, which may collide with each other as well.
class SlotAllocator {
 public:
  SlotAllocator(const Store::Impl& impl, SpaceId space) : impl_(impl), space_(space) {}

  Result<std::uint8_t> SlotFor(const TextKey& text) {
    auto slot = impl_.FindSlot(space_, text);
    if (!slot.ok()) return slot.status();
    std::vector<Taken>& taken = taken_[text.hash];
    for (const Taken& other : taken) {
      if (other.fingerprint == text.fingerprint) return other.slot;
    }
    if (!slot->occupied) {
      for (const Taken& other : taken) {
        slot->number =
            std::max<std::uint8_t>(slot->number, static_cast<std::uint8_t>(other.slot + 1));
      }
    }
    if (slot->number >= kMaxSlots) {
      return Status(Code::kInvalidArgument,
                    "too many different texts share the hash " + ToHex(text.hash));
    }
    taken.push_back({text.fingerprint, slot->number});
    return slot->number;
  }

 private:
  struct Taken {
    Fingerprint fingerprint;
    std::uint8_t slot;
  };
  const Store::Impl& impl_;
  const SpaceId space_;
  std::map<ContentHash, std::vector<Taken>> taken_;
};

}  // namespace

StoreWriter::StoreWriter(Store* store) : impl_(*store->impl_) {}

StoreWriter::EarlierReplies StoreWriter::TakeEarlierReplies() {
  const Store::Impl::KeptReplies kept = std::exchange(impl_.kept, {});
  return {kept.texts, kept.damaged};
}

Ledger& StoreWriter::ledger() const { return *impl_.ledger; }

const Ledger* StoreWriter::LedgerOf(const Store& store) { return store.impl_->ledger.get(); }

Status StoreWriter::AddSpace(const SpaceRecord& record) {
  const std::string key = SpaceKey(MakeSpaceId(record.identity));
  const auto existing = impl_.ReadRecord<SpaceRecord>(Family::kSpaces, key);
  if (existing.ok()) {
    if (existing->identity == record.identity) return {};
    return {Code::kCorruption,
            "space " + ToHex(SpaceOfKey(key)) +
                " belongs to another model, size or task: " + existing->identity.model};
  }
  if (existing.code() != Code::kNotFound) return existing.status();
  rocksdb::WriteBatch batch;
  batch.Put(impl_.family(Family::kSpaces), key, EncodeRecord(key, record));
  return Apply(&impl_, &batch, SyncedWrite());
}

Result<SplitRecord> StoreWriter::BeginDocuments(std::string_view split) {
  SplitRecord next;
  std::uint32_t highest_id = 0;
  // Lists of a generation above the published one are leftovers of a run that died.
  Status scanned =
      impl_.Scan(Family::kSplits, "", [&](std::string_view key, std::string_view value) {
        if (key.find('\0') != std::string_view::npos) return Status();
        auto record = DecodeRecord<SplitRecord>(key, value);
        if (!record.ok()) {
          return record.status().Prefixed(Store::Impl::Where(Family::kSplits, key));
        }
        highest_id = std::max(highest_id, record->id);
        if (key == split) {
          next.id = record->id;
          next.generation = record->generation + 1;
        }
        return Status();
      });
  if (!scanned.ok()) return scanned;
  if (next.id == 0) {
    next.id = highest_id + 1;
    next.generation = 1;
  }
  if (Status dropped = DropDocuments(next); !dropped.ok()) return dropped;
  if (next.generation > 2) {  // The one before the published one, if its deletion was cut short.
    Status deleted = DeleteGeneration(&impl_, next.id, next.generation - 2);
    if (!deleted.ok()) return deleted;
  }
  return next;
}

Status StoreWriter::AppendDocuments(const SplitRecord& split, std::uint64_t first_position,
                                    std::span<const DocumentRecord> documents) {
  rocksdb::WriteBatch batch;
  std::vector<std::pair<std::string, std::uint64_t>> ids;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::uint64_t position = first_position + i;
    const std::string key = DocumentKey(split.id, split.generation, position);
    batch.Put(impl_.family(Family::kDocuments), key, EncodeRecord(key, documents[i]));
    if (documents[i].id.empty()) continue;
    ids.emplace_back(DocumentIdKey(split.id, split.generation, documents[i].id), position);
  }
  std::stable_sort(ids.begin(), ids.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string position_bytes;
  for (const auto& [key, position] : ids) {
    position_bytes.clear();
    AppendBigEndian(position, 8, &position_bytes);
    batch.Put(impl_.family(Family::kDocumentIds), key, position_bytes);
  }
  return Apply(&impl_, &batch, UnsyncedWrite());
}

Status StoreWriter::UpdateSplit(std::string_view split, const SplitRecord& record) {
  rocksdb::WriteBatch batch;
  batch.Put(impl_.family(Family::kSplits), rocksdb::Slice(split), EncodeRecord(split, record));
  return Apply(&impl_, &batch, SyncedWrite());
}

Status StoreWriter::PublishDocuments(std::string_view split, const SplitRecord& record) {
  // The log keeps order: once this synced write is durable, so is the list it points to.
  if (Status updated = UpdateSplit(split, record); !updated.ok()) return updated;
  EMBSTORE_CRASH_POINT("list-published");
  if (record.generation <= 1) return {};
  return DeleteGeneration(&impl_, record.id, record.generation - 1);
}

Status StoreWriter::DropDocuments(const SplitRecord& record) {
  return DeleteGeneration(&impl_, record.id, record.generation);
}

Status StoreWriter::RefreshCoverage(Store* store, std::string_view split, SpaceId space,
                                    std::int64_t micros) {
  const auto info = store->FindSplit(split);
  if (!info.ok()) return info.code() == Code::kNotFound ? Status() : info.status();
  const auto embedded = store->CountEmbedded(*info, space);
  if (!embedded.ok()) return embedded.status();
  const std::string key = CoverageKey(split, space);
  auto coverage = impl_.ReadRecord<CoverageRecord>(Family::kSplits, key);
  if (!coverage.ok() && coverage.code() != Code::kNotFound) return coverage.status();
  CoverageRecord record = coverage.ok() ? *coverage : CoverageRecord();
  record.generation = info->record.generation;
  record.embedded = *embedded;
  record.complete = *embedded == info->record.documents;
  record.updated_micros = micros;
  rocksdb::WriteBatch batch;
  batch.Put(impl_.family(Family::kSplits), key, EncodeRecord(key, record));
  return Apply(&impl_, &batch, SyncedWrite());
}

Result<std::uint32_t> StoreWriter::NextRunNumber() const {
  std::uint32_t last = 0;
  Status scanned = impl_.Scan(Family::kRuns, "", [&](std::string_view key, std::string_view) {
    last = static_cast<std::uint32_t>(ReadBigEndian(key));
    return Status();
  });
  if (!scanned.ok()) return scanned;
  return last + 1;
}

Status StoreWriter::LoadFailureKeys() {
  if (impl_.failure_keys) return {};
  std::set<std::string> keys;
  Status scanned = impl_.Scan(Family::kFailures, "", [&](std::string_view key, std::string_view) {
    keys.emplace(key);
    return Status();
  });
  if (scanned.ok()) impl_.failure_keys = std::move(keys);
  return scanned;
}

Status StoreWriter::Write(const Commit& commit) {
  const std::lock_guard<std::mutex> guard(impl_.commit_mutex);
  if (!impl_.write_failure.ok()) return impl_.write_failure;
  Status written = WriteCommit(commit);
  const bool may_be_kept =
      written.code() == Code::kCorruption || written.code() == Code::kWriteFailed;
  // What was paid for is kept elsewhere now: no run may buy it again before the next open.
  if (may_be_kept && !commit.shares.empty()) impl_.write_failure = written;
  return written;
}

Status StoreWriter::WriteCommit(const Commit& commit) {
  if (Status loaded = LoadFailureKeys(); !loaded.ok()) return loaded;
  rocksdb::WriteBatch batch;
  SlotAllocator slots(impl_, commit.space);
  const std::vector<EmbeddedText> embedded = InKeyOrder(commit.embedded);
  std::vector<std::string> keys;
  for (const EmbeddedText& text : embedded) {
    auto slot = slots.SlotFor(text.key);
    if (!slot.ok()) return slot.status();
    keys.push_back(VectorKey(commit.space, text.key.hash, *slot));
  }
  const std::vector<VectorRecords> made = MakeMissingRecords(embedded, keys);
  for (std::size_t i = 0; i < embedded.size(); ++i) {
    const VectorRecords& records = made[i].key.empty() ? *embedded[i].records : made[i];
    PutText(&impl_, commit, embedded[i], records, &batch);
  }
  for (const FailedText& failure : commit.failed) {
    const std::string key = VectorKey(commit.space, failure.key.hash);
    batch.Put(impl_.family(Family::kFailures), key, EncodeRecord(key, failure.record));
    impl_.failure_keys->insert(key);
  }
  if (commit.run) {
    const std::string run_key = RunKey(commit.run_number);
    batch.Put(impl_.family(Family::kRuns), run_key, EncodeRecord(run_key, *commit.run));
  }
  if (commit.coverage) {
    const std::string coverage_key = CoverageKey(commit.run->split, commit.space);
    batch.Put(impl_.family(Family::kSplits), coverage_key,
              EncodeRecord(coverage_key, *commit.coverage));
  }
  CommitRecord next = impl_.last_commit;
  if (!commit.embedded.empty()) {
    next.number += 1;
    next.charges += commit.shares.empty() ? 0 : 1;
    next.shares = commit.shares;
    batch.Put(impl_.family(Family::kMeta), rocksdb::Slice(kMetaCommitKey),
              EncodeRecord(kMetaCommitKey, next));
  }
  EMBSTORE_CRASH_POINT("commit-begins");
  if (Status applied = Apply(&impl_, &batch, SyncedWrite()); !applied.ok()) {
    impl_.failure_keys.reset();
    impl_.write_failure = applied;
    return applied;
  }
  EMBSTORE_CRASH_POINT("commit-stored");
  impl_.last_commit = std::move(next);
  if (commit.embedded.empty() || EMBSTORE_SEEDED_BUG("commit-unrecorded")) return {};
  Status recorded = impl_.ledger->AddCommit(impl_.last_commit.number, commit.shares);
  EMBSTORE_CRASH_POINT("commit-recorded");
  // The ledger may lack one commit of the store, not two.
  impl_.write_failure = recorded;
  return recorded;
}

}  // namespace embstore
