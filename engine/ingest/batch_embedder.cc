// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/batch_embedder.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>

#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"
#include "engine/hash/hash.h"
#include "engine/ingest/quarantine.h"
#include "engine/pairing/pairing_check.h"

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

constexpr const char* kMispaired =
    "the vectors do not fit the texts: texts with many words in common got unrelated vectors";

constexpr const char* kCameBefore =
    "the same vectors came before, for other texts: an answer was given twice";

// Fewer texts may have equal vectors for good, such as texts that differ beyond the model's limit.
constexpr std::size_t kFewestToCompare = 8;

constexpr const char* kNotResent =
    "an answer was lost, and by the doubt policy its texts are not sent again, because they may "
    "have been paid for: ";

std::uint64_t Tokens(const BatchTexts& batch, std::size_t begin, std::size_t end) {
  return std::accumulate(batch.tokens.begin() + static_cast<long>(begin),
                         batch.tokens.begin() + static_cast<long>(end), std::uint64_t{0});
}

Status Halted() { return {Code::kCancelled, "stopped before sending"}; }

}  // namespace

bool EndsRun(Code code) {
  switch (code) {
    case Code::kOk:
    case Code::kUnavailable:
    case Code::kInDoubt:
    case Code::kRateLimited:
    case Code::kRejected:
    case Code::kInvalidReply:
      return false;
    default:
      return true;
  }
}

Status CheckReply(const EmbedReply& reply, std::size_t texts, std::uint32_t dimensions) {
  if (reply.vectors.size() != texts * dimensions && !EMBSTORE_SEEDED_BUG("reply-size-unchecked")) {
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
  try {
    outcome.status = EmbedRange(batch, {0, batch.texts.size()}, &outcome);
  } catch (const std::exception& error) {
    halt_ = true;
    outcome.status = EndAfter(error, &outcome);
  }
  outcome.elapsed = clock_.Monotonic() - start;
  return outcome;
}

Status BatchEmbedder::EndAfter(const std::exception& error, BatchOutcome* outcome) {
  const std::string why = std::string("a batch could not be embedded: ") + error.what();
  if (outcome->under_way) {
    const auto [number, texts, tokens] = *outcome->under_way;
    outcome->texts_in_doubt += texts;
    outcome->cost_in_doubt += gate_.CostOfEstimate(tokens);
    if (Status ended = gate_.End(number, RequestEnd::kInDoubt, why); !ended.ok()) return ended;
  }
  return {Code::kInternal, why +
                               "; what was committed is safe, and a request that was under way is "
                               "in doubt: run the same command again"};
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
  std::uint32_t retries = 0;
  std::uint32_t rate_limit_waits = 0;
  for (;;) {
    const Status status = Attempt(batch, range, outcome);
    switch (status.code()) {
      case Code::kRateLimited: {
        limiter_.Penalise(status.backoff(), kRateLimitFallback);
        const std::uint64_t quota = status.backoff().texts_per_minute;
        if (quota > 0 && range.end - range.begin > quota) return status;
        if (++rate_limit_waits > policy_.max_rate_limit_waits) return status;
        break;
      }
      case Code::kInDoubt:
        if (!EMBSTORE_SEEDED_BUG("doubt-unbounded") &&
            !gate_.MayResend(gate_.CostOfEstimate(Tokens(batch, range.begin, range.end)))) {
          halt_ = true;
          return {Code::kHeld, kNotResent + status.message()};
        }
        [[fallthrough]];
      case Code::kUnavailable:
        if (retries == policy_.max_retries) return status;
        if (!clock_.SleepFor(RetryWait(retries++, status.backoff()), &halt_)) return Halted();
        break;
      default:
        return status;
    }
  }
}

Status BatchEmbedder::Attempt(const BatchTexts& batch, Range range, BatchOutcome* outcome) {
  const std::uint64_t tokens = Tokens(batch, range.begin, range.end);
  const std::size_t texts = range.end - range.begin;
  if (halt_.load() || !limiter_.Acquire(texts, gate_.ExpectedTokens(tokens), &halt_)) {
    return Halted();
  }
  RequestIntent intent;
  intent.tokens = tokens;
  intent.keys.assign(batch.keys.begin() + static_cast<long>(range.begin),
                     batch.keys.begin() + static_cast<long>(range.end));
  const std::vector<std::string_view> views(batch.texts.begin() + static_cast<long>(range.begin),
                                            batch.texts.begin() + static_cast<long>(range.end));
  Result<EmbedReply> reply = EmbedReply();
  if (EMBSTORE_SEEDED_BUG("intent-after-send")) reply = CallProvider(provider_, views);
  const Result<std::uint64_t> number = gate_.Begin(std::move(intent));
  if (!number.ok()) {
    halt_ = true;
    return number.status();
  }
  outcome->under_way = {*number, texts, tokens};
  ++outcome->api_calls;
  if (!EMBSTORE_SEEDED_BUG("intent-after-send")) reply = CallProvider(provider_, views);
  EMBSTORE_CRASH_POINT("call-answered");
  Status settled = Settle(batch, range, *number, std::move(reply), outcome);
  outcome->under_way.reset();
  if (EndsRun(settled.code())) halt_ = true;
  return settled;
}

Status BatchEmbedder::Settle(const BatchTexts& batch, Range range, std::uint64_t number,
                             Result<EmbedReply> reply, BatchOutcome* outcome) {
  Status status = reply.ok() ? CheckAnswer(batch, range, number, *reply) : reply.status();
  if (status.ok()) {
    limiter_.Learn(reply->pace);
    Keep(batch, range, number, std::move(*reply), outcome);
    return {};
  }
  const std::uint64_t tokens = Tokens(batch, range.begin, range.end);
  Status written;
  switch (status.code()) {
    case Code::kUnavailable:
    case Code::kRateLimited:
    case Code::kRejected:
    case Code::kPermissionDenied:
    case Code::kQuotaExhausted:
    case Code::kInvalidArgument:
      written = gate_.End(number, RequestEnd::kNotBilled, status.message());
      break;
    case Code::kInvalidReply:
    case Code::kHeld:
      outcome->tokens += gate_.ExpectedTokens(tokens);
      outcome->tokens_estimated = true;
      // A quarantined answer stays under way until a person has looked at it.
      if (status.code() == Code::kHeld && reply.ok()) break;
      written = gate_.End(number, RequestEnd::kWasted, status.message());
      break;
    default:
      // An answer that came but could not be kept is gone; else nobody knows how far it came.
      outcome->texts_in_doubt += range.end - range.begin;
      outcome->cost_in_doubt += gate_.CostOfEstimate(tokens);
      written =
          gate_.End(number,
                    reply.ok() || EMBSTORE_SEEDED_BUG("doubt-unrecorded") ? RequestEnd::kWasted
                                                                          : RequestEnd::kInDoubt,
                    status.message());
  }
  return written.ok() ? status : written;
}

Status BatchEmbedder::CheckAnswer(const BatchTexts& batch, Range range, std::uint64_t number,
                                  const EmbedReply& reply) {
  const std::uint32_t dimensions = provider_.identity().dimensions;
  const std::size_t texts = range.end - range.begin;
  if (EMBSTORE_SEEDED_BUG("stored-unchecked")) return {};
  if (Status checked = CheckReply(reply, texts, dimensions); !checked.ok()) return checked;
  if (!check_pairing_) return {};
  const std::vector<std::string_view> views(batch.texts.begin() + static_cast<long>(range.begin),
                                            batch.texts.begin() + static_cast<long>(range.end));
  const bool before = texts >= kFewestToCompare && CameBefore(reply.vectors);
  const PairingVerdict verdict = CheckPairing(views, reply.vectors, dimensions);
  const bool fits = verdict.pairing != Pairing::kWrong || EMBSTORE_SEEDED_BUG("pairing-unchecked");
  if (fits && !before) return {};
  const char* const why = before ? kCameBefore : kMispaired;
  // Free of charge there is nothing to keep: the batch is skipped and asked for again.
  if (number == 0) return {Code::kInvalidReply, why};
  Status kept = WriteQuarantine(&reserve_, number, views, reply, dimensions);
  if (!kept.ok()) return kept;
  Status noted = gate_.Quarantine(number, why);
  if (!noted.ok()) return noted;
  return {Code::kHeld, QuarantineMessage(number, texts)};
}

bool BatchEmbedder::CameBefore(const std::vector<float>& vectors) {
  const ContentHash digest = HashBytes(
      {reinterpret_cast<const char*>(vectors.data()), vectors.size() * sizeof(vectors.front())});
  const std::lock_guard<std::mutex> guard(answers_mutex_);
  return !answers_.insert(digest).second;
}

void BatchEmbedder::Keep(const BatchTexts& batch, Range range, std::uint64_t number,
                         EmbedReply reply, BatchOutcome* outcome) const {
  const std::size_t texts = range.end - range.begin;
  const std::size_t first_row = outcome->rows.size();
  // All memory first: rows, share and vectors are there together or not at all.
  outcome->rows.reserve(first_row + texts);
  outcome->shares.reserve(outcome->shares.size() + 1);
  if (!outcome->vectors.empty()) {
    outcome->vectors.reserve(outcome->vectors.size() + reply.vectors.size());
  }
  for (std::size_t i = 0; i < texts; ++i) {
    const std::uint32_t tokens =
        reply.text_tokens.empty() ? batch.tokens[range.begin + i] : reply.text_tokens[i];
    outcome->rows.push_back({range.begin + i, first_row + i, tokens});
  }
  const CommitShare share =
      gate_.Share(number, static_cast<std::uint32_t>(texts), Tokens(batch, range.begin, range.end),
                  reply.total_tokens, /*last=*/true);
  outcome->tokens += share.tokens;
  outcome->tokens_estimated = outcome->tokens_estimated || !share.reported;
  if (number != 0) outcome->shares.push_back(share);
  if (outcome->vectors.empty()) {
    outcome->vectors = std::move(reply.vectors);
  } else {
    outcome->vectors.insert(outcome->vectors.end(), reply.vectors.begin(), reply.vectors.end());
  }
}

nanoseconds BatchEmbedder::RetryWait(std::uint32_t retry, const Backoff& backoff) {
  const std::chrono::milliseconds planned(policy_.initial_wait.count() << std::min(retry, 20U));
  const nanoseconds wait = std::max<nanoseconds>(planned, backoff.retry_after);
  const std::lock_guard<std::mutex> guard(jitter_mutex_);
  if (EMBSTORE_SEEDED_BUG("no-jitter-floor")) return wait * (jitter_() % 1024) / 1024;
  // Up to a quarter on top, never less than asked for.
  return wait + wait / 4 * (jitter_() % 1024) / 1024;
}

}  // namespace embstore
