// SPDX-License-Identifier: Apache-2.0
#include "engine/recover/ledger_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/recover/lost_jobs.h"
#include "engine/recover/witness.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_ledger.h"

namespace embstore {
namespace {

/// Whether the commit that only the store knows fits behind the ledger.
bool CanCatchUp(const SalvagedLedger& salvaged, const CommitRecord& commit, std::int64_t micros) {
  std::vector<LedgerEntry> entries = salvaged.entries;
  entries.emplace_back(CommitEntry{commit.number, commit.shares});
  const RebuiltLedger tried =
      RebuildLedger(entries, salvaged.header->start, {}, commit.number, micros);
  const auto* const last =
      tried.entries.empty() ? nullptr : std::get_if<CommitEntry>(&tried.entries.back());
  return last != nullptr && last->number == commit.number &&
         last->shares.size() == commit.shares.size();
}

bool WasUsed(const Salvage& salvage) {
  if (salvage.meta && !salvage.meta->has_ledger) return false;
  return !salvage.spaces.empty() || (salvage.commit && salvage.commit->number > 0);
}

/// However damaged the ledger is.
Status CheckSameStore(const std::filesystem::path& directory, const SalvagedLedger& salvaged,
                      const Salvage& salvage) {
  if (!salvaged.header || !salvage.meta || salvaged.header->store_id == salvage.meta->store_id) {
    return {};
  }
  return {Code::kCorruption,
          "store and ledger in '" + directory.string() +
              "' belong to two different stores; nothing was changed: put the right one "
              "of them back, or move the wrong one away and run 'embstore recover' again"};
}

/// Whether one of the entries that can be read is of a commit that the store does not have.
bool IsBehind(const Salvage& salvage, const std::vector<LedgerEntry>& entries) {
  const std::uint64_t newest = salvage.commit ? salvage.commit->number : 0;
  return std::any_of(entries.begin(), entries.end(), [&](const LedgerEntry& entry) {
    const auto* commit = std::get_if<CommitEntry>(&entry);
    return commit != nullptr && commit->number > newest;
  });
}

/// Whether the ledger can stay as it is; then the store's commit record is made to agree with it.
bool Stays(const std::filesystem::path& directory, const SalvagedLedger& salvaged,
           const Salvage& salvage, std::int64_t micros, LedgerPlan* plan) {
  const std::string store_id = salvage.meta ? salvage.meta->store_id : "";
  const auto ledger = Ledger::Open(LedgerPath(directory), store_id, /*read_only=*/true);
  if (!ledger.ok()) return false;
  const LedgerPosition position = (*ledger)->position();
  plan->commit = salvage.commit.value_or(CommitRecord());
  plan->store_is_behind |=
      position.commit > plan->commit.number || position.charges > plan->commit.charges;
  if (plan->commit.charges > position.charges + 1) return false;
  if (plan->commit.charges == position.charges + 1) {
    return CanCatchUp(salvaged, plan->commit, micros);
  }
  plan->commit = {std::max(plan->commit.number, position.commit), position.charges, {}};
  return true;
}

/// Whether a job is open whose end the ledger must have known: it was cut, or put back. Of one that
/// brought only a part, the file may be what was lost.
bool HasForgottenEnds(const std::filesystem::path& directory,
                      const std::vector<LedgerEntry>& entries, const Salvage& salvage) {
  const auto open = OpenRequests(entries);
  const auto parts = FindStoredParts(directory, entries, salvage);
  return std::any_of(parts.begin(), parts.end(), [&](const auto& part) {
    return part.second.not_stored.empty() && open.at(part.first)->batch;
  });
}

}  // namespace

Result<LedgerPlan> PlanLedger(const std::filesystem::path& directory, const Salvage& salvage,
                              const PriceLookup& price_of, std::int64_t micros) {
  const auto salvaged = SalvageLedger(LedgerPath(directory));
  if (!salvaged.ok()) return salvaged.status();
  LedgerPlan plan;
  plan.commit = salvage.commit.value_or(CommitRecord());
  plan.read_entries = salvaged->entries.size();
  plan.unread_bytes = salvaged->unread_bytes;
  if (salvaged->header) plan.header = *salvaged->header;
  plan.bought = BoughtIn(salvaged->entries);
  plan.dropped = DroppedIn(salvaged->entries);
  for (const LedgerEntry& entry : salvaged->entries) {
    const auto* request = std::get_if<RequestEntry>(&entry);
    if (request == nullptr) continue;
    plan.models[request->intent.space] = {request->intent.model, request->intent.provider};
  }
  if (!salvaged->is_there && !WasUsed(salvage)) return plan;
  if (salvaged->is_there) {
    if (Status same = CheckSameStore(directory, *salvaged, salvage); !same.ok()) return same;
    plan.store_is_behind = IsBehind(salvage, salvaged->entries);
    const bool is_whole = Stays(directory, *salvaged, salvage, micros, &plan) &&
                          !HasForgottenEnds(directory, salvaged->entries, salvage) &&
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
  LostPurchases purchases = FindLostPurchases(entries, salvage, price_of, micros);
  const std::uint64_t estimated = purchases.estimated;
  plan.unpriced = purchases.unpriced;
  auto numbers = NumberAnswers(directory, entries);
  if (!numbers.ok()) return numbers.status();
  plan.renumbered = *std::move(numbers);
  const Witnesses witnesses{
      std::move(purchases.requests), FindStoredParts(directory, entries, salvage),
      FindLostQuarantine(directory, entries, plan.renumbered, salvage, micros)};
  RebuiltLedger rebuilt = RebuildLedger(entries, plan.header.start, witnesses,
                                        salvage.commit ? salvage.commit->number : 0, micros);
  plan.entries = std::move(rebuilt.entries);
  auto open = DoubtOpenJobs(plan.entries, micros);
  std::move(open.begin(), open.end(), std::back_inserter(plan.entries));
  auto jobs = FindLostJobs(directory, plan.entries, salvage, plan.header.store_id, micros);
  plan.found_jobs = jobs.size() / 2 + witnesses.quarantined.size();
  std::move(jobs.begin(), jobs.end(), std::back_inserter(plan.entries));
  plan.lost_requests = rebuilt.lost_requests;
  plan.witnessed = rebuilt.witnessed;
  plan.estimated = estimated + rebuilt.estimated;
  plan.witnessed_cost = rebuilt.witnessed_cost;
  plan.commit = {
      std::max(plan.commit.number, rebuilt.position.commit), rebuilt.position.charges, {}};
  plan.bought = BoughtIn(plan.entries);
  return plan;
}

}  // namespace embstore
