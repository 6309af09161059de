// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/quota.h"

#include <algorithm>

namespace embstore::simulator {
namespace {

using std::chrono::microseconds;

constexpr microseconds kWindow = std::chrono::minutes(1);
constexpr std::chrono::hours kPacificOffset{8};

// The real service answers an exhausted day with a delay that is far too short.
constexpr microseconds kMisleadingDayDelay = std::chrono::milliseconds(32500);

std::int64_t PacificDay(TimePoint now) {
  return std::chrono::floor<std::chrono::days>(now - kPacificOffset).time_since_epoch().count();
}

// Time until enough of `entries` (oldest first) has left the window for `wanted` more to fit.
// A call larger than the limit never fits; it is told to wait for an empty window.
template <typename Entries, typename Member>
microseconds WaitUntilFits(const Entries& entries, Member member, std::uint64_t wanted,
                           std::uint64_t limit, TimePoint now) {
  std::uint64_t used = 0;
  for (const auto& entry : entries) used += entry.*member;
  if (entries.empty()) return kWindow;
  for (const auto& entry : entries) {
    used -= entry.*member;
    if (used + wanted <= limit) return entry.time + kWindow - now;
  }
  return entries.back().time + kWindow - now;
}

}  // namespace

QuotaVerdict QuotaKeeper::Admit(std::string_view model, std::uint64_t requests,
                                std::uint64_t tokens, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Usage& usage = usage_[std::string(model)];
  while (!usage.minute.empty() && usage.minute.front().time + kWindow <= now) {
    usage.minute.pop_front();
  }
  if (usage.day != PacificDay(now)) {
    usage.day = PacificDay(now);
    usage.requests_today = 0;
  }

  QuotaVerdict verdict;
  const auto check_minute = [&](QuotaKind kind, auto member, std::uint64_t wanted,
                                std::uint64_t limit) {
    std::uint64_t used = 0;
    for (const Entry& entry : usage.minute) used += entry.*member;
    if (limit == 0 || used + wanted <= limit) return;
    verdict.violations.push_back({kind, limit});
    verdict.retry_after =
        std::max(verdict.retry_after, WaitUntilFits(usage.minute, member, wanted, limit, now));
  };
  check_minute(QuotaKind::kRequestsPerMinute, &Entry::requests, requests,
               limits_.requests_per_minute);
  check_minute(QuotaKind::kTokensPerMinute, &Entry::tokens, tokens, limits_.tokens_per_minute);
  if (limits_.requests_per_day != 0 && usage.requests_today + requests > limits_.requests_per_day) {
    verdict.violations.push_back({QuotaKind::kRequestsPerDay, limits_.requests_per_day});
    if (verdict.retry_after == microseconds{0}) verdict.retry_after = kMisleadingDayDelay;
  }
  if (verdict.violations.empty()) {
    usage.minute.push_back({now, requests, tokens});
    usage.requests_today += requests;
    for (const Entry& entry : usage.minute) {
      verdict.requests_used += entry.requests;
      verdict.tokens_used += entry.tokens;
    }
  }
  return verdict;
}

}  // namespace embstore::simulator
