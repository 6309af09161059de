// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/batch_embedder.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>

namespace embstore {
namespace {

using std::chrono::nanoseconds;

// Finding one bad text among 100 takes about 14 requests; failures count against the quota, so
// the search is not allowed to go on for ever.
constexpr std::uint64_t kMaxCallsPerBatch = 64;

constexpr std::chrono::seconds kRateLimitFallback{30};

/// A provider of the library's user may throw; the run must not die of it.
Result<EmbedReply> CallProvider(Provider& provider, std::span<const std::string_view> texts) {
  try {
    return provider.Embed(texts);
  } catch (const std::exception& error) {
    return Status(Code::kInternal, std::string("the provider threw: ") + error.what());
  } catch (...) {
    return Status(Code::kInternal, "the provider threw something that is no exception");
  }
}

Status Halted() { return {Code::kCancelled, "stopped before sending"}; }

}  // namespace

bool EndsRun(Code code) {
  switch (code) {
    case Code::kOk:
    case Code::kUnavailable:
    case Code::kRateLimited:
    case Code::kRejected:
    case Code::kInvalidReply:
      return false;
    default:
      return true;
  }
}

Status CheckReply(const EmbedReply& reply, std::size_t texts, std::uint32_t dimensions) {
  if (reply.vectors.size() != texts * dimensions) {
    return {Code::kInvalidReply, "the reply holds " + std::to_string(reply.vectors.size()) +
                                     " numbers, not " + std::to_string(texts) + " vectors of " +
                                     std::to_string(dimensions)};
  }
  if (!reply.text_tokens.empty() && reply.text_tokens.size() != texts) {
    return {Code::kInvalidReply, "the reply counts tokens for " +
                                     std::to_string(reply.text_tokens.size()) + " texts, not " +
                                     std::to_string(texts)};
  }
  for (std::size_t row = 0; row < texts; ++row) {
    const std::span vector(reply.vectors.data() + row * dimensions, dimensions);
    if (!std::all_of(vector.begin(), vector.end(), [](float v) { return std::isfinite(v); })) {
      return {Code::kInvalidReply,
              "vector " + std::to_string(row) + " of the reply holds a number that is not finite"};
    }
    if (std::all_of(vector.begin(), vector.end(), [](float v) { return v == 0.0F; })) {
      return {Code::kInvalidReply, "vector " + std::to_string(row) + " of the reply is all zero"};
    }
  }
  return {};
}

BatchOutcome BatchEmbedder::Embed(const BatchTexts& batch) {
  const nanoseconds start = clock_.Monotonic();
  BatchOutcome outcome;
  outcome.status = EmbedRange(batch, {0, batch.texts.size()}, &outcome);
  outcome.elapsed = clock_.Monotonic() - start;
  return outcome;
}

Status BatchEmbedder::EmbedRange(const BatchTexts& batch, Range range, BatchOutcome* outcome) {
  Status status = Request(batch, range, outcome);
  const std::size_t texts = range.end - range.begin;
  const std::uint64_t quota = status.backoff().texts_per_minute;
  if (status.code() == Code::kRateLimited && texts > 1 && quota > 0 && texts > quota) {
    return EmbedHalves(batch, range, outcome);  // As a whole it can never pass.
  }
  if (status.code() != Code::kRejected) return status;
  if (texts == 1 || outcome->api_calls >= kMaxCallsPerBatch) {
    for (std::size_t i = range.begin; i < range.end; ++i) outcome->rejected.emplace_back(i, status);
    return {};
  }
  return EmbedHalves(batch, range, outcome);
}

Status BatchEmbedder::EmbedHalves(const BatchTexts& batch, Range range, BatchOutcome* outcome) {
  const std::size_t middle = range.begin + (range.end - range.begin) / 2;
  Status first = EmbedRange(batch, {range.begin, middle}, outcome);
  if (!first.ok()) return first;
  return EmbedRange(batch, {middle, range.end}, outcome);
}

Status BatchEmbedder::Request(const BatchTexts& batch, Range range, BatchOutcome* outcome) {
  const std::vector<std::string_view> texts(batch.texts.begin() + static_cast<long>(range.begin),
                                            batch.texts.begin() + static_cast<long>(range.end));
  const std::uint64_t tokens =
      std::accumulate(batch.tokens.begin() + static_cast<long>(range.begin),
                      batch.tokens.begin() + static_cast<long>(range.end), std::uint64_t{0});
  std::uint32_t retries = 0;
  std::uint32_t rate_limit_waits = 0;
  for (;;) {
    Result<EmbedReply> reply = Attempt(texts, tokens, outcome);
    if (reply.ok()) return Keep(batch, range, std::move(*reply), outcome);
    const Status status = reply.status();
    if (status.code() == Code::kRateLimited) {
      limiter_.Penalise(status.backoff(), kRateLimitFallback);
      const std::uint64_t quota = status.backoff().texts_per_minute;
      if (quota > 0 && texts.size() > quota) return status;
      if (++rate_limit_waits > policy_.max_rate_limit_waits) return status;
    } else if (status.code() == Code::kUnavailable) {
      if (retries == policy_.max_retries) return status;
      if (!clock_.SleepFor(RetryWait(retries++, status.backoff()), &halt_)) return Halted();
    } else {
      return status;
    }
  }
}

Result<EmbedReply> BatchEmbedder::Attempt(std::span<const std::string_view> texts,
                                          std::uint64_t tokens, BatchOutcome* outcome) {
  if (halt_.load()) return Halted();
  if (Status reserved = gate_.Reserve(tokens); !reserved.ok()) {
    halt_ = true;
    return reserved;
  }
  if (!limiter_.Acquire(texts.size(), tokens, &halt_)) {
    gate_.Settle(tokens, 0);
    return Halted();
  }
  ++outcome->api_calls;
  Result<EmbedReply> reply = CallProvider(provider_, texts);
  if (EndsRun(reply.code())) halt_ = true;
  const bool billed = reply.ok() || reply.code() == Code::kInvalidReply;
  const std::uint64_t billed_tokens =
      reply.ok() && reply->total_tokens ? *reply->total_tokens : tokens;
  // An answer that never came may have been billed all the same; the budget counts it.
  const bool maybe_billed = billed || reply.code() == Code::kUnavailable;
  gate_.Settle(tokens, maybe_billed ? billed_tokens : 0);
  if (billed) {
    outcome->tokens += billed_tokens;
    if (!reply.ok() || !reply->total_tokens) outcome->tokens_estimated = true;
  }
  return reply;
}

Status BatchEmbedder::Keep(const BatchTexts& batch, Range range, EmbedReply reply,
                           BatchOutcome* outcome) const {
  const std::size_t texts = range.end - range.begin;
  const std::uint32_t dimensions = provider_.identity().dimensions;
  if (Status checked = CheckReply(reply, texts, dimensions); !checked.ok()) return checked;
  const std::size_t first_row = outcome->rows.size();
  for (std::size_t i = 0; i < texts; ++i) {
    const std::uint32_t tokens =
        reply.text_tokens.empty() ? batch.tokens[range.begin + i] : reply.text_tokens[i];
    outcome->rows.push_back({range.begin + i, first_row + i, tokens});
  }
  if (outcome->vectors.empty()) {
    outcome->vectors = std::move(reply.vectors);
  } else {
    outcome->vectors.insert(outcome->vectors.end(), reply.vectors.begin(), reply.vectors.end());
  }
  return {};
}

nanoseconds BatchEmbedder::RetryWait(std::uint32_t retry, const Backoff& backoff) {
  const std::chrono::milliseconds planned(policy_.initial_wait.count() << std::min(retry, 20U));
  const nanoseconds wait = std::max<nanoseconds>(planned, backoff.retry_after);
  const std::lock_guard<std::mutex> guard(jitter_mutex_);
  // Up to a quarter on top, never less than asked for.
  return wait + wait / 4 * (jitter_() % 1024) / 1024;
}

}  // namespace embstore
