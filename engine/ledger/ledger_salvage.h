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

/// LedgerKeys of a space that were bought and not dropped since.
struct BoughtText {
  std::uint64_t tokens = 0;  ///< What it is taken to have cost: an average over its request.
  std::int64_t micros = 0;   ///< When its request began.
};
using BoughtTexts = std::unordered_map<std::uint64_t, BoughtText>;
std::map<SpaceId, BoughtTexts> BoughtIn(const std::vector<LedgerEntry>& entries);

/// LedgerKeys of a space that were dropped and not bought since.
struct DroppedText {
  bool was_bought = false;  ///< By an entry that could be read.
  std::int64_t micros = 0;  ///< When it was dropped.
};
using DroppedTexts = std::unordered_map<std::uint64_t, DroppedText>;
std::map<SpaceId, DroppedTexts> DroppedIn(const std::vector<LedgerEntry>& entries);

/// Requests that no entry ends, by number; they point into `entries`.
std::map<std::uint64_t, const RequestIntent*> OpenRequests(const std::vector<LedgerEntry>& entries);

/// A paid request that only the store witnesses: its entries in the ledger are lost.
struct WitnessedRequest {
  RequestIntent intent;
  std::uint64_t tokens = 0;
};

/// An open request whose texts are in the store: later entries of it are lost.
struct StoredPart {
  std::uint64_t texts = 0;                ///< Of the request, that are in the store.
  bool all = false;                       ///< It has ended.
  std::vector<std::uint64_t> not_stored;  ///< LedgerKeys of the rest, when it has ended.
};

/// Requests whose own entries are lost and whose answers are in quarantine, by number.
using QuarantinedRequests = std::map<std::uint64_t, RequestIntent>;

/// What is known of requests beside the ledger.
struct Witnesses {
  std::vector<WitnessedRequest> requests;
  std::map<std::uint64_t, StoredPart> stored;  ///< By number.
  QuarantinedRequests quarantined;
};

/// Entries that follow each other as a ledger's must, made of those that could be read.
struct RebuiltLedger {
  std::vector<LedgerEntry> entries;
  LedgerPosition position;          ///< Behind `start` and them.
  std::uint64_t lost_requests = 0;  ///< In doubt now: their own entries could not be read.
  std::uint64_t left_out = 0;       ///< Entries that say nothing without others.
  std::uint64_t witnessed = 0;      ///< Texts whose spending is written down by witnesses alone.
  Money witnessed_cost;
  std::uint64_t estimated = 0;  ///< Of these: of requests in the ledger, by their expected tokens.
};

/// `commit_floor`: what the number of a new commit must be above.
RebuiltLedger RebuildLedger(const std::vector<LedgerEntry>& entries, const LedgerPosition& start,
                            const Witnesses& witnesses, std::uint64_t commit_floor,
                            std::int64_t micros);

/// Writes a new ledger file, durably, in the place of what lies at `path`.
Status WriteLedger(const std::filesystem::path& path, const LedgerHeader& header,
                   const std::vector<LedgerEntry>& entries);

}  // namespace embstore
