// SPDX-License-Identifier: Apache-2.0
// What becomes of the ledger, and which commit record the store gets with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "embstore/recover.h"
#include "embstore/status.h"
#include "engine/ledger/ledger_salvage.h"
#include "engine/recover/salvage.h"
#include "engine/store/store_swap.h"

namespace embstore {

struct LedgerPlan {
  bool is_new = false;  ///< The old one cannot be used: `entries` behind `header` take its place.
  LedgerHeader header;
  std::vector<LedgerEntry> entries;
  CommitRecord commit;           ///< Agrees with the ledger.
  bool store_is_behind = false;  ///< The ledger knows of commits that the store has not.
  std::map<SpaceId, BoughtTexts> bought;
  std::map<SpaceId, DroppedTexts> dropped;
  std::map<SpaceId, std::pair<std::string, std::string>> models;  ///< With the provider.

  AnswerNumbers renumbered;  ///< Before the new ledger takes its place.

  std::uint64_t read_entries = 0;
  std::uint64_t unread_bytes = 0;
  std::uint64_t lost_requests = 0;
  std::uint64_t found_jobs = 0;  ///< Known by their files alone.
  std::uint64_t witnessed = 0;
  Money witnessed_cost;
  std::uint64_t estimated = 0;  ///< Of these; see LostPurchases and RebuiltLedger.
  std::uint64_t unpriced = 0;
};

/// Writes nothing. kCorruption: it is the ledger of another store. Else as SalvageLedger.
Result<LedgerPlan> PlanLedger(const std::filesystem::path& directory, const Salvage& salvage,
                              const PriceLookup& price_of, std::int64_t micros);

}  // namespace embstore
