// SPDX-License-Identifier: Apache-2.0
// What a scan found, as requests and as a bill.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "engine/ingest/scan.h"

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

IngestPlan MakePlan(const ScanResult& scan, const ProviderLimits& limits, Price price);

}  // namespace embstore
