// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/ledger_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/recover/lost_jobs.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_ledger.h"

namespace embstore {
namespace {

constexpr std::string_view kUnpaidProvider = "local";
constexpr std::size_t kMostKeys = 1'000'000;  // Of one entry.

__extension__ using Wide = __int128;

/// What the tokens of a run cost by its own bill.
Price PriceOf(const RunRecord& run) {
  if (run.tokens == 0) return {};
  return {
      static_cast<std::int64_t>(Wide{run.cost.nano_usd} * 1000 / static_cast<Wide>(run.tokens))};
}

/// Texts of one space and run that only the store says were paid for.
struct Unwitnessed {
  std::vector<std::uint64_t> keys;
  std::uint64_t tokens = 0;
};
using UnwitnessedByRun = std::map<std::pair<SpaceId, std::uint32_t>, Unwitnessed>;

UnwitnessedByRun FindUnwitnessed(const Salvage& salvage,
                                 const std::map<SpaceId, BoughtTexts>& bought) {
  UnwitnessedByRun found;
  for (const auto& [key, text] : salvage.texts) {
    if (!text.has_index) continue;
    const SpaceId id = SpaceOfKey(key);
    const auto space = salvage.spaces.find(id);
    if (space != salvage.spaces.end() && space->second.provider == kUnpaidProvider) continue;
    const auto run = salvage.runs.find(text.index.run);
    if (run != salvage.runs.end() && !run->second.source.empty()) continue;  // An import.
    const auto known = bought.find(id);
    const std::uint64_t name = LedgerKey({{}, text.index.fingerprint, 0});
    if (known != bought.end() && known->second.contains(name)) continue;
    Unwitnessed& texts = found[{id, text.index.run}];
    texts.keys.push_back(name);
    texts.tokens += text.index.tokens;
  }
  return found;
}

std::vector<WitnessedRequest> RequestsFor(const UnwitnessedByRun& unwitnessed,
                                          const Salvage& salvage, std::int64_t micros) {
  std::vector<WitnessedRequest> requests;
  for (const auto& [of, texts] : unwitnessed) {
    const auto run = salvage.runs.find(of.second);
    const auto space = salvage.spaces.find(of.first);
    for (std::size_t at = 0; at < texts.keys.size(); at += kMostKeys) {
      const std::size_t count = std::min(kMostKeys, texts.keys.size() - at);
      WitnessedRequest request;
      request.tokens = static_cast<std::uint64_t>(Wide{texts.tokens} * count / texts.keys.size());
      RequestIntent& intent = request.intent;
      intent.run = of.second;
      intent.space = of.first;
      intent.tokens = request.tokens;
      intent.micros = run == salvage.runs.end() ? micros : run->second.started_micros;
      if (run != salvage.runs.end()) {
        intent.split = run->second.split;
        intent.price = PriceOf(run->second);
      }
      if (space != salvage.spaces.end()) {
        intent.model = space->second.identity.model;
        intent.provider = space->second.provider;
      }
      intent.keys.assign(texts.keys.begin() + static_cast<std::ptrdiff_t>(at),
                         texts.keys.begin() + static_cast<std::ptrdiff_t>(at + count));
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

/// Whether the commit that only the store knows fits behind the ledger.
bool CanCatchUp(const SalvagedLedger& salvaged, const CommitRecord& commit, std::int64_t micros) {
  std::vector<LedgerEntry> entries = salvaged.entries;
  entries.emplace_back(CommitEntry{commit.number, commit.shares});
  const RebuiltLedger tried =
      RebuildLedger(entries, salvaged.header->start, {}, {}, commit.number, micros);
  const auto* const last =
      tried.entries.empty() ? nullptr : std::get_if<CommitEntry>(&tried.entries.back());
  return last != nullptr && last->number == commit.number &&
         last->shares.size() == commit.shares.size();
}

bool WasUsed(const Salvage& salvage) {
  if (salvage.meta && !salvage.meta->has_ledger) return false;
  return !salvage.spaces.empty() || (salvage.commit && salvage.commit->number > 0);
}

/// Whether the ledger can stay as it is; then the store's commit record is made to agree with it.
Result<bool> Stays(const std::filesystem::path& directory, const SalvagedLedger& salvaged,
                   const Salvage& salvage, std::int64_t micros, LedgerPlan* plan) {
  const std::string store_id = salvage.meta ? salvage.meta->store_id : "";
  const auto ledger = Ledger::Open(LedgerPath(directory), store_id, /*read_only=*/true);
  if (ledger.code() == Code::kIncompatible && salvaged.header && !store_id.empty() &&
      salvaged.header->store_id != store_id) {
    return Status(Code::kCorruption,
                  "store and ledger in '" + directory.string() +
                      "' belong to two different stores; nothing was changed: put the right one "
                      "of them back, or move the wrong one away and run 'embstore recover' again");
  }
  if (!ledger.ok()) return false;
  const LedgerPosition position = (*ledger)->position();
  plan->commit = salvage.commit.value_or(CommitRecord());
  plan->store_is_behind =
      position.commit > plan->commit.number || position.charges > plan->commit.charges;
  if (plan->commit.charges > position.charges + 1) return false;
  if (plan->commit.charges == position.charges + 1) {
    return CanCatchUp(salvaged, plan->commit, micros);
  }
  plan->commit = {std::max(plan->commit.number, position.commit), position.charges, {}};
  return true;
}

/// Whether a job is open whose end the ledger must have known: it was cut, or put back.
bool HasForgottenEnds(const std::filesystem::path& directory,
                      const std::vector<LedgerEntry>& entries, const Salvage& salvage) {
  const auto doubts = DoubtOpenJobs(directory, entries, salvage, 0);
  return std::any_of(doubts.begin(), doubts.end(), [](const LedgerEntry& entry) {
    return std::holds_alternative<Ending>(entry);
  });
}

}  // namespace

Result<LedgerPlan> PlanLedger(const std::filesystem::path& directory, const Salvage& salvage,
                              std::int64_t micros) {
  const auto salvaged = SalvageLedger(LedgerPath(directory));
  if (!salvaged.ok()) return salvaged.status();
  LedgerPlan plan;
  plan.commit = salvage.commit.value_or(CommitRecord());
  plan.read_entries = salvaged->entries.size();
  plan.unread_bytes = salvaged->unread_bytes;
  if (salvaged->header) plan.header = *salvaged->header;
  plan.bought = BoughtIn(salvaged->entries);
  for (const LedgerEntry& entry : salvaged->entries) {
    const auto* request = std::get_if<RequestEntry>(&entry);
    if (request == nullptr) continue;
    plan.models[request->intent.space] = {request->intent.model, request->intent.provider};
  }
  if (!salvaged->is_there && !WasUsed(salvage)) return plan;
  if (salvaged->is_there) {
    const auto stays = Stays(directory, *salvaged, salvage, micros, &plan);
    if (!stays.ok()) return stays.status();
    const bool is_whole = *stays && !HasForgottenEnds(directory, salvaged->entries, salvage) &&
                          FilesOfUnknownJobs(directory, salvaged->entries).empty();
    if (is_whole) return plan;
  }
  plan.is_new = true;
  if (salvage.meta) plan.header.store_id = salvage.meta->store_id;
  if (plan.header.store_id.empty()) plan.header.store_id = NewStoreId();
  if (!salvaged->header) plan.header.created_micros = micros;
  std::vector<LedgerEntry> entries = salvaged->entries;
  if (salvage.commit && salvaged->header && CanCatchUp(*salvaged, *salvage.commit, micros)) {
    entries.emplace_back(CommitEntry{salvage.commit->number, salvage.commit->shares});
  }
  const auto requests = RequestsFor(FindUnwitnessed(salvage, BoughtIn(entries)), salvage, micros);
  const QuarantinedRequests quarantined = FindLostQuarantine(directory, entries, salvage, micros);
  RebuiltLedger rebuilt = RebuildLedger(entries, plan.header.start, requests, quarantined,
                                        salvage.commit ? salvage.commit->number : 0, micros);
  plan.entries = std::move(rebuilt.entries);
  auto open = DoubtOpenJobs(directory, plan.entries, salvage, micros);
  std::move(open.begin(), open.end(), std::back_inserter(plan.entries));
  auto jobs = FindLostJobs(directory, plan.entries, salvage, plan.header.store_id, micros);
  plan.found_jobs = jobs.size() / 2 + quarantined.size();
  std::move(jobs.begin(), jobs.end(), std::back_inserter(plan.entries));
  plan.lost_requests = rebuilt.lost_requests;
  plan.commit = {
      std::max(plan.commit.number, rebuilt.position.commit), rebuilt.position.charges, {}};
  for (const WitnessedRequest& request : requests) {
    plan.witnessed += request.intent.keys.size();
    plan.witnessed_cost += CostOf(request.tokens, request.intent.price);
  }
  plan.bought = BoughtIn(plan.entries);
  return plan;
}

}  // namespace embstore
