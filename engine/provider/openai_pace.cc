// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_pace.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/provider/server_words.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRetryAfterMs = "retry-after-ms";
constexpr std::string_view kShouldRetry = "x-should-retry";
constexpr std::string_view kRateLimit = "x-ratelimit-";
constexpr std::string_view kRequests = "requests";
constexpr std::string_view kTokens = "tokens";
constexpr milliseconds kLongestPause = std::chrono::minutes(1);

std::string_view Header(const HttpResponse& response, std::string_view name) {
  for (const auto& [header, value] : response.headers) {
    if (header == name) return value;
  }
  return "";
}

/// The header "x-ratelimit-WHAT-UNIT".
std::string_view RateHeader(const HttpResponse& response, std::string_view what,
                            std::string_view unit) {
  std::string name(kRateLimit);
  name.append(what).append("-").append(unit);
  return Header(response, name);
}

std::optional<std::uint64_t> ReadCount(std::string_view digits) {
  std::uint64_t count = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, count);
  if (rest != end || error != std::errc()) return std::nullopt;
  return count;
}

struct Quota {
  std::uint64_t limit = 0;
  std::uint64_t remaining = 0;
  milliseconds reset{0};
};

std::optional<Quota> ReadQuota(const HttpResponse& response, std::string_view unit) {
  const auto limit = ReadCount(RateHeader(response, "limit", unit));
  const auto remaining = ReadCount(RateHeader(response, "remaining", unit));
  const auto reset = ParseWait(RateHeader(response, "reset", unit));
  if (!limit || !remaining || !reset || *remaining > *limit) return std::nullopt;
  return Quota{*limit, *remaining, *reset};
}

/// Whether `quota` fills up within about a minute. The reset time is rounded to a millisecond.
bool IsPerMinute(const Quota& quota) {
  constexpr double kShortest = 54'000;
  constexpr double kLongest = 66'000;
  const std::uint64_t used = quota.limit - quota.remaining;
  if (used == 0 || quota.reset.count() == 0) return false;
  const double share = static_cast<double>(quota.limit) / static_cast<double>(used);
  const auto reset = static_cast<double>(quota.reset.count());
  return (reset + 1) * share >= kShortest && (reset - 1) * share <= kLongest;
}

void ApplyQuota(const std::optional<Quota>& quota, std::uint64_t* per_minute, Backoff* pace) {
  if (!quota) return;
  if (IsPerMinute(*quota)) *per_minute = quota->limit;
  if (quota->remaining > 0) return;
  pace->retry_after = std::max(pace->retry_after, std::min(quota->reset, kLongestPause));
}

}  // namespace

std::vector<std::string> OpenAiPaceHeaders() {
  std::vector<std::string> names = {std::string(kRetryAfterMs), std::string(kShouldRetry)};
  for (const std::string_view what : {"limit-", "remaining-", "reset-"}) {
    for (const std::string_view unit : {kRequests, kTokens}) {
      names.push_back(std::string(kRateLimit).append(what).append(unit));
    }
  }
  return names;
}

Backoff ReadOpenAiPace(const HttpResponse& response) {
  Backoff pace;
  ApplyQuota(ReadQuota(response, kRequests), &pace.requests_per_minute, &pace);
  ApplyQuota(ReadQuota(response, kTokens), &pace.tokens_per_minute, &pace);
  return pace;
}

milliseconds ReadRetryAfter(const HttpResponse& response) {
  const std::string_view precise = Header(response, kRetryAfterMs);
  if (const auto wait = ParseWait(std::string(precise) + "ms")) return *wait;
  return response.retry_after.value_or(milliseconds(0));
}

bool ForbidsRetry(const HttpResponse& response) {
  return Header(response, kShouldRetry) == "false";
}

}  // namespace embstore
