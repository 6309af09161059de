// SPDX-License-Identifier: Apache-2.0
// How long an account's quotas make a job take, for planning. The figures of the tiers are Google's
// as of autumn 2026; an account's own stand in its console.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "embstore/visibility.h"

namespace embstore {

/// The quotas of a kind of account. Zero: no such quota.
struct QuotaTier {
  std::string_view name;  ///< For example "free".
  std::uint64_t texts_per_minute = 0;
  std::uint64_t tokens_per_minute = 0;
  std::uint64_t texts_per_day = 0;
  std::uint64_t batch_tokens = 0;  ///< In all batch jobs at once; zero: no batch jobs.
};

/// From the smallest up. Static storage.
EMBSTORE_API std::span<const QuotaTier> GeminiTiers();

/// Time for `texts` with `tokens` by synchronous calls when only the quotas count.
EMBSTORE_API std::chrono::seconds QuotaTime(const QuotaTier& tier, std::uint64_t texts,
                                            std::uint64_t tokens);

}  // namespace embstore
