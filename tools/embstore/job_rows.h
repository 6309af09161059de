// SPDX-License-Identifier: Apache-2.0
// How batch jobs are shown, by `jobs` and by `status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/spending.h"
#include "engine/json/json_writer.h"

namespace embstore::tool {

/// One array of objects.
void WriteJobs(const std::vector<JobRecord>& jobs, JsonWriter* json);

/// A table with a line a job; `now_micros` decides the ages.
std::string JobTable(const std::vector<JobRecord>& jobs, std::int64_t now_micros);

/// Leaves out jobs that have ended.
std::vector<JobRecord> OnlyOpen(std::vector<JobRecord> jobs);

}  // namespace embstore::tool
