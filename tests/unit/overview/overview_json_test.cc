// SPDX-License-Identifier: Apache-2.0
// The documents that programs read, to the byte.
#include <doctest/doctest.h>

#include "embstore/overview.h"

namespace embstore {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

SpendRecord Spent(std::int64_t day, const char* split, std::int64_t nano_usd) {
  SpendRecord record;
  record.day = day;
  record.split = split;
  record.model = "m";
  record.spent = {1, 10, {nano_usd}};
  return record;
}

JobRecord MakeJob() {
  JobRecord job;
  job.id = 7;
  job.step = JobStep::kCreated;
  job.name = "batches/x";
  job.display_name = "ours";
  job.state = "RUNNING";
  job.split = "s";
  job.model = "m";
  job.texts = 3;
  job.stored_texts = 1;
  job.tokens = 30;
  job.cost = {500};
  job.updated_micros = kDay;
  job.note = "a \"note\"";
  return job;
}

constexpr const char* kJob = R"(    {
      "id": 7,
      "name": "batches/x",
      "display_name": "ours",
      "state": "RUNNING",
      "open": true,
      "split": "s",
      "model": "m",
      "texts": 3,
      "stored_texts": 1,
      "tokens": 30,
      "price_usd": 5e-07,
      "created": "1970-01-01T00:00:00Z",
      "updated": "1970-01-02T00:00:00Z",
      "note": "a \"note\""
    }
)";

TEST_CASE("overview: the JSON of jobs is an object with one array") {
  CHECK(JobsJson({MakeJob()}) == "{\n  \"jobs\": [\n" + std::string(kJob) + "  ]\n}\n");
  JobRecord ended = MakeJob();
  ended.step = JobStep::kEnded;
  CHECK(JobsJson({ended}).find("\"open\": false") != std::string::npos);
}

TEST_CASE("overview: the JSON has these keys, in this order") {
  const SpaceInfo space{SpaceId{0xab}, {{"m", 2, "TASK", 1}, "p", 1}};
  CoverageRecord coverage;
  coverage.embedded = 3;
  coverage.imported = 1;
  coverage.last_position = 2;
  coverage.batch_size = 20;
  coverage.total_batches = 1;
  coverage.updated_micros = kDay;
  SplitInfo split{"s", {}};
  split.record.documents = 4;
  Overview overview;
  overview.splits = {{{"new", {}}, std::nullopt, {}, {}},
                     {split, space.id, coverage, {ExportState::kOther, {}, 9}}};
  overview.spaces = {{space, 3}};
  overview.failures = {{"rejected", "not this one", "s", "d", 0}};
  overview.jobs = {MakeJob()};
  overview.doubts = {{5, "s", "m", space.id, 2, 20, {250}, kDay, "lost"}};
  overview.store_bytes = 1;
  overview.ledger_bytes = 2;
  overview.export_bytes = 9;
  CHECK(OverviewJson(overview, kDay) == R"({
  "splits": [
    {
      "name": "new",
      "documents": 0,
      "embedded": 0,
      "missing": 0,
      "imported": 0,
      "space": null,
      "model": null,
      "export": "none",
      "last_processed_index": 0,
      "batch_size": 0,
      "total_batches": 0,
      "timestamp": "1970-01-01T00:00:00Z"
    },
    {
      "name": "s",
      "documents": 4,
      "embedded": 3,
      "missing": 1,
      "imported": 1,
      "space": "00000000000000ab",
      "model": "m",
      "export": "older",
      "last_processed_index": 2,
      "batch_size": 20,
      "total_batches": 1,
      "timestamp": "1970-01-02T00:00:00Z"
    }
  ],
  "spaces": [
    {
      "space": "00000000000000ab",
      "provider": "p",
      "model": "m",
      "dimensions": 2,
      "task_type": "TASK",
      "vectors": 3
    }
  ],
  "jobs": [
)" + std::string(kJob) + R"(  ],
  "failures": [
    {
      "split": "s",
      "id": "d",
      "code": "rejected",
      "reason": "not this one"
    }
  ],
  "money": {
    "spent_usd": 0,
    "spent_today_usd": 0,
    "wasted_usd": 0,
    "in_doubt_texts": 0,
    "in_doubt_usd": 0,
    "under_way_texts": 0,
    "under_way_usd": 0,
    "reported_tokens": 0,
    "estimate_of_reported": 0,
    "by_split": [],
    "by_model": [],
    "by_day": [],
    "doubts": [
      {
        "request": 5,
        "split": "s",
        "model": "m",
        "texts": 2,
        "tokens": 20,
        "price_usd": 2.5e-07,
        "since": "1970-01-02T00:00:00Z",
        "reason": "lost"
      }
    ]
  },
  "kept": {
    "replies": 0,
    "texts": 0,
    "damaged_files": 0
  },
  "store_bytes": 1,
  "ledger_bytes": 2,
  "export_bytes": 9
}
)");
}

TEST_CASE("overview: spending is summed by split, by model and by day") {
  Overview overview;
  overview.spending = {Spent(0, "s", 1'000'000'000), Spent(1, "s", 500'000'000),
                       Spent(1, "", 250'000'000)};
  overview.spending[1].batch = true;
  overview.spending[2].in_doubt = {4, 40, {2'000'000'000}};
  const auto& spending = overview.spending;
  CHECK(SumSpending(spending).spent.tokens == 30);
  CHECK(SumSpending(spending).in_doubt.texts == 4);
  CHECK(SpentToday(spending, kDay).nano_usd == 750'000'000);
  CHECK(SpentToday(spending, 2 * kDay).nano_usd == 0);
  const auto usd = [&](SpendGroup group, const char* name) {
    return SumSpendingBy(group, spending).at(name).spent.cost.usd();
  };
  CHECK(usd(SpendGroup::kSplit, "s") == 1.5);
  CHECK(usd(SpendGroup::kSplit, "(search)") == 0.25);
  CHECK(usd(SpendGroup::kModel, "m, batch") == 0.5);
  CHECK(usd(SpendGroup::kModel, "m, sync") == 1.25);
  CHECK(usd(SpendGroup::kDay, "1970-01-01") == 1);
  CHECK(usd(SpendGroup::kDay, "1970-01-02") == 0.75);
  CHECK(OverviewJson(overview, kDay).find(R"("by_day": [
      {
        "name": "1970-01-01",
        "texts": 1,
        "tokens": 10,
        "spent_usd": 1,
        "wasted_usd": 0,
        "in_doubt_usd": 0,
        "under_way_usd": 0
      },)") != std::string::npos);
}

}  // namespace
}  // namespace embstore
