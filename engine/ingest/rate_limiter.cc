// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/rate_limiter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/seeded_bug.h"

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
  const std::array<std::pair<Quota*, std::uint64_t>, 3> wanted = {
      {{&texts_, texts}, {&tokens_, tokens}, {&requests_, 1}}};
  nanoseconds start = std::max(clock_.Monotonic(), paused_until_);
  for (const auto& [quota, amount] : wanted) {
    if (quota->per_minute > 0) start = std::max(start, quota->next);
  }
  for (const auto& [quota, amount] : wanted) {
    if (quota->per_minute > 0) quota->next = start + TimeFor(amount, quota->per_minute);
  }
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
  if (!EMBSTORE_SEEDED_BUG("hint-ignored"))
    paused_until_ = std::max(paused_until_, clock_.Monotonic() + wait);
  Adopt(backoff);
}

void RateLimiter::Learn(const Backoff& pace) {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (pace.retry_after.count() > 0) {
    paused_until_ = std::max(paused_until_, clock_.Monotonic() + nanoseconds(pace.retry_after));
  }
  Adopt(pace);
}

void RateLimiter::Adopt(const Backoff& backoff) {
  const auto adopt = [&](std::uint64_t named, Quota* quota) {
    if (named == 0 || (quota->per_minute != 0 && quota->per_minute <= named)) return;
    quota->per_minute = named;
    quota->next = std::max(quota->next, paused_until_);
  };
  adopt(backoff.texts_per_minute, &texts_);
  adopt(backoff.tokens_per_minute, &tokens_);
  adopt(backoff.requests_per_minute, &requests_);
}

}  // namespace embstore
