// SPDX-License-Identifier: Apache-2.0
// What a scan found, as requests and as a bill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "engine/ingest/scan.h"
#include "engine/ledger/ledger.h"

namespace embstore {

/// The provider's bounds, made tighter by the caller's.
ProviderLimits EffectiveLimits(const Provider& provider, const IngestOptions& options);

/// The missing texts as requests: consecutive, within `limits`. Each is [begin, end) of `missing`.
struct BatchRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
std::vector<BatchRange> PackBatches(std::span<const MissingText> missing,
                                    const ProviderLimits& limits);

/// The bounds of a batch job in the place of those of a request.
ProviderLimits JobLimits(const ProviderLimits& limits, const BatchPolicy& policy);

/// Missing texts that are not to be sent (again) now.
struct SetAside {
  std::vector<std::uint64_t>
      in_jobs;                 ///< LedgerKeys, sorted: in open jobs and quarantined answers.
  std::uint64_t in_doubt = 0;  ///< May have been paid for; still in `missing` if they are resent.
  std::uint64_t held = 0;      ///< Of in_doubt: taken out of `missing`.
  Money resent;                ///< What those still in `missing` may cost once more.
};

/// Takes texts out of `scan->missing` that are under way in `space`, and those in doubt that
/// `doubt` does not let be sent again at `price`. kCorruption: the ledger knows of texts that were
/// paid for and stored, and the store has lost them; nothing may be sent.
Result<SetAside> SetTextsAside(const Ledger& ledger, SpaceId space, const DoubtPolicy& doubt,
                               Price price, ScanResult* scan);

/// Counts texts as cached whose vectors are paid for and wait in files to be stored.
Status CountKeptAsCached(const std::filesystem::path& directory, SpaceId space, ScanResult* scan);

/// What the server counted over what was estimated for `model`, so far; 1 when little is known.
double LearnedTokenRatio(const Ledger& ledger, const std::string& model);

IngestPlan MakePlan(const ScanResult& scan, const SetAside& aside, const ProviderLimits& limits,
                    Price price, double token_ratio);

}  // namespace embstore
