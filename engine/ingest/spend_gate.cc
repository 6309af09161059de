// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/spend_gate.h"

#include <string>

namespace embstore {

Status SpendGate::Reserve(std::uint64_t tokens) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const Money total = CostOf(tokens_spent_ + tokens_reserved_ + tokens, price_);
  if (max_cost_ && total > *max_cost_) {
    return {Code::kBudgetReached, "the budget of " + FormatUsd(*max_cost_) + " is reached: " +
                                      FormatUsd(CostOf(tokens_spent_ + tokens_reserved_, price_)) +
                                      " spent or under way, and the next request would pass it"};
  }
  tokens_reserved_ += tokens;
  return {};
}

void SpendGate::Settle(std::uint64_t reserved_tokens, std::uint64_t tokens) {
  const std::lock_guard<std::mutex> guard(mutex_);
  tokens_reserved_ -= reserved_tokens;
  tokens_spent_ += tokens;
}

}  // namespace embstore
