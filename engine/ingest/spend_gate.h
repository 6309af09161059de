// SPDX-License-Identifier: Apache-2.0
// The one door that money goes through.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "embstore/money.h"
#include "embstore/status.h"

namespace embstore {

/// Counts what requests cost and lets none begin that could pass the budget.
/// Safe for concurrent use.
class SpendGate {
 public:
  SpendGate(Price price, std::optional<Money> max_cost) : price_(price), max_cost_(max_cost) {}

  /// Sets aside the cost of `tokens`. kBudgetReached: spent and set aside would pass the budget.
  Status Reserve(std::uint64_t tokens);

  /// Turns a reservation of `reserved_tokens` into an expense of `tokens`.
  void Settle(std::uint64_t reserved_tokens, std::uint64_t tokens);

 private:
  const Price price_;
  const std::optional<Money> max_cost_;

  std::mutex mutex_;
  // Guarded by mutex_. Tokens, not money, so that rounding cannot add up.
  std::uint64_t tokens_spent_ = 0;
  std::uint64_t tokens_reserved_ = 0;
};

}  // namespace embstore
