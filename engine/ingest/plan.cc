// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/plan.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "engine/base/seeded_bug.h"
#include "engine/store/kept_files.h"

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

ProviderLimits JobLimits(const ProviderLimits& limits, const BatchPolicy& policy) {
  ProviderLimits job = limits;
  job.max_texts = std::max(policy.max_job_texts, 1U);
  job.max_request_bytes = policy.max_job_bytes;
  job.max_request_tokens = std::min(policy.max_job_tokens, policy.max_enqueued_tokens);
  return job;
}

Result<SetAside> SetTextsAside(const Ledger& ledger, SpaceId space, const DoubtPolicy& doubt,
                               Price price, ScanResult* scan) {
  SetAside aside;
  std::unordered_set<std::uint64_t> under_way;
  for (const JobRecord& job : ledger.Jobs()) {
    if (!job.open() || job.space != space) continue;
    const std::vector<std::uint64_t> keys = ledger.KeysOf(job.id);
    under_way.insert(keys.begin(), keys.end());
  }
  const std::vector<std::uint64_t> doubts = ledger.KeysInDoubt(space);
  std::erase_if(scan->missing, [&](const MissingText& text) {
    if (under_way.contains(text.ledger_key)) {
      aside.in_jobs.push_back(text.ledger_key);
      return true;
    }
    if (!std::binary_search(doubts.begin(), doubts.end(), text.ledger_key)) return false;
    ++aside.in_doubt;
    const Money cost = CostOf(text.tokens, price);
    if (doubt.resend && aside.resent + cost <= doubt.max_resend) {
      aside.resent += cost;
      return false;
    }
    ++aside.held;
    return true;
  });
  std::sort(aside.in_jobs.begin(), aside.in_jobs.end());
  std::vector<std::uint64_t> absent;
  for (const MissingText& text : scan->missing) {
    if (!text.was_stored) absent.push_back(text.ledger_key);
  }
  std::sort(absent.begin(), absent.end());
  const auto bought = ledger.FindBought(space, absent);
  if (!bought.ok()) return bought.status();
  if (bought->empty() || EMBSTORE_SEEDED_BUG("no-second-witness")) return aside;
  const auto first = std::find_if(scan->missing.begin(), scan->missing.end(),
                                  [&](const auto& t) { return t.ledger_key == bought->front(); });
  return Status(Code::kCorruption,
                "the store has lost vectors: by the ledger, " + std::to_string(bought->size()) +
                    " texts of this split were paid for and stored (one is at position " +
                    std::to_string(first->position) +
                    "), and they are not there. Nothing was sent: 'embstore recover' says what "
                    "it can bring back without paying. Else restore the cache directory "
                    "from a backup; to begin anew and pay again, move it away");
}

Status CountKeptAsCached(const std::filesystem::path& directory, SpaceId space, ScanResult* scan) {
  const auto files = ListJobsDirectory(directory);
  if (!files.ok()) return files.status();
  std::unordered_set<std::uint64_t> kept_keys;
  for (const std::filesystem::path& path : *files) {
    const auto kept = IsKeptFile(path) ? ReadKept(path) : Result<KeptReply>(KeptReply());
    if (!kept.ok() || kept->space != space) continue;  // Said when the store opens for writing.
    for (const ReplyRow& row : kept->rows) kept_keys.insert(LedgerKey(MakeTextKey(row.text)));
  }
  if (kept_keys.empty()) return {};
  scan->cached_texts += std::erase_if(
      scan->missing, [&](const MissingText& text) { return kept_keys.contains(text.ledger_key); });
  return {};
}

double LearnedTokenRatio(const Ledger& ledger, const std::string& model) {
  constexpr std::uint64_t kEnough = 1000;
  std::uint64_t reported = 0;
  std::uint64_t estimated = 0;
  for (const SpendRecord& record : ledger.Spending()) {
    if (record.model != model) continue;
    reported += record.reported_tokens;
    estimated += record.estimate_of_reported;
  }
  if (estimated < kEnough) return 1;
  return std::clamp(static_cast<double>(reported) / static_cast<double>(estimated), 0.25, 4.0);
}

IngestPlan MakePlan(const ScanResult& scan, const SetAside& aside, const ProviderLimits& limits,
                    Price price, double token_ratio) {
  IngestPlan plan;
  plan.documents = scan.documents;
  plan.unique_documents = scan.unique_documents;
  plan.duplicates = scan.documents - scan.unique_documents;
  plan.cached = scan.cached_texts;
  plan.in_jobs = aside.in_jobs.size();
  plan.in_doubt = aside.in_doubt;
  plan.to_embed = scan.missing.size();
  for (const UnsendableText& text : scan.unsendable)
    ++(text.tokens == 0 ? plan.empty : plan.too_long);
  plan.batches = PackBatches(scan.missing, limits).size();
  std::uint64_t estimated = 0;
  for (const MissingText& text : scan.missing) estimated += text.tokens;
  plan.token_ratio = token_ratio;
  plan.tokens = static_cast<std::uint64_t>(std::ceil(static_cast<double>(estimated) * token_ratio));
  plan.cost = CostOf(plan.tokens, price);
  return plan;
}

}  // namespace embstore
