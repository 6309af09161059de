// SPDX-License-Identifier: Apache-2.0
// Keeps requests under the provider's quotas, which count texts and tokens, not calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "embstore/clock.h"
#include "embstore/status.h"

namespace embstore {

/// Spaces requests evenly instead of filling a minute's quota at once: the servers' windows slide,
/// and a burst trips them even when the minute's average is legal.
/// Safe for concurrent use.
class RateLimiter {
 public:
  /// 0: no such quota.
  RateLimiter(Clock& clock, std::uint64_t texts_per_minute, std::uint64_t tokens_per_minute)
      : clock_(clock), texts_per_minute_(texts_per_minute), tokens_per_minute_(tokens_per_minute) {}

  /// Waits until `texts` with `tokens` may be sent. False when `stop` was set first.
  bool Acquire(std::uint64_t texts, std::uint64_t tokens, const StopFlag* stop);

  /// The server refused: nobody sends before the hint is over, and a quota it named is kept from
  /// now on. `fallback` is waited when it gave no hint.
  void Penalise(const Backoff& backoff, std::chrono::nanoseconds fallback);

 private:
  std::chrono::nanoseconds Reserve(std::uint64_t texts, std::uint64_t tokens);

  Clock& clock_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t texts_per_minute_;
  std::uint64_t tokens_per_minute_;
  std::chrono::nanoseconds next_texts_{0};
  std::chrono::nanoseconds next_tokens_{0};
  std::chrono::nanoseconds paused_until_{0};
};

}  // namespace embstore
