// SPDX-License-Identifier: Apache-2.0
// How money is shown by `status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/spending.h"

namespace embstore::tool {

/// Totals, sums by split and model, and requests in doubt.
std::string MoneyTable(const std::vector<SpendRecord>& spending,
                       const std::vector<DoubtRecord>& doubts, std::int64_t now_micros);

}  // namespace embstore::tool
