// SPDX-License-Identifier: Apache-2.0
#include "embstore/money.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace embstore {
namespace {

__extension__ using Wide = __int128;  // tokens x price passes 64 bits on the largest corpora.

std::int64_t Clamp(Wide value) {
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(value > kMax ? kMax : value);
}

/// "12.5" with `decimals` 6 is 12,500,000.
std::optional<std::int64_t> ParseFixed(std::string_view text, std::size_t decimals) {
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string_view fraction;
  if (point != std::string_view::npos) fraction = text.substr(point + 1);
  if (whole.empty() || fraction.size() > decimals) return std::nullopt;
  if (point != std::string_view::npos && fraction.empty()) return std::nullopt;
  std::string digits(whole);
  digits += fraction;
  digits.append(decimals - fraction.size(), '0');
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  std::int64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

Money CostOf(std::uint64_t tokens, Price price) {
  // Micro-dollars per million tokens are pico-dollars per token.
  const Wide pico_usd = static_cast<Wide>(tokens) * price.micro_usd_per_million_tokens;
  return {Clamp((pico_usd + 999) / 1000)};
}

std::string FormatUsd(Money money) {
  const bool negative = money.nano_usd < 0;
  const std::uint64_t nano = negative ? -static_cast<std::uint64_t>(money.nano_usd)
                                      : static_cast<std::uint64_t>(money.nano_usd);
  const std::uint64_t ten_thousandths = (nano + 50'000) / 100'000;
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%s$%llu.%04llu",
                negative && ten_thousandths > 0 ? "-" : "",
                static_cast<unsigned long long>(ten_thousandths / 10'000),
                static_cast<unsigned long long>(ten_thousandths % 10'000));
  return out.data();
}

std::optional<Money> ParseUsd(std::string_view text) {
  const auto nano = ParseFixed(text, 9);
  if (!nano) return std::nullopt;
  return Money{*nano};
}

std::optional<Price> ParsePricePerMillion(std::string_view text) {
  const auto micro = ParseFixed(text, 6);
  if (!micro) return std::nullopt;
  return Price{*micro};
}

}  // namespace embstore
