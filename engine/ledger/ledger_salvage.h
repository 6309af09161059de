// SPDX-License-Identifier: Apache-2.0
// What can still be read of a damaged ledger, and a ledger made of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "embstore/status.h"
#include "engine/ledger/ledger_entry.h"
#include "engine/ledger/ledger_format.h"

namespace embstore {

struct SalvagedLedger {
  std::optional<LedgerHeader> header;  ///< None: damaged, or there is no file.
  std::vector<LedgerEntry> entries;    ///< In their order; all match their checksums.
  std::uint64_t unread_bytes = 0;      ///< Of the file, between and behind them.
  bool is_there = false;
};

/// Reads past damage: behind it the next entry is looked for at each multiple of 8. A whole ledger
/// comes back whole. kInvalidArgument: no regular file, or it may not be read. kIncompatible: a
/// newer version's.
Result<SalvagedLedger> SalvageLedger(const std::filesystem::path& path);

/// LedgerKeys of a space that were bought and not dropped since, each with the tokens that it is
/// taken to have cost: an average over its request.
using BoughtTexts = std::unordered_map<std::uint64_t, std::uint64_t>;
std::map<SpaceId, BoughtTexts> BoughtIn(const std::vector<LedgerEntry>& entries);

/// A paid request that only the store witnesses: its entries in the ledger are lost.
struct WitnessedRequest {
  RequestIntent intent;
  std::uint64_t tokens = 0;
};

/// Entries that follow each other as a ledger's must, made of those that could be read.
struct RebuiltLedger {
  std::vector<LedgerEntry> entries;
  LedgerPosition position;          ///< Behind `start` and them.
  std::uint64_t lost_requests = 0;  ///< In doubt now: their own entries could not be read.
  std::uint64_t left_out = 0;       ///< Entries that say nothing without others.
};
/// Requests whose own entries are lost and whose answers are in quarantine, by number.
using QuarantinedRequests = std::map<std::uint64_t, RequestIntent>;

/// `commit_floor`: what the number of a new commit must be above.
RebuiltLedger RebuildLedger(const std::vector<LedgerEntry>& entries, const LedgerPosition& start,
                            const std::vector<WitnessedRequest>& witnessed,
                            const QuarantinedRequests& quarantined, std::uint64_t commit_floor,
                            std::int64_t micros);

/// Writes a new ledger file, durably, in the place of what lies at `path`.
Status WriteLedger(const std::filesystem::path& path, const LedgerHeader& header,
                   const std::vector<LedgerEntry>& entries);

}  // namespace embstore
