// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/new_store.h"

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "engine/record/vector_record.h"
#include "engine/store/store_builder.h"
#include "engine/store/vector_records.h"

namespace embstore {
namespace {

/// Puts records one after the other; remembers the first error. Not thread-safe; one thread at a
/// time.
class Writing {
 public:
  Writing(const NewStore& store, StoreBuilder* builder)
      : store_(store), salvage_(store.salvage), builder_(*builder), moved_(CloseSlots(salvage_)) {}

  Status Run() {
    WriteSmall();
    WriteTexts();
    WriteInputTexts();
    WriteVectors();
    WriteExported();
    WriteLists();
    if (!status_.ok()) return status_;
    if (written_.size() != planned_) {
      return {Code::kInternal, "the new store has " + std::to_string(written_.size()) +
                                   " vectors and not " + std::to_string(planned_) +
                                   "; nothing was changed"};
    }
    return builder_.Finish();
  }

 private:
  void Put(Family family, std::string_view key, std::string_view value) {
    if (status_.ok()) status_ = builder_.Put(family, key, value);
  }

  template <typename Record>
  void PutRecord(Family family, std::string_view key, const Record& record) {
    Put(family, key, EncodeRecord(key, record));
  }

  void WriteSmall() {
    PutRecord(Family::kMeta, kMetaStoreKey, store_.meta);
    PutRecord(Family::kMeta, kMetaCommitKey, store_.commit);
    for (const auto& [id, space] : salvage_.spaces) {
      PutRecord(Family::kSpaces, SpaceKey(id), space);
    }
    for (const auto& [key, text] : salvage_.texts) {
      if (!text.whole()) continue;
      PutRecord(Family::kIndex, NewKey(key), text.index);
      sources_.insert(text.source);
      ++planned_;
    }
    for (const auto& [number, run] : salvage_.runs) {
      PutRecord(Family::kRuns, RunKey(number), run);
    }
    for (const auto& [key, failure] : salvage_.failures) {
      const auto text = salvage_.texts.find(key);
      const bool has_vector = text != salvage_.texts.end() && text->second.whole();
      if (has_vector || !salvage_.spaces.contains(SpaceOfKey(key))) continue;
      PutRecord(Family::kFailures, key, failure);
    }
  }

  const std::string& NewKey(const std::string& key) const {
    const auto moved = moved_.find(key);
    return moved == moved_.end() ? key : moved->second;
  }

  void WriteTexts() {
    store_.files.ForEach(Family::kTexts, store_.everything,
                         [&](std::string_view key, std::string_view text) {
                           const bool proved = key == TextRecordKey(MakeTextKey(text));
                           if (proved) Put(Family::kTexts, key, text);
                           return proved;
                         });
  }

  /// Texts that the files may have lost.
  void WriteInputTexts() {
    for (const Dataset* input : store_.inputs) {
      if (status_.ok()) status_ = WriteTextsOf(*input);
    }
  }

  Status WriteTextsOf(const Dataset& input) {
    const auto reader = input.Open();
    if (!reader.ok()) return reader.status();
    Document document;
    while (status_.ok()) {
      const auto more = (*reader)->Next(&document);
      if (!more.ok()) return more.status();
      if (!*more) break;
      Put(Family::kTexts, TextRecordKey(MakeTextKey(document.text)), document.text);
    }
    return status_;
  }

  void PutVector(const std::string& key, const Fingerprint& fingerprint,
                 std::span<const float> values) {
    if (!written_.insert(key).second) return;
    const VectorRecords records = records_.Make(NewKey(key), fingerprint, values);
    Put(Family::kVectors, records.key, records.vector);
    Put(Family::kSketches, records.key, records.sketch);
  }

  void WriteVectors() {
    std::vector<float> values;
    store_.files.ForEach(Family::kVectors, store_.everything,
                         [&](std::string_view key, std::string_view value) {
                           const auto vector = DecodeVector(key, value);
                           if (!vector.ok()) return false;
                           const auto text = salvage_.texts.find(std::string(key));
                           std::uint64_t checksum = 0;
                           std::memcpy(&checksum, value.data(), sizeof checksum);
                           if (text == salvage_.texts.end() || !text->second.whole() ||
                               text->second.source >= 0 || text->second.checksum != checksum) {
                             return true;
                           }
                           values.resize(vector->dimensions());
                           vector->CopyTo(values);
                           PutVector(text->first, vector->fingerprint, values);
                           return true;
                         });
  }

  void WriteExported() {
    for (std::size_t i = 0; i < store_.exports.size() && status_.ok(); ++i) {
      if (!sources_.contains(static_cast<int>(i))) continue;
      const ExportVectors& from = *store_.exports[i];
      const Status read = from.ForEach([&](const TextKey& key, std::span<const float> row) {
        const auto text = salvage_.texts.find(salvage_.KeyFor(from.space, key));
        if (text == salvage_.texts.end() || text->second.source != static_cast<int>(i)) return;
        PutVector(text->first, key.fingerprint, StoredVector(from, text->second, row));
      });
      if (status_.ok()) status_ = read;
    }
  }

  void WriteLists() {
    for (const auto& [name, list] : salvage_.lists) {
      if (!list.whole) continue;
      PutRecord(Family::kSplits, name, list.record);
      WriteDocuments(list);
      for (const auto& [of, coverage] : salvage_.coverages) {
        if (of.first == name && salvage_.spaces.contains(of.second)) {
          WriteCoverage(name, of.second, list, coverage);
        }
      }
    }
  }

  void WriteDocuments(const SalvagedList& list) {
    const SplitRecord& split = list.record;
    std::string position_bytes;
    for (std::size_t position = 0; position < list.documents.size(); ++position) {
      const DocumentRecord& row = list.documents[position];
      PutRecord(Family::kDocuments, DocumentKey(split.id, split.generation, position), row);
      if (row.id.empty()) continue;
      position_bytes.clear();
      AppendBigEndian(position, 8, &position_bytes);
      Put(Family::kDocumentIds, DocumentIdKey(split.id, split.generation, row.id), position_bytes);
    }
  }

  void WriteCoverage(const std::string& name, SpaceId space, const SalvagedList& list,
                     CoverageRecord coverage) {
    coverage.generation = list.record.generation;
    coverage.embedded = 0;
    for (const DocumentRecord& row : list.documents) {
      const auto text = salvage_.texts.find(salvage_.KeyFor(space, row.text));
      if (text != salvage_.texts.end() && text->second.whole()) ++coverage.embedded;
    }
    coverage.complete = coverage.embedded == list.documents.size();
    PutRecord(Family::kSplits, CoverageKey(name, space), coverage);
  }

  const NewStore& store_;
  const Salvage& salvage_;
  StoreBuilder& builder_;
  const std::map<std::string, std::string> moved_;
  VectorRecordMaker records_;
  std::set<std::string> written_;
  std::set<int> sources_;  // Of all whole texts.
  std::size_t planned_ = 0;
  Status status_;
};

}  // namespace

Status WriteNewStore(const NewStore& store, const std::filesystem::path& database) {
  auto builder = StoreBuilder::Create(database);
  if (!builder.ok()) return builder.status();
  return Writing(store, builder->get()).Run();
}

}  // namespace embstore
