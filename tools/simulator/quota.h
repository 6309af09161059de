// SPDX-License-Identifier: Apache-2.0
// Request and token quotas over a sliding minute and a day.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace embstore::simulator {

using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// Limits per model; 0 means none.
struct QuotaLimits {
  std::uint64_t requests_per_minute = 0;
  std::uint64_t tokens_per_minute = 0;
  std::uint64_t requests_per_day = 0;
};

enum class QuotaKind { kRequestsPerMinute, kTokensPerMinute, kRequestsPerDay };

struct QuotaViolation {
  QuotaKind kind;
  std::uint64_t limit;
};

/// Empty `violations` means the call was accepted and counted.
struct QuotaVerdict {
  std::vector<QuotaViolation> violations;
  std::chrono::microseconds retry_after{0};
  std::uint64_t requests_used = 0;  ///< in this minute, with an accepted call
  std::uint64_t tokens_used = 0;
};

/// Counts whole calls: a refused call uses nothing. The day ends at midnight Pacific standard
/// time. Safe for concurrent use.
class QuotaKeeper {
 public:
  explicit QuotaKeeper(QuotaLimits limits) : limits_(limits) {}

  /// Accepts and counts a call of `requests` texts with `tokens` tokens at `now`, or refuses it.
  QuotaVerdict Admit(std::string_view model, std::uint64_t requests, std::uint64_t tokens,
                     TimePoint now);

 private:
  struct Entry {
    TimePoint time;
    std::uint64_t requests;
    std::uint64_t tokens;
  };
  struct Usage {
    std::deque<Entry> minute;
    std::int64_t day = 0;
    std::uint64_t requests_today = 0;
  };

  const QuotaLimits limits_;
  std::mutex mutex_;
  std::map<std::string, Usage, std::less<>> usage_;
};

}  // namespace embstore::simulator
