// SPDX-License-Identifier: Apache-2.0
#include "job_rows.h"

#include <fmt/core.h>

#include <algorithm>

#include "app.h"
#include "engine/base/text.h"
#include "rows.h"

namespace embstore::tool {
namespace {

std::string Age(std::int64_t micros) {
  const std::int64_t minutes = std::max<std::int64_t>(micros, 0) / 60'000'000;
  if (minutes < 60) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h", minutes / 60);
  return fmt::format("{} days", minutes / (24 * 60));
}

}  // namespace

std::string JobTable(const std::vector<JobRecord>& jobs, std::int64_t now_micros) {
  std::vector<std::vector<std::string>> rows = {
      {">job", "state", "split", ">texts", ">tokens", ">price", ">age", "name"}};
  std::string notes;
  for (const JobRecord& job : jobs) {
    rows.push_back({std::to_string(job.id), Printable(job.state, 40), job.split,
                    WithCommas(job.texts), WithCommas(job.tokens), FormatUsd(job.cost),
                    Age(now_micros - job.created_micros),
                    job.name.empty() ? "-" : Printable(job.name, 60)});
    if (!job.note.empty()) notes += fmt::format("job {}: {}\n", job.id, Printable(job.note, 300));
  }
  return FormatTable(rows) + notes;
}

}  // namespace embstore::tool
