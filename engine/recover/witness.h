// SPDX-License-Identifier: Apache-2.0
// What the store says was paid for and the entries of the ledger do not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

#include "embstore/recover.h"
#include "engine/ledger/ledger_salvage.h"
#include "engine/recover/salvage.h"

namespace embstore {

/// How the source of a run begins that took vectors from an export. Such texts were paid for; those
/// of a run with another source were imported.
inline constexpr std::string_view kRecoveredFrom = "recovered from '";

/// Open requests of which texts came to the store since they began. One whose answer or input file
/// is still there is left open: it is collected again, and paid then. A job without its file has
/// ended, for the file goes behind the end: what it did not bring was not stored.
std::map<std::uint64_t, StoredPart> FindStoredParts(const std::filesystem::path& directory,
                                                    const std::vector<LedgerEntry>& entries,
                                                    const Salvage& salvage);

/// Requests, by space and run, that no entry knows.
struct LostPurchases {
  std::vector<WitnessedRequest> requests;
  std::uint64_t estimated = 0;  ///< Texts whose tokens or price are no longer known, and estimated.
  std::uint64_t unpriced = 0;   ///< Texts without any price: written down for nothing.
};

/// Of texts that no request of `entries`, open ones too, explains. A price is that of the run's
/// bill; else what the ledger or another run knows of the space; else `price_of`, which may be
/// empty.
LostPurchases FindLostPurchases(const std::vector<LedgerEntry>& entries, const Salvage& salvage,
                                const PriceLookup& price_of, std::int64_t micros);

}  // namespace embstore
