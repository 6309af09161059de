// SPDX-License-Identifier: Apache-2.0
#include "money_rows.h"

#include <fmt/core.h>

#include <algorithm>

#include "app.h"
#include "embstore/overview.h"
#include "engine/base/text.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::size_t kListedDoubts = 10;

std::string GroupTable(const std::string& title, const std::vector<SpendRecord>& spending,
                       SpendGroup group) {
  std::vector<std::vector<std::string>> rows = {
      {title, ">texts", ">tokens", ">spent", ">wasted", ">in doubt", ">under way"}};
  for (const auto& [name, sums] : SumSpendingBy(group, spending)) {
    rows.push_back({name, WithCommas(sums.spent.texts), WithCommas(sums.spent.tokens),
                    FormatUsd(sums.spent.cost), FormatUsd(sums.wasted.cost),
                    FormatUsd(sums.in_doubt.cost), FormatUsd(sums.under_way.cost)});
  }
  return FormatTable(rows);
}

}  // namespace

std::string MoneyTable(const std::vector<SpendRecord>& spending,
                       const std::vector<DoubtRecord>& doubts, std::int64_t now_micros) {
  if (spending.empty()) return "no money was spent\n";
  const SpendSums total = SumSpending(spending);
  std::string out = GroupTable("money by split", spending, SpendGroup::kSplit);
  out += "\n" + GroupTable("money by model", spending, SpendGroup::kModel);
  if (total.estimate_of_reported > 0) {
    out += fmt::format("\nthe server counted {} tokens where {} were estimated ({:.3f})\n",
                       WithCommas(total.reported_tokens), WithCommas(total.estimate_of_reported),
                       static_cast<double>(total.reported_tokens) /
                           static_cast<double>(total.estimate_of_reported));
  }
  out += fmt::format("\nspent {} in all, {} today (UTC); wasted {}, in doubt {}\n",
                     FormatUsd(total.spent.cost), FormatUsd(SpentToday(spending, now_micros)),
                     FormatUsd(total.wasted.cost), FormatUsd(total.in_doubt.cost));
  if (doubts.empty()) return out;
  out += fmt::format("\nin doubt: {} texts, {} - perhaps paid for, the answers were lost\n",
                     WithCommas(total.in_doubt.texts), FormatUsd(total.in_doubt.cost));
  for (std::size_t i = 0; i < std::min(doubts.size(), kListedDoubts); ++i) {
    const DoubtRecord& doubt = doubts[i];
    out += fmt::format("  request {}: {} texts of {}, {}, {}: {}\n", doubt.request,
                       WithCommas(doubt.texts), doubt.split, FormatUsd(doubt.cost),
                       FormatUtc(doubt.since_micros), Printable(doubt.reason, 200));
  }
  if (doubts.size() > kListedDoubts) out += "  ... (all with --json)\n";
  return out;
}

}  // namespace embstore::tool
