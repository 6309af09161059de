// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/plan.h"

#include <algorithm>

namespace embstore {
namespace {

constexpr std::uint32_t kMostRequests = 256;

}  // namespace

ProviderLimits EffectiveLimits(const Provider& provider, const IngestOptions& options) {
  ProviderLimits limits = provider.limits();
  limits.max_texts = std::max(limits.max_texts, 1U);
  if (options.batch_size > 0) limits.max_texts = std::min(limits.max_texts, options.batch_size);
  if (options.concurrency > 0) limits.concurrency = options.concurrency;
  limits.concurrency = std::clamp(limits.concurrency, 1U, kMostRequests);
  return limits;
}

std::vector<BatchRange> PackBatches(std::span<const MissingText> missing,
                                    const ProviderLimits& limits) {
  std::vector<BatchRange> batches;
  std::uint64_t tokens = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const MissingText& text = missing[i];
    const bool fits =
        !batches.empty() && batches.back().end - batches.back().begin < limits.max_texts &&
        (limits.max_request_tokens == 0 || tokens + text.tokens <= limits.max_request_tokens) &&
        (limits.max_request_bytes == 0 || bytes + text.encoded_bytes <= limits.max_request_bytes);
    if (!fits) {
      batches.push_back({i, i});
      tokens = 0;
      bytes = 0;
    }
    batches.back().end = i + 1;
    tokens += text.tokens;
    bytes += text.encoded_bytes;
  }
  return batches;
}

IngestPlan MakePlan(const ScanResult& scan, const ProviderLimits& limits, Price price) {
  IngestPlan plan;
  plan.documents = scan.documents;
  plan.unique_documents = scan.unique_documents;
  plan.duplicates = scan.documents - scan.unique_documents;
  plan.cached = scan.cached_texts;
  plan.to_embed = scan.missing.size();
  for (const UnsendableText& text : scan.unsendable)
    ++(text.tokens == 0 ? plan.empty : plan.too_long);
  plan.batches = PackBatches(scan.missing, limits).size();
  for (const MissingText& text : scan.missing) plan.tokens += text.tokens;
  plan.cost = CostOf(plan.tokens, price);
  return plan;
}

}  // namespace embstore
