// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/witness.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "engine/ingest/job_files.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnpaidProvider = "local";
constexpr std::size_t kMostKeys = 1'000'000;  // Of one entry.
constexpr std::uint32_t kBytesPerToken = 4;

__extension__ using Wide = __int128;

using StoredTexts = std::map<SpaceId, std::map<std::uint64_t, const SalvagedText*>>;

std::uint64_t LedgerKeyOf(const SalvagedText& text) {
  return LedgerKey({{}, text.index.fingerprint, 0});
}

/// By what the store says of it. Of a run that took it from an export it has tokens if the ledger
/// knew it as bought then.
bool WasPaid(const Salvage& salvage, SpaceId id, const SalvagedText& text) {
  if (!text.has_index) return false;
  const auto space = salvage.spaces.find(id);
  if (space != salvage.spaces.end() && space->second.provider == kUnpaidProvider) return false;
  const auto run = salvage.runs.find(text.index.run);
  if (run == salvage.runs.end() || run->second.source.empty()) return true;
  return run->second.source.starts_with(kRecoveredFrom) && text.index.tokens > 0;
}

StoredTexts PaidTexts(const Salvage& salvage) {
  StoredTexts paid;
  for (const auto& [key, text] : salvage.texts) {
    const SpaceId id = SpaceOfKey(key);
    if (WasPaid(salvage, id, text)) paid[id].emplace(LedgerKeyOf(text), &text);
  }
  return paid;
}

/// Whether this request, and none with an end that began later, brought the text.
bool IsOfRequest(const SalvagedText& text, const RequestIntent& intent, const BoughtText* bought) {
  const bool is_dated = text.index.created_micros != 0;
  if (is_dated && text.index.created_micros < intent.micros) return false;
  return bought == nullptr || (is_dated && bought->micros < intent.micros);
}

bool HasFile(const fs::path& directory, std::uint64_t number, const RequestIntent& intent) {
  std::error_code error;
  if (!intent.batch) return fs::exists(QuarantinePath(directory, number), error);
  JobRecord job;
  job.display_name = intent.display_name;
  return fs::exists(JobInputPath(directory, job), error);
}

/// What is known of prices, the surest first.
class Prices {
 public:
  Prices(const std::vector<LedgerEntry>& entries, const Salvage& salvage,
         const PriceLookup& price_of)
      : salvage_(salvage), price_of_(price_of) {
    for (const auto& [number, run] : salvage.runs) Learn(run.space, BillOf(run));
    for (const LedgerEntry& entry : entries) {
      const auto* request = std::get_if<RequestEntry>(&entry);
      if (request != nullptr) Learn(request->intent.space, request->intent.price);
    }
  }

  /// What the tokens of a run cost by its own bill; zero: there is none.
  static Price BillOf(const RunRecord& run) {
    if (run.tokens == 0) return {};
    return {
        static_cast<std::int64_t>(Wide{run.cost.nano_usd} * 1000 / static_cast<Wide>(run.tokens))};
  }

  std::optional<Price> Estimate(SpaceId id) const {
    const auto known = by_space_.find(id);
    if (known != by_space_.end()) return known->second;
    const auto space = salvage_.spaces.find(id);
    if (space == salvage_.spaces.end() || !price_of_) return std::nullopt;
    return price_of_(space->second);
  }

 private:
  void Learn(SpaceId space, Price price) {
    if (price > Price()) by_space_[space] = price;
  }

  const Salvage& salvage_;
  const PriceLookup& price_of_;
  std::map<SpaceId, Price> by_space_;
};

/// Texts of one space and run that only the store says were paid for.
struct Purchase {
  std::vector<std::uint64_t> keys;
  std::uint64_t tokens = 0;
  std::uint64_t estimated = 0;  // Texts.
};
using Purchases = std::map<std::pair<SpaceId, std::uint32_t>, Purchase>;

/// Where a text may be explained by entries.
struct Explained {
  explicit Explained(const std::vector<LedgerEntry>& entries)
      : bought(BoughtIn(entries)), dropped(DroppedIn(entries)) {
    for (const auto& [number, intent] : OpenRequests(entries)) {
      for (const std::uint64_t key : intent->keys) {
        auto& begun = open[intent->space].try_emplace(key, intent->micros).first->second;
        begun = std::min(begun, intent->micros);
      }
    }
  }

  bool Knows(SpaceId id, const SalvagedText& text) const {
    const std::uint64_t key = LedgerKeyOf(text);
    if (const auto* known = Find(bought, id, key); known != nullptr) return true;
    const std::int64_t created = text.index.created_micros;
    const auto* begun = Find(open, id, key);
    if (begun != nullptr && (created == 0 || created >= *begun)) return true;
    // What gc dropped may lie in old files still; bought again later, it is younger.
    const auto* gone = Find(dropped, id, key);
    return gone != nullptr && created <= gone->micros && (gone->was_bought || !text.has_vector);
  }

  template <typename Texts>
  static auto Find(const std::map<SpaceId, Texts>& spaces, SpaceId id, std::uint64_t key) -> const
      typename Texts::mapped_type* {
    const auto space = spaces.find(id);
    if (space == spaces.end()) return nullptr;
    const auto found = space->second.find(key);
    return found == space->second.end() ? nullptr : &found->second;
  }

  std::map<SpaceId, BoughtTexts> bought;
  std::map<SpaceId, DroppedTexts> dropped;
  std::map<SpaceId, std::map<std::uint64_t, std::int64_t>> open;  // When the first one began.
};

Purchases FindPurchases(const std::vector<LedgerEntry>& entries, const Salvage& salvage) {
  const Explained explained(entries);
  Purchases found;
  for (const auto& [key, text] : salvage.texts) {
    const SpaceId id = SpaceOfKey(key);
    if (!WasPaid(salvage, id, text) || explained.Knows(id, text)) continue;
    Purchase& purchase = found[{id, text.index.run}];
    purchase.keys.push_back(LedgerKeyOf(text));
    const bool is_estimate = text.index.tokens == 0;
    purchase.estimated += is_estimate ? 1 : 0;
    purchase.tokens += is_estimate ? text.index.text_bytes / kBytesPerToken + 1 : text.index.tokens;
  }
  return found;
}

}  // namespace

std::map<std::uint64_t, StoredPart> FindStoredParts(const fs::path& directory,
                                                    const std::vector<LedgerEntry>& entries,
                                                    const Salvage& salvage) {
  const auto open = OpenRequests(entries);
  if (open.empty()) return {};
  const auto bought = BoughtIn(entries);
  const StoredTexts paid = PaidTexts(salvage);
  std::map<std::uint64_t, StoredPart> parts;
  std::set<const SalvagedText*> taken;  // A text came once: by the last request that can have it.
  for (auto at = open.rbegin(); at != open.rend(); ++at) {
    const auto& [number, intent] = *at;
    if (HasFile(directory, number, *intent)) continue;
    StoredPart part;
    for (const std::uint64_t key : intent->keys) {
      const auto* text = Explained::Find(paid, intent->space, key);
      const auto* known = Explained::Find(bought, intent->space, key);
      const bool is_stored =
          text != nullptr && IsOfRequest(**text, *intent, known) && taken.insert(*text).second;
      part.texts += is_stored ? 1 : 0;
      if (!is_stored) part.not_stored.push_back(key);
    }
    if (part.texts == 0) continue;
    part.all = intent->batch || part.not_stored.empty();
    parts[number] = std::move(part);
  }
  return parts;
}

LostPurchases FindLostPurchases(const std::vector<LedgerEntry>& entries, const Salvage& salvage,
                                const PriceLookup& price_of, std::int64_t micros) {
  const Prices prices(entries, salvage, price_of);
  LostPurchases lost;
  for (const auto& [of, purchase] : FindPurchases(entries, salvage)) {
    RequestIntent intent;
    intent.space = of.first;
    intent.run = of.second;
    intent.micros = micros;
    if (const auto run = salvage.runs.find(of.second); run != salvage.runs.end()) {
      intent.micros = run->second.started_micros;
      intent.split = run->second.split;
      intent.price = Prices::BillOf(run->second);
    }
    if (const auto space = salvage.spaces.find(of.first); space != salvage.spaces.end()) {
      intent.model = space->second.identity.model;
      intent.provider = space->second.provider;
    }
    lost.estimated += intent.price > Price() ? purchase.estimated : purchase.keys.size();
    if (intent.price == Price()) {
      const auto price = prices.Estimate(of.first);
      lost.unpriced += price ? 0 : purchase.keys.size();
      intent.price = price.value_or(Price());
    }
    for (std::size_t at = 0; at < purchase.keys.size(); at += kMostKeys) {
      const std::size_t count = std::min(kMostKeys, purchase.keys.size() - at);
      const auto begin = purchase.keys.begin() + static_cast<std::ptrdiff_t>(at);
      WitnessedRequest request{
          intent, static_cast<std::uint64_t>(Wide{purchase.tokens} * count / purchase.keys.size())};
      request.intent.tokens = request.tokens;
      request.intent.keys.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
      lost.requests.push_back(std::move(request));
    }
  }
  return lost;
}

}  // namespace embstore
