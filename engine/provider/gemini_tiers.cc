// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "embstore/quota.h"

namespace embstore {
namespace {

constexpr std::array<QuotaTier, 4> kTiers = {{{"free", 100, 30'000, 1'000, 0},
                                              {"tier 1", 3'000, 1'000'000, 0, 500'000},
                                              {"tier 2", 5'000, 5'000'000, 0, 5'000'000},
                                              {"tier 3", 10'000, 10'000'000, 0, 10'000'000}}};
constexpr std::uint64_t kSecondsPerDay = 86'400;

std::uint64_t SecondsFor(std::uint64_t amount, std::uint64_t per_minute) {
  return per_minute == 0 ? 0 : (amount * 60 + per_minute - 1) / per_minute;
}

}  // namespace

std::span<const QuotaTier> GeminiTiers() { return kTiers; }

std::chrono::seconds QuotaTime(const QuotaTier& tier, std::uint64_t texts, std::uint64_t tokens) {
  std::uint64_t days = 0;
  std::uint64_t last_texts = texts;
  std::uint64_t last_tokens = tokens;
  if (tier.texts_per_day > 0 && texts > tier.texts_per_day) {
    days = (texts - 1) / tier.texts_per_day;
    last_texts = texts - days * tier.texts_per_day;
    last_tokens = tokens * last_texts / texts;
  }
  const std::uint64_t last_day = std::max(SecondsFor(last_texts, tier.texts_per_minute),
                                          SecondsFor(last_tokens, tier.tokens_per_minute));
  return std::chrono::seconds(days * kSecondsPerDay + last_day);
}

}  // namespace embstore
