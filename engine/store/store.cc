// SPDX-License-Identifier: Apache-2.0
// The reading side of the store.
#include "embstore/store.h"

#include <algorithm>
#include <numeric>

#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"
#include "engine/record/vector_record.h"
#include "engine/store/lost_vectors.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"
#include "engine/store/store_impl.h"

namespace embstore {
namespace {

// Keys asked for in one go: enough to share work, few enough to stay in the cache.
constexpr std::size_t kMultiGetKeys = 256;
// Fewer than these lie in a block or two: nothing is worth reading ahead.
constexpr std::uint64_t kFewDocuments = 64;

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

/// Positions 0..n-1 in the order of their texts' hashes, so that neighbours share blocks.
std::vector<std::size_t> OrderByHash(std::span<const TextKey> texts) {
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return texts[a].hash < texts[b].hash; });
  return order;
}

/// Reads the slot-0 values of texts[order[...]] and calls visit(index, value or null).
Status MultiGet(const Store::Impl& impl, Family family, SpaceId space,
                std::span<const TextKey> texts,
                const std::function<Status(std::size_t, const std::string& key,
                                           const rocksdb::PinnableSlice*)>& visit) {
  const std::vector<std::size_t> order = OrderByHash(texts);
  std::vector<std::string> keys;
  std::vector<rocksdb::Slice> slices;
  rocksdb::ReadOptions options = PointRead();
  // So many vectors would only drive others, and each other, out of the cache.
  options.fill_cache = family != Family::kVectors || order.size() <= kMultiGetKeys;
  for (std::size_t begin = 0; begin < order.size(); begin += kMultiGetKeys) {
    const std::size_t count = std::min(kMultiGetKeys, order.size() - begin);
    keys.clear();
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(VectorKey(space, texts[order[begin + i]].hash));
    }
    slices.assign(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(count);
    std::vector<rocksdb::Status> statuses(count);
    impl.db->MultiGet(options, impl.family(family), count, slices.data(), values.data(),
                      statuses.data(), /*sorted_input=*/true);
    for (std::size_t i = 0; i < count; ++i) {
      if (!statuses[i].ok() && !statuses[i].IsNotFound()) {
        return FromRocks(statuses[i], "read from the store");
      }
      Status visited = visit(order[begin + i], keys[i], statuses[i].ok() ? &values[i] : nullptr);
      if (!visited.ok()) return visited;
    }
  }
  return {};
}

Status CheckDimensions(std::size_t stored, std::size_t asked) {
  if (stored == asked) return {};
  return {Code::kInvalidArgument,
          "the vector has " + std::to_string(stored) + " dimensions, not " + std::to_string(asked)};
}

}  // namespace

std::string Store::Impl::Where(Family family, std::string_view key) {
  return "store, family '" + std::string(kFamilyNames[static_cast<std::size_t>(family)]) +
         "', key " + HexString({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
}

Result<std::optional<std::string>> Store::Impl::Read(Family family_id, std::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      db->Get(PointRead(), family(family_id), rocksdb::Slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocks(status, "read from the store");
  return std::optional<std::string>(std::move(value));
}

Status Store::Impl::Scan(Family family_id, std::string_view prefix,
                         const std::function<Status(std::string_view, std::string_view)>& visit,
                         std::string_view begin, std::string_view end) const {
  if (family(family_id) == nullptr) return {};
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(ScanRead(), family(family_id)));
  for (it->Seek(rocksdb::Slice(std::max(prefix, begin))); it->Valid(); it->Next()) {
    if (!it->key().starts_with(rocksdb::Slice(prefix))) break;
    if (!end.empty() && it->key().compare(rocksdb::Slice(end)) >= 0) break;
    Status visited = visit(View(it->key()), View(it->value()));
    if (!visited.ok()) return visited;
  }
  if (!it->status().ok() && !EMBSTORE_SEEDED_BUG("iterator-status-ignored"))
    return FromRocks(it->status(), "scan the store");
  return {};
}

Result<Store::Impl::Slot> Store::Impl::FindSlot(SpaceId space, const TextKey& text,
                                                std::uint8_t from) const {
  for (std::uint8_t slot = from; slot < kMaxSlots; ++slot) {
    const auto record = ReadRecord<IndexRecord>(Family::kIndex, VectorKey(space, text.hash, slot));
    if (record.code() == Code::kNotFound) return Slot{slot, false};
    if (!record.ok()) return record.status();
    if (IsSameText(*record, text)) return Slot{slot, true};
  }
  return Status(Code::kInvalidArgument, "more than " + std::to_string(kMaxSlots) +
                                            " different texts share the hash " + ToHex(text.hash) +
                                            "; these texts were made to collide");
}

Status Store::Impl::ReadVector(SpaceId space, const TextKey& text, std::span<float> out) const {
  for (std::uint8_t slot = 0; slot < kMaxSlots; ++slot) {
    const std::string key = VectorKey(space, text.hash, slot);
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = db->Get(PointRead(), family(Family::kVectors), key, &value);
    if (status.IsNotFound()) break;
    if (!status.ok()) return FromRocks(status, "read from the store");
    auto vector = DecodeVector(key, View(value));
    if (!vector.ok()) return vector.status().Prefixed(Where(Family::kVectors, key));
    if (vector->fingerprint != text.fingerprint) continue;
    if (Status checked = CheckDimensions(vector->dimensions(), out.size()); !checked.ok()) {
      return checked;
    }
    vector->CopyTo(out);
    return {};
  }
  return {Code::kNotFound, "no vector is stored for this text in space " + ToHex(space)};
}

Result<std::vector<SplitInfo>> Store::Splits() const {
  std::vector<SplitInfo> splits;
  Status scanned = impl_->Scan(Family::kSplits, "", [&](std::string_view key, std::string_view v) {
    if (key.find('\0') != std::string_view::npos) return Status();  // A coverage record.
    auto record = DecodeRecord<SplitRecord>(key, v);
    if (!record.ok()) return record.status().Prefixed(Impl::Where(Family::kSplits, key));
    splits.push_back({std::string(key), std::move(*record)});
    return Status();
  });
  if (!scanned.ok()) return scanned;
  return splits;
}

Result<std::vector<SpaceInfo>> Store::Spaces() const {
  std::vector<SpaceInfo> spaces;
  Status scanned = impl_->Scan(Family::kSpaces, "", [&](std::string_view key, std::string_view v) {
    auto record = DecodeRecord<SpaceRecord>(key, v);
    if (!record.ok()) return record.status().Prefixed(Impl::Where(Family::kSpaces, key));
    spaces.push_back({SpaceOfKey(key), std::move(*record)});
    return Status();
  });
  if (!scanned.ok()) return scanned;
  return spaces;
}

Result<std::vector<SpaceInfo>> Store::SpacesOf(std::string_view split) const {
  const auto coverages = Coverages(split);
  if (!coverages.ok()) return coverages.status();
  auto spaces = Spaces();
  if (!spaces.ok()) return spaces;
  std::erase_if(*spaces, [&](const SpaceInfo& space) {
    return std::none_of(coverages->begin(), coverages->end(),
                        [&](const auto& entry) { return entry.first == space.id; });
  });
  return spaces;
}

Result<SplitInfo> Store::FindSplit(std::string_view name) const {
  auto record = impl_->ReadRecord<SplitRecord>(Family::kSplits, name);
  if (record.ok()) return SplitInfo{std::string(name), std::move(*record)};
  if (record.code() != Code::kNotFound) return record.status();
  auto splits = Splits();
  if (!splits.ok()) return splits.status();
  std::string known;
  for (const SplitInfo& split : *splits) known += (known.empty() ? "" : ", ") + split.name;
  return Status(Code::kNotFound, "there is no split '" + Printable(name, 64) + "' in the store; " +
                                     (known.empty() ? "it has none yet" : "it has: " + known));
}

Result<std::vector<std::pair<SpaceId, CoverageRecord>>> Store::Coverages(
    std::string_view split) const {
  std::vector<std::pair<SpaceId, CoverageRecord>> coverages;
  std::string prefix(split);
  prefix += '\0';
  Status scanned =
      impl_->Scan(Family::kSplits, prefix, [&](std::string_view key, std::string_view value) {
        auto record = DecodeRecord<CoverageRecord>(key, value);
        if (!record.ok()) return record.status().Prefixed(Impl::Where(Family::kSplits, key));
        coverages.emplace_back(SpaceOfKey(key.substr(prefix.size())), *record);
        return Status();
      });
  if (!scanned.ok()) return scanned;
  return coverages;
}

Result<std::optional<std::uint64_t>> Store::Impl::FindPosition(const SplitRecord& split,
                                                               std::string_view id) const {
  if (split.has_ids) {
    const std::string key = DocumentIdKey(split.id, split.generation, id);
    const auto position = Read(Family::kDocumentIds, key);
    if (!position.ok()) return position.status();
    if (!position->has_value()) return std::optional<std::uint64_t>();
    return std::optional<std::uint64_t>(ReadBigEndian(**position));
  }
  // Ids are positions in plain decimal, so "017" and "+17" are no ids.
  std::uint64_t position = 0;
  for (const char c : id) {
    if (c < '0' || c > '9' || position > split.documents) return std::optional<std::uint64_t>();
    position = position * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (std::to_string(position) != id || position >= split.documents) {
    return std::optional<std::uint64_t>();
  }
  return std::optional<std::uint64_t>(position);
}

Result<DocumentInfo> Store::FindDocument(const SplitInfo& split, std::string_view id) const {
  const SplitRecord& record = split.record;
  const auto position = impl_->FindPosition(record, id);
  if (!position.ok()) return position.status();
  if (!position->has_value()) {
    return Status(Code::kNotFound,
                  "split '" + split.name + "' has no document '" + Printable(id, 80) + "'");
  }
  const std::string key = DocumentKey(record.id, record.generation, **position);
  auto found = impl_->ReadRecord<DocumentRecord>(Family::kDocuments, key);
  if (found.code() == Code::kNotFound) {
    return Status(Code::kCorruption, Impl::Where(Family::kDocuments, key) +
                                         ": the document list of split '" + split.name +
                                         "' has a gap");
  }
  if (!found.ok()) return found.status();
  if (record.has_ids && found->id != id) {
    return Status(Code::kCorruption, Impl::Where(Family::kDocuments, key) +
                                         ": the record belongs to another document id");
  }
  return DocumentInfo{**position, std::move(*found)};
}

Status Store::ForEachDocument(const SplitInfo& split, std::uint64_t first, std::uint64_t count,
                              const std::function<Status(const DocumentInfo&)>& visit) const {
  const std::uint64_t end = std::min(split.record.documents, first + count);
  const std::string prefix = GenerationPrefix(split.record.id, split.record.generation);
  rocksdb::ReadOptions options = ScanRead();
  if (count < kFewDocuments) options.readahead_size = 0;
  std::unique_ptr<rocksdb::Iterator> it(
      impl_->db->NewIterator(options, impl_->family(Family::kDocuments)));
  it->Seek(DocumentKey(split.record.id, split.record.generation, first));
  for (std::uint64_t position = first; position < end; ++position, it->Next()) {
    if (!it->Valid() || !it->key().starts_with(prefix) ||
        PositionOfDocumentKey(View(it->key())) != position) {
      if (!it->status().ok()) return FromRocks(it->status(), "read the document list");
      return {Code::kCorruption, "the document list of split '" + split.name +
                                     "' has a gap at position " + std::to_string(position)};
    }
    auto record = DecodeRecord<DocumentRecord>(View(it->key()), View(it->value()));
    if (!record.ok()) {
      return record.status().Prefixed(Impl::Where(Family::kDocuments, View(it->key())));
    }
    Status visited = visit({position, std::move(*record)});
    if (!visited.ok()) return visited;
  }
  return {};
}

Result<std::vector<bool>> Store::Contains(SpaceId space, std::span<const TextKey> texts) const {
  std::vector<bool> found(texts.size());
  Status read = MultiGet(
      *impl_, Family::kIndex, space, texts,
      [&](std::size_t i, const std::string& key, const rocksdb::PinnableSlice* value) -> Status {
        if (value == nullptr) return {};
        auto record = DecodeRecord<IndexRecord>(key, View(*value));
        if (!record.ok()) return record.status().Prefixed(Impl::Where(Family::kIndex, key));
        found[i] = IsSameText(*record, texts[i]);
        if (found[i]) return {};
        auto slot = impl_->FindSlot(space, texts[i], 1);
        if (!slot.ok()) return slot.status();
        found[i] = slot->occupied;
        return {};
      });
  if (read.ok()) read = CheckNotLost(*impl_, space, texts, found);
  if (!read.ok()) return read;
  return found;
}

Status Store::GetVector(SpaceId space, const TextKey& text, std::span<float> out) const {
  // The index and the vectors are written together, but read one after the other: what the index
  // has and the vectors lacked is asked for again before it is called damage.
  for (int attempt = 0; attempt < 2; ++attempt) {
    Status read = impl_->ReadVector(space, text, out);
    if (read.code() != Code::kNotFound) return read;
    auto indexed = impl_->FindSlot(space, text);
    if (!indexed.ok()) return indexed.status();
    if (!indexed->occupied) return read;
  }
  return {Code::kCorruption, Impl::Where(Family::kIndex, VectorKey(space, text.hash)) +
                                 ": the index names a vector that is not there"};
}

Result<std::vector<bool>> Store::GetVectors(SpaceId space, std::span<const TextKey> texts,
                                            std::span<float> out) const {
  std::vector<bool> found(texts.size());
  if (texts.empty()) return found;
  const std::size_t dimensions = out.size() / texts.size();
  const auto get_one = [&](std::size_t i) {
    Status one = GetVector(space, texts[i], out.subspan(i * dimensions, dimensions));
    found[i] = one.ok();
    return one.code() == Code::kNotFound ? Status() : one;
  };
  const auto take = [&](std::size_t i, const std::string& key,
                        const rocksdb::PinnableSlice* value) -> Status {
    if (value == nullptr) return get_one(i);  // Not there; GetVector tells that from damage.
    auto vector = DecodeVector(key, View(*value));
    if (!vector.ok()) return vector.status().Prefixed(Impl::Where(Family::kVectors, key));
    if (vector->fingerprint != texts[i].fingerprint) return get_one(i);  // In a later slot.
    Status checked = CheckDimensions(vector->dimensions(), dimensions);
    if (checked.ok()) vector->CopyTo(out.subspan(i * dimensions, dimensions));
    found[i] = checked.ok();
    return checked;
  };
  Status read =
      texts.size() == 1 ? get_one(0) : MultiGet(*impl_, Family::kVectors, space, texts, take);
  if (read.ok()) read = CheckNotLost(*impl_, space, texts, found);
  if (!read.ok()) return read;
  return found;
}

Result<std::string> Store::GetText(const TextKey& text) const {
  auto value = impl_->Read(Family::kTexts, TextRecordKey(text));
  if (!value.ok()) return value.status();
  if (!value->has_value()) {
    return Status(Code::kNotFound, "the text is not in the store (store_texts was off)");
  }
  if (!(MakeTextKey(**value) == text)) {
    return Status(Code::kCorruption, Impl::Where(Family::kTexts, TextRecordKey(text)) +
                                         ": the text does not match its fingerprint");
  }
  return std::move(**value);
}

Result<std::uint64_t> Store::CountVectors(SpaceId space) const {
  std::uint64_t count = 0;
  Status scanned =
      impl_->Scan(Family::kIndex, SpaceKey(space), [&](std::string_view, std::string_view) {
        ++count;
        return Status();
      });
  if (!scanned.ok()) return scanned;
  return count;
}

Result<std::uint64_t> Store::CountEmbedded(const SplitInfo& split, SpaceId space) const {
  constexpr std::uint64_t kChunk = 4096;
  std::uint64_t embedded = 0;
  std::vector<TextKey> texts;
  for (std::uint64_t first = 0; first < split.record.documents; first += kChunk) {
    texts.clear();
    Status read = ForEachDocument(split, first, kChunk, [&](const DocumentInfo& document) {
      texts.push_back(document.record.text);
      return Status();
    });
    if (!read.ok()) return read;
    auto found = Contains(space, texts);
    if (!found.ok()) return found.status();
    embedded += static_cast<std::uint64_t>(std::count(found->begin(), found->end(), true));
  }
  return embedded;
}

Result<std::vector<FailureRecord>> Store::Failures() const {
  std::vector<FailureRecord> failures;
  Status scanned =
      impl_->Scan(Family::kFailures, "", [&](std::string_view key, std::string_view value) {
        auto record = DecodeRecord<FailureRecord>(key, value);
        if (!record.ok()) return record.status().Prefixed(Impl::Where(Family::kFailures, key));
        failures.push_back(std::move(*record));
        return Status();
      });
  if (!scanned.ok()) return scanned;
  return failures;
}

Result<std::vector<RunRecord>> Store::Runs() const {
  std::vector<RunRecord> runs;
  Status scanned =
      impl_->Scan(Family::kRuns, "", [&](std::string_view key, std::string_view value) {
        auto record = DecodeRecord<RunRecord>(key, value);
        if (!record.ok()) return record.status().Prefixed(Impl::Where(Family::kRuns, key));
        runs.push_back(std::move(*record));
        return Status();
      });
  if (!scanned.ok()) return scanned;
  return runs;
}

const std::string& Store::Id() const { return impl_->meta.store_id; }

std::uint64_t Store::CommitNumber() const {
  const std::lock_guard<std::mutex> guard(impl_->commit_mutex);
  return impl_->last_commit.number;
}

Result<std::vector<SpendRecord>> Store::Spending() const {
  if (impl_->ledger == nullptr) return impl_->WithoutLedger<std::vector<SpendRecord>>();
  return impl_->ledger->Spending();
}

Result<std::vector<DoubtRecord>> Store::Doubts() const {
  if (impl_->ledger == nullptr) return impl_->WithoutLedger<std::vector<DoubtRecord>>();
  return impl_->ledger->Doubts();
}

Result<std::vector<JobRecord>> Store::Jobs() const {
  if (impl_->ledger == nullptr) return impl_->WithoutLedger<std::vector<JobRecord>>();
  return impl_->ledger->Jobs();
}

Result<std::uint64_t> Store::DiskBytes() const {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(impl_->directory / "store", error)) {
    const auto size = entry.file_size(error);
    if (!error) bytes += size;
  }
  return bytes;
}

}  // namespace embstore
