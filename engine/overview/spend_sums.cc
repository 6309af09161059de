// SPDX-License-Identifier: Apache-2.0
#include "embstore/overview.h"
#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

void Add(const SpendRecord::Amount& amount, SpendRecord::Amount* sum) {
  sum->texts += amount.texts;
  sum->tokens += amount.tokens;
  sum->cost += amount.cost;
}

void Add(const SpendRecord& record, SpendSums* sums) {
  Add(record.spent, &sums->spent);
  Add(record.wasted, &sums->wasted);
  Add(record.in_doubt, &sums->in_doubt);
  Add(record.under_way, &sums->under_way);
  sums->reported_tokens += record.reported_tokens;
  sums->estimate_of_reported += record.estimate_of_reported;
}

std::string NameOf(SpendGroup group, const SpendRecord& record) {
  switch (group) {
    case SpendGroup::kSplit:
      return record.split.empty() ? "(search)" : record.split;
    case SpendGroup::kModel:
      return record.model + (record.batch ? ", batch" : ", sync");
    case SpendGroup::kDay:
      break;
  }
  return FormatUtc(record.day * kMicrosPerDay).substr(0, 10);
}

}  // namespace

SpendSums SumSpending(const std::vector<SpendRecord>& spending) {
  SpendSums sums;
  for (const SpendRecord& record : spending) Add(record, &sums);
  return sums;
}

std::map<std::string, SpendSums> SumSpendingBy(SpendGroup group,
                                               const std::vector<SpendRecord>& spending) {
  std::map<std::string, SpendSums> groups;
  for (const SpendRecord& record : spending) Add(record, &groups[NameOf(group, record)]);
  return groups;
}

Money SpentToday(const std::vector<SpendRecord>& spending, std::int64_t now_micros) {
  Money spent;
  for (const SpendRecord& record : spending) {
    if (record.day == now_micros / kMicrosPerDay) spent += record.spent.cost;
  }
  return spent;
}

}  // namespace embstore
