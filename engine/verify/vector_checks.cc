// SPDX-License-Identifier: Apache-2.0
// The index, the vectors and their sketches, walked side by side.
#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "engine/ledger/ledger.h"
#include "engine/record/sketch_record.h"
#include "engine/record/vector_record.h"
#include "engine/sketch/sketch.h"
#include "engine/verify/checks.h"

namespace embstore {
namespace {

constexpr std::size_t kKeyBytes = 24;
constexpr int kForgivenBits = 4;

class VectorCheck {
 public:
  VectorCheck(const RawStore& store, Findings* findings)
      : findings_(*findings),
        index_(store, Family::kIndex),
        vectors_(store, Family::kVectors),
        sketches_(store, Family::kSketches) {}

  void Run() {
    while (index_.Valid() || vectors_.Valid()) {
      const int order = !index_.Valid()     ? 1
                        : !vectors_.Valid() ? -1
                                            : index_.key().compare(vectors_.key());
      if (order <= 0) CheckIndex();
      if (order < 0) ReportMissingVector();
      if (order > 0) ReportMissingIndex();
      const bool is_whole = order == 0 && CheckVector();
      CheckSketch(order < 0 ? index_.key() : vectors_.key(), is_whole);
      if (order <= 0) Advance(&index_);
      if (order >= 0) Advance(&vectors_);
    }
    findings_.AddGaps(Family::kIndex, index_);
    for (; sketches_.Valid(); Advance(&sketches_)) ReportStraySketch();
    findings_.AddGaps(Family::kVectors, vectors_);
    findings_.AddGaps(Family::kSketches, sketches_);
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

  /// Afterwards values_ are the vector's, if it is whole.
  bool CheckVector() {
    ++findings_.report.checked.vectors;
    const std::string_view key = vectors_.key();
    const auto vector = DecodeVector(key, vectors_.value());
    if (!vector.ok()) {
      findings_.AddVector(Family::kVectors, key, vector.status().message());
      return false;
    }
    if (record_ && vector->fingerprint != record_->fingerprint) {
      findings_.AddVector(Family::kVectors, key, "index and vector are of different texts");
      return false;
    }
    if (space_ != nullptr && vector->dimensions() != space_->record.identity.dimensions) {
      findings_.AddVector(Family::kVectors, key,
                          "it has " + std::to_string(vector->dimensions()) + " dimensions, not " +
                              std::to_string(space_->record.identity.dimensions));
      return false;
    }
    values_.resize(vector->dimensions());
    vector->CopyTo(values_);
    // A sum of magnitudes is not finite exactly when one of them is not, or near float's end.
    float sum = 0;
    for (const float value : values_) sum += std::fabs(value) * 0x1p-32F;
    if (std::isfinite(sum)) return true;
    findings_.AddVector(Family::kVectors, key, "it has values that are not finite");
    return false;
  }

  /// The sketch under `key`, which is that of values_ if these are whole.
  void CheckSketch(std::string_view key, bool is_whole) {
    for (; sketches_.Valid() && sketches_.key() < key; Advance(&sketches_)) ReportStraySketch();
    if (sketches_.Valid() && sketches_.key() == key) {
      if (is_whole) CompareSketch(key);
      Advance(&sketches_);
    } else if (is_whole && findings_.meta && findings_.meta->has_sketches &&
               !sketches_.MayHide(key)) {
      AddSketch(key, "the vector has no sketch");
    }
  }

  void CompareSketch(std::string_view key) {
    const Sketcher& sketcher =
        sketchers_.try_emplace(values_.size(), static_cast<std::uint32_t>(values_.size()))
            .first->second;
    const auto stored = DecodeSketch(key, sketches_.value(), sketcher.bytes());
    if (!stored.ok()) {
      AddSketch(key, stored.status().message());
      return;
    }
    expected_.resize(sketcher.bytes());
    sketcher.Sketch(values_, expected_);
    int different = 0;
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      different += std::popcount(static_cast<std::uint8_t>(expected_[i] ^ (*stored)[i]));
    }
    // Another machine may have rounded a coordinate near 0 to the other side.
    if (different > kForgivenBits) AddSketch(key, "the sketch is not that of its vector");
  }

  void ReportStraySketch() {
    if (vectors_.MayHide(sketches_.key())) return;
    AddSketch(sketches_.key(), "a sketch is there without its vector");
  }

  void AddSketch(std::string_view key, const std::string& what) {
    findings_.AddDamage("sketch", RecordPlace(Family::kSketches, key), what,
                        "searching may miss this vector unless it compares with all; everything "
                        "else works: 'embstore recover' makes it again");
  }

  Findings& findings_;
  FamilyCursor index_;
  FamilyCursor vectors_;
  FamilyCursor sketches_;
  std::uint64_t damaged_index_ = 0;
  std::string previous_;  // Key of the index before.
  std::optional<IndexRecord> record_;
  Findings::Space* space_ = nullptr;
  std::vector<float> values_;
  std::map<std::size_t, Sketcher> sketchers_;  // By dimensions.
  std::vector<std::uint8_t> expected_;
};

}  // namespace

void CheckVectors(const RawStore& store, Findings* findings) { VectorCheck(store, findings).Run(); }

}  // namespace embstore
