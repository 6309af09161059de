// SPDX-License-Identifier: Apache-2.0
// Money as integers. A cost is rounded up, so that a budget is never overrun by rounding.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "embstore/visibility.h"

namespace embstore {

/// An amount in nano-dollars (10^-9 USD). Holds up to about 9.2 billion USD; sums stop there, for
/// token counts come from servers and a budget must not be passed by wrapping around.
struct Money {
  std::int64_t nano_usd = 0;
  auto operator<=>(const Money&) const = default;
  Money operator+(Money other) const {
    Money sum;
    if (__builtin_add_overflow(nano_usd, other.nano_usd, &sum.nano_usd)) return Most(nano_usd > 0);
    return sum;
  }
  Money operator-(Money other) const {
    Money rest;
    if (__builtin_sub_overflow(nano_usd, other.nano_usd, &rest.nano_usd))
      return Most(nano_usd >= 0);
    return rest;
  }
  Money& operator+=(Money other) { return *this = *this + other; }
  double usd() const { return static_cast<double>(nano_usd) / 1e9; }

 private:
  static Money Most(bool positive) {
    using Limits = std::numeric_limits<std::int64_t>;
    return {positive ? Limits::max() : Limits::min()};
  }
};

/// A price in micro-dollars for one million tokens: $0.15 per 1M is 150,000.
struct Price {
  std::int64_t micro_usd_per_million_tokens = 0;
  auto operator<=>(const Price&) const = default;
};

/// The cost of `tokens` at `price`, rounded up to a nano-dollar.
EMBSTORE_API Money CostOf(std::uint64_t tokens, Price price);

/// "$0.0900": four decimals, the last one rounded half up.
EMBSTORE_API std::string FormatUsd(Money money);

/// Reads a plain decimal number of dollars such as "1.25": no sign, no exponent, at most nine
/// decimals (up to six for a price). Nothing for anything else.
EMBSTORE_API std::optional<Money> ParseUsd(std::string_view text);
EMBSTORE_API std::optional<Price> ParsePricePerMillion(std::string_view text);

}  // namespace embstore
