// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/rate_limiter.h"

#include <algorithm>

namespace embstore {
namespace {

using std::chrono::nanoseconds;

// Requests that leave at exactly the quota's pace arrive a little unevenly and trip a sliding
// window; this share of it leaves room for about a second of that in a minute.
constexpr double kUsableShare = 0.985;

nanoseconds TimeFor(std::uint64_t amount, std::uint64_t per_minute) {
  const double seconds =
      60.0 * static_cast<double>(amount) / (static_cast<double>(per_minute) * kUsableShare);
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

nanoseconds RateLimiter::Reserve(std::uint64_t texts, std::uint64_t tokens) {
  const std::lock_guard<std::mutex> guard(mutex_);
  nanoseconds start = std::max(clock_.Monotonic(), paused_until_);
  if (texts_per_minute_ > 0) start = std::max(start, next_texts_);
  if (tokens_per_minute_ > 0) start = std::max(start, next_tokens_);
  if (texts_per_minute_ > 0) next_texts_ = start + TimeFor(texts, texts_per_minute_);
  if (tokens_per_minute_ > 0) next_tokens_ = start + TimeFor(tokens, tokens_per_minute_);
  return start;
}

bool RateLimiter::Acquire(std::uint64_t texts, std::uint64_t tokens, const StopFlag* stop) {
  nanoseconds start = Reserve(texts, tokens);
  for (;;) {
    const nanoseconds wait = start - clock_.Monotonic();
    if (!clock_.SleepFor(std::max(wait, nanoseconds::zero()), stop)) return false;
    // Somebody else may have been refused meanwhile.
    const std::lock_guard<std::mutex> guard(mutex_);
    if (paused_until_ <= start) return true;
    start = paused_until_;
  }
}

void RateLimiter::Penalise(const Backoff& backoff, nanoseconds fallback) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const nanoseconds wait =
      backoff.retry_after.count() > 0 ? nanoseconds(backoff.retry_after) : fallback;
  paused_until_ = std::max(paused_until_, clock_.Monotonic() + wait);
  const auto adopt = [&](std::uint64_t named, std::uint64_t* quota, nanoseconds* next) {
    if (named == 0 || (*quota != 0 && *quota <= named)) return;
    *quota = named;
    *next = std::max(*next, paused_until_);
  };
  adopt(backoff.texts_per_minute, &texts_per_minute_, &next_texts_);
  adopt(backoff.tokens_per_minute, &tokens_per_minute_, &next_tokens_);
}

}  // namespace embstore
