// SPDX-License-Identifier: Apache-2.0
// How money is shown by `status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/spending.h"
#include "engine/json/json_writer.h"

namespace embstore::tool {

/// One object: totals, sums by split, model and day, and each request in doubt.
void WriteMoney(const std::vector<SpendRecord>& spending, const std::vector<DoubtRecord>& doubts,
                std::int64_t now_micros, JsonWriter* json);

/// The same for people.
std::string MoneyTable(const std::vector<SpendRecord>& spending,
                       const std::vector<DoubtRecord>& doubts, std::int64_t now_micros);

}  // namespace embstore::tool
