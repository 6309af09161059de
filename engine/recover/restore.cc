// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/restore.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_set>
#include <utility>

#include "embstore/vector.h"
#include "engine/recover/witness.h"

namespace embstore {
namespace {

constexpr std::size_t kMostNamed = 5;

std::uint64_t LedgerKeyOf(const SalvagedText& text) {
  return LedgerKey({{}, text.index.fingerprint, 0});
}

/// Takes rows of one export for texts without a vector.
class Taking {
 public:
  Taking(const ExportVectors& from, int source, const LedgerPlan& ledger, Salvage* salvage)
      : from_(from), source_(source), ledger_(ledger), salvage_(*salvage) {}

  /// Whether the rows of texts that the store still has are what it has: by their norms, where an
  /// export keeps them.
  Status Compare() {
    return from_.ForEach([&](const TextKey& key, std::span<const float> row) {
      const SalvagedText* const text = salvage_.Find(from_.space, key);
      if (text == nullptr || !text->whole() || text->source >= 0 || from_.normalized) return;
      (NormIs(*text, row) ? equal_ : different_) += 1;
    });
  }

  Status Take(std::uint32_t run, std::int64_t micros) {
    return from_.ForEach([&](const TextKey& key, std::span<const float> row) {
      SalvagedText* text = salvage_.Find(from_.space, key);
      if (text != nullptr && text->has_vector && !text->has_index) {
        // No list knows it, but this table has its text.
        text->index.text_bytes = static_cast<std::uint32_t>(key.length);
        text->index.tokens = TokensOf(key);
        text->has_index = text->index_is_new = true;
      }
      if (text != nullptr && text->whole()) return;
      if (!MayTake(text, row)) {
        ++refused_;
        return;
      }
      if (text == nullptr) {
        const std::string place = salvage_.KeyFor(from_.space, key);
        if (place.empty()) return;
        text = &salvage_.texts[place];
        text->index = {key.fingerprint, static_cast<std::uint32_t>(key.length),
                       TokensOf(key),   static_cast<float>(L2Norm(row)),
                       micros,          run};
        text->has_index = text->index_is_new = true;
      }
      if (from_.normalized) {
        // What nobody knows as bought stays of the run that imported it.
        if (text->index_is_new || IsBought(key)) text->index.run = run;
        if (text->index.tokens == 0) text->index.tokens = TokensOf(key);
        ++rescaled;
      }
      text->has_vector = true;
      text->source = source_;
      ++taken;
    });
  }

  std::uint64_t taken = 0;
  std::uint64_t rescaled = 0;
  std::uint64_t refused() const { return refused_; }

 private:
  static bool NormIs(const SalvagedText& text, std::span<const float> row) {
    return static_cast<float>(L2Norm(row)) == text.index.raw_norm;
  }

  /// An export whose list is not proved is believed row by row, where the index knows the norm, and
  /// only if no other row says otherwise.
  bool MayTake(const SalvagedText* text, std::span<const float> row) const {
    if (text != nullptr && text->has_index && !from_.normalized && !NormIs(*text, row)) {
      return false;
    }
    if (from_.proved) return true;
    return text != nullptr && text->has_index && !from_.normalized &&
           NormTells(text->index.raw_norm) && different_ == 0 && equal_ > 0;
  }

  /// Where a model answers with unit length, all vectors have the same norm.
  static bool NormTells(float norm) { return std::abs(norm - 1.0F) > 1e-3F; }

  /// Nothing: as far as anybody knows it was not paid for.
  const BoughtText* Purchase(const TextKey& key) const {
    const auto space = ledger_.bought.find(from_.space);
    if (space == ledger_.bought.end()) return nullptr;
    const auto found = space->second.find(LedgerKey(key));
    return found == space->second.end() ? nullptr : &found->second;
  }
  bool IsBought(const TextKey& key) const { return Purchase(key) != nullptr; }

  std::uint32_t TokensOf(const TextKey& key) const {
    const BoughtText* const purchase = Purchase(key);
    return purchase == nullptr ? 0 : static_cast<std::uint32_t>(purchase->tokens);
  }

  const ExportVectors& from_;
  const int source_;
  const LedgerPlan& ledger_;
  Salvage& salvage_;
  std::uint64_t equal_ = 0;
  std::uint64_t different_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

Status TakeFromExports(const std::vector<std::unique_ptr<ExportVectors>>& exports,
                       const LedgerPlan& ledger, std::int64_t micros, Salvage* salvage,
                       RecoverReport* report) {
  // Those that keep the numbers as they came go first.
  for (const bool normalized : {false, true}) {
    for (std::size_t i = 0; i < exports.size(); ++i) {
      const ExportVectors& from = *exports[i];
      if (from.normalized != normalized) continue;
      const std::uint32_t run = salvage->runs.empty() ? 1 : salvage->runs.rbegin()->first + 1;
      Taking taking(from, static_cast<int>(i), ledger, salvage);
      Status taken = taking.Compare();
      if (taken.ok()) taken = taking.Take(run, micros);
      if (!taken.ok()) {
        report->remarks.push_back(taken.message() + ": it is not used");
        for (auto& [key, text] : salvage->texts) {
          if (text.source == static_cast<int>(i)) text.has_vector = false;
        }
        continue;
      }
      if (taking.refused() > 0) {
        report->remarks.push_back("'" + from.name + "': " + std::to_string(taking.refused()) +
                                  " rows are not used, for nothing proves that they are of the "
                                  "texts that the store has now");
      }
      if (taking.taken == 0) continue;
      salvage->spaces.try_emplace(from.space, from.space_record);
      RunRecord record;
      record.split = from.split;
      record.space = from.space;
      record.started_micros = record.updated_micros = micros;
      record.embedded = taking.taken;
      record.outcome = "complete";
      record.source = std::string(kRecoveredFrom) + from.name + "'" +
                      (normalized ? ", scaled back from unit length" : "");
      salvage->runs[run] = std::move(record);
      report->sources.push_back({from.name, taking.taken, taking.rescaled});
    }
  }
  return {};
}

LostKeys FindLost(const Salvage& salvage, const LedgerPlan& ledger, RecoverReport* report) {
  std::map<SpaceId, std::unordered_set<std::uint64_t>> present;
  std::map<SpaceId, std::map<std::uint64_t, std::uint64_t>> tokens;  // By the index.
  std::map<SpaceId, std::set<std::uint64_t>> unpaid;
  for (const auto& [key, text] : salvage.texts) {
    const SpaceId space = SpaceOfKey(key);
    if (text.whole()) {
      present[space].insert(LedgerKeyOf(text));
    } else if (text.has_index) {
      tokens[space][LedgerKeyOf(text)] = text.index.tokens;
      unpaid[space].insert(LedgerKeyOf(text));
    }
  }
  LostKeys lost;
  for (const auto& [id, bought] : ledger.bought) {
    RecoverReport::Loss loss;
    loss.id = id;
    const auto space = salvage.spaces.find(id);
    if (space != salvage.spaces.end()) {
      loss.space = space->second;
    } else if (const auto model = ledger.models.find(id); model != ledger.models.end()) {
      loss.space.identity.model = model->second.first;
      loss.space.provider = model->second.second;
    }
    if (const auto dropped = ledger.dropped.find(id); dropped != ledger.dropped.end()) {
      for (const auto& [key, text] : dropped->second) unpaid[id].erase(key);
    }
    for (const auto& [key, purchase] : bought) {
      unpaid[id].erase(key);
      if (present[id].contains(key)) continue;
      lost[id].push_back(key);
      const auto known = tokens[id].find(key);
      loss.tokens += known == tokens[id].end() ? purchase.tokens : known->second;
    }
    if (lost[id].empty()) continue;
    std::vector<std::uint64_t>& keys = lost[id];
    std::sort(keys.begin(), keys.end());
    loss.texts = keys.size();
    for (const auto& [name, list] : salvage.lists) {
      for (std::size_t at = 0; at < list.documents.size(); ++at) {
        if (loss.documents.size() == kMostNamed) break;
        const DocumentRecord& row = list.documents[at];
        if (!std::binary_search(keys.begin(), keys.end(), LedgerKey(row.text))) continue;
        loss.documents.push_back(name + "/" + (row.id.empty() ? std::to_string(at) : row.id));
      }
    }
    report->lost.push_back(std::move(loss));
  }
  for (const auto& [id, keys] : unpaid) report->lost_unpaid += keys.size();
  std::erase_if(lost, [](const auto& space) { return space.second.empty(); });
  return lost;
}

}  // namespace embstore
