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
  RateLimiter(Clock& clock, std::uint64_t texts_per_minute, std::uint64_t tokens_per_minute,
              std::uint64_t requests_per_minute = 0)
      : clock_(clock),
        texts_{texts_per_minute},
        tokens_{tokens_per_minute},
        requests_{requests_per_minute} {}

  /// Waits until `texts` with `tokens` may be sent. False when `stop` was set first.
  bool Acquire(std::uint64_t texts, std::uint64_t tokens, const StopFlag* stop);

  /// The server refused: nobody sends before the hint is over, and a quota it named is kept from
  /// now on. `fallback` is waited when it gave no hint.
  void Penalise(const Backoff& backoff, std::chrono::nanoseconds fallback);

  /// What the server said about its quotas beside a good answer.
  void Learn(const Backoff& pace);

 private:
  struct Quota {
    std::uint64_t per_minute = 0;
    std::chrono::nanoseconds next{0};
  };

  std::chrono::nanoseconds Reserve(std::uint64_t texts, std::uint64_t tokens);
  void Adopt(const Backoff& backoff);

  Clock& clock_;

  std::mutex mutex_;
  // Guarded by mutex_.
  Quota texts_;
  Quota tokens_;
  Quota requests_;
  std::chrono::nanoseconds paused_until_{0};
};

}  // namespace embstore
