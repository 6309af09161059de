// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/salvage.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>

#include "embstore/vector.h"
#include "engine/record/list_digest.h"
#include "engine/record/vector_record.h"

namespace embstore {
namespace {

std::uint64_t ChecksumOf(std::string_view value) {
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, value.data(), sizeof checksum);
  return checksum;
}

bool IsVectorKey(std::string_view key) {
  return key.size() == kVectorKeyBytes ||
         (key.size() == kVectorKeyBytes + 1 && SlotOfVectorKey(key) > 0 &&
          SlotOfVectorKey(key) < kMaxSlots);
}

/// Reads families in the order in which they need each other.
class Collector {
 public:
  Collector(const StoreFiles& files, bool everything, std::vector<SalvagedList> inputs)
      : files_(files), everything_(everything) {
    salvage_.inputs = std::move(inputs);
  }

  Salvage Run() {
    CollectMeta();
    CollectSplits();
    CollectSmall();
    CollectIndex();
    CollectVectors();
    CollectLists();
    CollectLengths();
    return std::move(salvage_);
  }

 private:
  template <typename Record, typename Take>
  void Collect(Family family, const Take& take) {
    files_.ForEach(family, everything_, [&](std::string_view key, std::string_view value) {
      const auto record = DecodeRecord<Record>(key, value);
      return record.ok() && take(key, *record);
    });
  }

  void CollectMeta() {
    files_.ForEach(Family::kMeta, everything_, [&](std::string_view key, std::string_view value) {
      if (key == kMetaStoreKey) {
        const auto meta = DecodeRecord<MetaRecord>(key, value);
        if (meta.ok()) salvage_.meta = *meta;
        return meta.ok();
      }
      const auto commit = DecodeRecord<CommitRecord>(key, value);
      if (key != kMetaCommitKey || !commit.ok()) return false;
      if (!salvage_.commit || salvage_.commit->number <= commit->number) salvage_.commit = *commit;
      return true;
    });
    Collect<SpaceRecord>(Family::kSpaces, [&](std::string_view key, const SpaceRecord& record) {
      if (MakeSpaceId(record.identity) != SpaceOfKey(key)) return false;
      salvage_.spaces.try_emplace(SpaceOfKey(key), record);
      return true;
    });
  }

  void CollectSplits() {
    files_.ForEach(Family::kSplits, everything_, [&](std::string_view key, std::string_view value) {
      const std::size_t end = key.find('\0');
      if (end == std::string_view::npos) return TakeSplit(key, value);
      const auto coverage = DecodeRecord<CoverageRecord>(key, value);
      if (!coverage.ok() || key.size() != end + 9) return false;
      auto [at, is_new] = salvage_.coverages.try_emplace(
          {std::string(key.substr(0, end)), SpaceOfKey(key.substr(end + 1))}, *coverage);
      if (!is_new && at->second.updated_micros < coverage->updated_micros) at->second = *coverage;
      return true;
    });
  }

  bool TakeSplit(std::string_view key, std::string_view value) {
    const auto record = DecodeRecord<SplitRecord>(key, value);
    if (!record.ok()) return false;
    SalvagedList& list = salvage_.lists[std::string(key)];
    const auto age = [](const SplitRecord& r) { return std::pair(r.created_micros, r.generation); };
    if (list.record.id == 0 || age(list.record) <= age(*record)) list.record = *record;
    return true;
  }

  void CollectSmall() {
    Collect<FailureRecord>(Family::kFailures,
                           [&](std::string_view key, const FailureRecord& record) {
                             salvage_.failures.insert_or_assign(std::string(key), record);
                             return key.size() == kVectorKeyBytes;
                           });
    Collect<RunRecord>(Family::kRuns, [&](std::string_view key, const RunRecord& record) {
      if (key.size() != 4) return false;
      const auto number = static_cast<std::uint32_t>(ReadBigEndian(key));
      auto [at, is_new] = salvage_.runs.try_emplace(number, record);
      if (!is_new && at->second.updated_micros < record.updated_micros) at->second = record;
      return true;
    });
  }

  void CollectIndex() {
    Collect<IndexRecord>(Family::kIndex, [&](std::string_view key, const IndexRecord& record) {
      if (!IsVectorKey(key)) return false;
      SalvagedText& text = salvage_.texts[std::string(key)];
      if (!text.has_index || text.index.created_micros <= record.created_micros) {
        text.index = record;
      }
      return text.has_index = true;
    });
  }

  void CollectVectors() {
    std::vector<float> values;
    files_.ForEach(Family::kVectors, everything_, [&](std::string_view key, std::string_view v) {
      const auto vector = DecodeVector(key, v);
      if (!IsVectorKey(key) || !vector.ok()) return false;
      const auto space = salvage_.spaces.find(SpaceOfKey(key));
      if (space != salvage_.spaces.end() &&
          vector->dimensions() != space->second.identity.dimensions) {
        return false;
      }
      if (space == salvage_.spaces.end()) {
        salvage_.dimensions[SpaceOfKey(key)] = static_cast<std::uint32_t>(vector->dimensions());
      }
      values.resize(vector->dimensions());
      vector->CopyTo(values);
      return TakeVector(std::string(key), vector->fingerprint, values, ChecksumOf(v));
    });
  }

  bool TakeVector(const std::string& key, const Fingerprint& fingerprint,
                  std::span<const float> values, std::uint64_t checksum) {
    const auto norm = static_cast<float>(L2Norm(values));
    if (!(norm > 0) || !(norm <= std::numeric_limits<float>::max())) return false;
    SalvagedText& text = salvage_.texts[key];
    if (text.has_index && text.index.fingerprint != fingerprint) {
      // Of two texts with one hash in one slot, the index says which counts.
      return false;
    }
    const bool fits = text.has_index && text.index.raw_norm == norm;
    if (text.has_vector && (text.fits || !fits)) return true;
    text.has_vector = true;
    text.fits = fits;
    text.checksum = checksum;
    if (text.has_index) return true;
    text.index.fingerprint = fingerprint;
    text.index.raw_norm = norm;
    return true;
  }

  void CollectLists() {
    std::map<std::pair<std::uint32_t, std::uint32_t>, SalvagedList*> wanted;
    for (auto& [name, list] : salvage_.lists) {
      wanted[{list.record.id, list.record.generation}] = &list;
    }
    std::map<SalvagedList*, std::map<std::uint64_t, DocumentRecord>> rows;
    std::map<std::uint32_t, std::uint32_t> newest;  // Generations that there are rows of.
    Collect<DocumentRecord>(Family::kDocuments, [&](std::string_view key, const DocumentRecord& r) {
      if (key.size() != 16) return false;
      const auto split = static_cast<std::uint32_t>(ReadBigEndian(key.substr(0, 4)));
      const auto generation = static_cast<std::uint32_t>(ReadBigEndian(key.substr(4, 4)));
      newest[split] = std::max(newest[split], generation);
      const auto list = wanted.find({split, generation});
      if (list != wanted.end()) rows[list->second].insert_or_assign(PositionOfDocumentKey(key), r);
      return true;
    });
    for (auto& [name, list] : salvage_.lists) {
      // An older list than there was is no list: the record of the newer one is lost. Its rows
      // alone say so only where records are known to be missing: an ingest that was killed leaves
      // rows of a list that it never published.
      const std::uint32_t generation = list.record.generation;
      if (CoveredGeneration(name) > generation) continue;
      if (everything_ && newest[list.record.id] > generation) continue;
      ListDigest digest;
      for (auto& [position, row] : rows[&list]) {
        if (position != list.documents.size()) break;
        digest.Add(row);
        list.documents.push_back(std::move(row));
      }
      list.whole = list.documents.size() == list.record.documents &&
                   digest.Finish() == list.record.list_sha256;
      if (!list.whole) TakeFromInput(&list);
    }
  }

  /// The newest list of a split that a run has embedded.
  std::uint32_t CoveredGeneration(const std::string& split) const {
    std::uint32_t newest = 0;
    for (const auto& [of, coverage] : salvage_.coverages) {
      if (of.first == split) newest = std::max(newest, coverage.generation);
    }
    return newest;
  }

  /// The list again, if an input makes the very same.
  void TakeFromInput(SalvagedList* list) const {
    list->documents.clear();
    for (const SalvagedList& input : salvage_.inputs) {
      if (input.documents.size() < list->record.documents) continue;
      ListDigest digest;  // Of a split that was ingested with a limit.
      for (std::size_t i = 0; i < list->record.documents; ++i) digest.Add(input.documents[i]);
      if (digest.Finish() != list->record.list_sha256) continue;
      list->documents.assign(
          input.documents.begin(),
          input.documents.begin() + static_cast<std::ptrdiff_t>(list->record.documents));
      list->whole = true;
      return;
    }
  }

  /// An index record also knows how long its text is: lists and texts know it too.
  void CollectLengths() {
    std::map<std::string, std::vector<SalvagedText*>> bare;  // By content hash.
    for (auto& [key, text] : salvage_.texts) {
      if (!text.has_index) bare[key.substr(8, 16)].push_back(&text);
    }
    const auto found = [&](std::string_view hash, const Fingerprint& fingerprint,
                           std::uint64_t length) {
      const auto texts = bare.find(std::string(hash));
      if (texts == bare.end()) return;
      for (SalvagedText* text : texts->second) {
        if (text->has_index || text->index.fingerprint != fingerprint) continue;
        text->index.text_bytes = static_cast<std::uint32_t>(length);
        text->has_index = text->index_is_new = text->fits = true;
      }
    };
    const auto look_in = [&](const SalvagedList& list) {
      for (const DocumentRecord& row : list.documents) {
        const auto& hash = row.text.hash.bytes;
        found({reinterpret_cast<const char*>(hash.data()), hash.size()}, row.text.fingerprint,
              row.text.length);
      }
    };
    for (const auto& [name, list] : salvage_.lists) look_in(list);
    for (const SalvagedList& input : salvage_.inputs) look_in(input);
    files_.ForEach(Family::kTexts, everything_, [&](std::string_view key, std::string_view text) {
      const TextKey name = MakeTextKey(text);
      if (key != TextRecordKey(name)) return false;
      ++salvage_.stored_texts;
      found(key.substr(0, 16), name.fingerprint, name.length);
      return true;
    });
  }

  const StoreFiles& files_;
  const bool everything_;
  Salvage salvage_;
};

}  // namespace

SalvagedText* Salvage::Find(SpaceId space, const TextKey& text) {
  for (std::uint8_t slot = 0; slot < kMaxSlots; ++slot) {
    const auto found = texts.find(VectorKey(space, text.hash, slot));
    if (found != texts.end() && found->second.index.fingerprint == text.fingerprint) {
      return &found->second;
    }
  }
  return nullptr;
}

std::string Salvage::KeyFor(SpaceId space, const TextKey& text) const {
  std::string free;
  for (std::uint8_t slot = 0; slot < kMaxSlots; ++slot) {
    const std::string key = VectorKey(space, text.hash, slot);
    const auto found = texts.find(key);
    if (found == texts.end() && free.empty()) free = key;
    if (found != texts.end() && found->second.index.fingerprint == text.fingerprint) return key;
  }
  return free;
}

Salvage SalvageStore(const StoreFiles& files, bool everything, std::vector<SalvagedList> inputs) {
  return Collector(files, everything, std::move(inputs)).Run();
}

Result<SalvagedList> ReadInput(const Dataset& dataset) {
  auto reader = dataset.Open();
  if (!reader.ok()) return reader.status();
  SalvagedList list;
  ListDigest digest;
  Document document;
  for (;;) {
    const auto more = (*reader)->Next(&document);
    if (!more.ok()) return more.status();
    if (!*more) break;
    DocumentRecord row;
    row.text = MakeTextKey(document.text);
    if (dataset.HasIds()) row.id = document.id;
    if (document.label) row.label = std::string(*document.label);
    digest.Add(row);
    list.documents.push_back(std::move(row));
  }
  list.record.list_sha256 = digest.Finish();
  list.whole = true;
  return list;
}

std::map<std::string, std::string> CloseSlots(const Salvage& salvage) {
  std::map<std::string, std::string> moved;
  std::string hash;
  std::uint8_t next = 0;
  for (const auto& [key, text] : salvage.texts) {
    if (key.substr(0, kVectorKeyBytes) != hash) next = 0;
    hash = key.substr(0, kVectorKeyBytes);
    if (!text.whole()) continue;
    if (SlotOfVectorKey(key) != next) {
      moved[key] = next == 0 ? hash : hash + static_cast<char>(next);
    }
    ++next;
  }
  return moved;
}

}  // namespace embstore
