// SPDX-License-Identifier: Apache-2.0
// How batch jobs are shown, by `jobs` and by `status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/spending.h"

namespace embstore::tool {

/// A table with a line a job; `now_micros` decides the ages.
std::string JobTable(const std::vector<JobRecord>& jobs, std::int64_t now_micros);

}  // namespace embstore::tool
