// SPDX-License-Identifier: Apache-2.0
// The index and the vectors, walked side by side.
#include <algorithm>
#include <cmath>

#include "engine/ledger/ledger.h"
#include "engine/record/vector_record.h"
#include "engine/verify/checks.h"

namespace embstore {
namespace {

constexpr std::size_t kKeyBytes = 24;

class VectorCheck {
 public:
  VectorCheck(const RawStore& store, Findings* findings)
      : findings_(*findings), index_(store, Family::kIndex), vectors_(store, Family::kVectors) {}

  void Run() {
    while (index_.Valid() || vectors_.Valid()) {
      const int order = !index_.Valid()     ? 1
                        : !vectors_.Valid() ? -1
                                            : index_.key().compare(vectors_.key());
      if (order <= 0) CheckIndex();
      if (order < 0) ReportMissingVector();
      if (order > 0) ReportMissingIndex();
      if (order == 0) CheckVector();
      if (order <= 0) Advance(&index_);
      if (order >= 0) Advance(&vectors_);
    }
    findings_.AddGaps(Family::kIndex, index_);
    findings_.AddGaps(Family::kVectors, vectors_);
    findings_.index_is_whole = index_.gaps().empty() && damaged_index_ == 0;
    for (auto& [id, space] : findings_.spaces) {
      std::sort(space.present.begin(), space.present.end());
    }
  }

 private:
  void Advance(FamilyCursor* cursor) {
    ++findings_.report.checked.records;
    findings_.Progress("vectors", cursor->key().size() + cursor->value().size());
    cursor->Next();
  }

  /// Afterwards record_ and space_ are what stands under the key of the index, or nothing.
  void CheckIndex() {
    const std::string_view key = index_.key();
    record_.reset();
    space_ = nullptr;
    if (!HasSlot(key)) {
      findings_.AddRecord(Family::kIndex, key,
                          "its place is impossible: the slot before it is empty, so its text is "
                          "not found",
                          "vector");
    }
    previous_.assign(key);
    auto record = DecodeRecord<IndexRecord>(key, index_.value());
    if (!record.ok()) {
      ++damaged_index_;
      findings_.AddVector(Family::kIndex, key, record.status().message());
      return;
    }
    record_ = *record;
    if (key.size() < kKeyBytes) return;
    const auto space = findings_.spaces.find(SpaceOfKey(key.substr(0, 8)));
    if (space == findings_.spaces.end()) {
      findings_.AddVector(Family::kIndex, key, "its space is not in the store");
      return;
    }
    space_ = &space->second;
    space_->tokens += record_->tokens;
    ++space_->vectors;
    space_->present.push_back(LedgerKey({{}, record_->fingerprint, 0}));
  }

  /// Slots of one hash have no holes: a reader stops at the first empty one.
  bool HasSlot(std::string_view key) const {
    if (key.size() == kKeyBytes) return true;
    if (key.size() != kKeyBytes + 1 || key.back() == 0 || key.back() >= kMaxSlots) return false;
    std::string before(key);
    if (--before.back() == 0) before.pop_back();
    return previous_ == before || index_.MayHide(before);
  }

  void ReportMissingVector() {
    findings_.AddVector(Family::kVectors, index_.key(),
                        vectors_.MayHide(index_.key())
                            ? "the vector lies in a block that cannot be read"
                            : "the index names a vector that is not there");
  }

  void ReportMissingIndex() {
    if (index_.MayHide(vectors_.key())) return;  // The block is named, and the vector is there.
    findings_.AddVector(Family::kIndex, vectors_.key(), "a vector is there that the index lacks");
  }

  void CheckVector() {
    ++findings_.report.checked.vectors;
    const std::string_view key = vectors_.key();
    const auto vector = DecodeVector(key, vectors_.value());
    if (!vector.ok()) {
      findings_.AddVector(Family::kVectors, key, vector.status().message());
      return;
    }
    if (record_ && vector->fingerprint != record_->fingerprint) {
      findings_.AddVector(Family::kVectors, key, "index and vector are of different texts");
      return;
    }
    if (space_ != nullptr && vector->dimensions() != space_->record.identity.dimensions) {
      findings_.AddVector(Family::kVectors, key,
                          "it has " + std::to_string(vector->dimensions()) + " dimensions, not " +
                              std::to_string(space_->record.identity.dimensions));
      return;
    }
    values_.resize(vector->dimensions());
    vector->CopyTo(values_);
    // A sum of magnitudes is not finite exactly when one of them is not, or near float's end.
    float sum = 0;
    for (const float value : values_) sum += std::fabs(value) * 0x1p-32F;
    if (!std::isfinite(sum)) {
      findings_.AddVector(Family::kVectors, key, "it has values that are not finite");
    }
  }

  Findings& findings_;
  FamilyCursor index_;
  FamilyCursor vectors_;
  std::uint64_t damaged_index_ = 0;
  std::string previous_;  // Key of the index before.
  std::optional<IndexRecord> record_;
  Findings::Space* space_ = nullptr;
  std::vector<float> values_;
};

}  // namespace

void CheckVectors(const RawStore& store, Findings* findings) { VectorCheck(store, findings).Run(); }

}  // namespace embstore
