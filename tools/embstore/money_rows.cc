// SPDX-License-Identifier: Apache-2.0
#include "money_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>

#include "app.h"
#include "engine/base/text.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr std::size_t kListedDoubts = 10;

struct Sums {
  SpendRecord::Amount spent;
  SpendRecord::Amount wasted;
  SpendRecord::Amount in_doubt;
  SpendRecord::Amount under_way;
  std::uint64_t reported_tokens = 0;
  std::uint64_t estimate_of_reported = 0;

  void Add(const SpendRecord& record) {
    const auto add = [](const SpendRecord::Amount& from, SpendRecord::Amount* to) {
      to->texts += from.texts;
      to->tokens += from.tokens;
      to->cost += from.cost;
    };
    add(record.spent, &spent);
    add(record.wasted, &wasted);
    add(record.in_doubt, &in_doubt);
    add(record.under_way, &under_way);
    reported_tokens += record.reported_tokens;
    estimate_of_reported += record.estimate_of_reported;
  }
};

Sums Total(const std::vector<SpendRecord>& spending) {
  Sums total;
  for (const SpendRecord& record : spending) total.Add(record);
  return total;
}

using Name = std::function<std::string(const SpendRecord&)>;

std::map<std::string, Sums> GroupBy(const std::vector<SpendRecord>& spending, const Name& name) {
  std::map<std::string, Sums> groups;
  for (const SpendRecord& record : spending) groups[name(record)].Add(record);
  return groups;
}

/// Questions of `search` belong to no split.
std::string SplitOf(const SpendRecord& record) {
  return record.split.empty() ? "(search)" : record.split;
}
std::string ModelOf(const SpendRecord& record) {
  return record.model + (record.batch ? ", batch" : ", sync");
}
std::string DayOf(const SpendRecord& record) {
  return FormatUtc(record.day * kMicrosPerDay).substr(0, 10);
}

void WriteGroups(std::string_view key, const std::vector<SpendRecord>& spending, const Name& name,
                 JsonWriter* json) {
  json->Key(key).BeginArray();
  for (const auto& [group, sums] : GroupBy(spending, name)) {
    json->BeginObject();
    json->Key("name").String(group);
    json->Key("texts").Uint(sums.spent.texts);
    json->Key("tokens").Uint(sums.spent.tokens);
    json->Key("spent_usd").Double(sums.spent.cost.usd());
    json->Key("wasted_usd").Double(sums.wasted.cost.usd());
    json->Key("in_doubt_usd").Double(sums.in_doubt.cost.usd());
    json->Key("under_way_usd").Double(sums.under_way.cost.usd());
    json->EndObject();
  }
  json->EndArray();
}

std::string GroupTable(const std::string& title, const std::vector<SpendRecord>& spending,
                       const Name& name) {
  std::vector<std::vector<std::string>> rows = {
      {title, ">texts", ">tokens", ">spent", ">wasted", ">in doubt", ">under way"}};
  for (const auto& [group, sums] : GroupBy(spending, name)) {
    rows.push_back({group, WithCommas(sums.spent.texts), WithCommas(sums.spent.tokens),
                    FormatUsd(sums.spent.cost), FormatUsd(sums.wasted.cost),
                    FormatUsd(sums.in_doubt.cost), FormatUsd(sums.under_way.cost)});
  }
  return FormatTable(rows);
}

}  // namespace

void WriteMoney(const std::vector<SpendRecord>& spending, const std::vector<DoubtRecord>& doubts,
                std::int64_t now_micros, JsonWriter* json) {
  const Sums total = Total(spending);
  Money today;
  for (const SpendRecord& record : spending) {
    if (record.day == now_micros / kMicrosPerDay) today += record.spent.cost;
  }
  json->BeginObject();
  json->Key("spent_usd").Double(total.spent.cost.usd());
  json->Key("spent_today_usd").Double(today.usd());
  json->Key("wasted_usd").Double(total.wasted.cost.usd());
  json->Key("in_doubt_texts").Uint(total.in_doubt.texts);
  json->Key("in_doubt_usd").Double(total.in_doubt.cost.usd());
  json->Key("under_way_texts").Uint(total.under_way.texts);
  json->Key("under_way_usd").Double(total.under_way.cost.usd());
  json->Key("reported_tokens").Uint(total.reported_tokens);
  json->Key("estimate_of_reported").Uint(total.estimate_of_reported);
  WriteGroups("by_split", spending, SplitOf, json);
  WriteGroups("by_model", spending, ModelOf, json);
  WriteGroups("by_day", spending, DayOf, json);
  json->Key("doubts").BeginArray();
  for (const DoubtRecord& doubt : doubts) {
    json->BeginObject();
    json->Key("request").Uint(doubt.request);
    json->Key("split").String(doubt.split);
    json->Key("model").String(doubt.model);
    json->Key("texts").Uint(doubt.texts);
    json->Key("tokens").Uint(doubt.tokens);
    json->Key("price_usd").Double(doubt.cost.usd());
    json->Key("since").String(FormatUtc(doubt.since_micros));
    json->Key("reason").String(doubt.reason);
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

std::string MoneyTable(const std::vector<SpendRecord>& spending,
                       const std::vector<DoubtRecord>& doubts, std::int64_t now_micros) {
  if (spending.empty()) return "no money was spent\n";
  const Sums total = Total(spending);
  std::string out = GroupTable("money by split", spending, SplitOf);
  out += "\n" + GroupTable("money by model", spending, ModelOf);
  if (total.estimate_of_reported > 0) {
    out += fmt::format("\nthe server counted {} tokens where {} were estimated ({:.3f})\n",
                       WithCommas(total.reported_tokens), WithCommas(total.estimate_of_reported),
                       static_cast<double>(total.reported_tokens) /
                           static_cast<double>(total.estimate_of_reported));
  }
  std::vector<SpendRecord> today = spending;
  std::erase_if(today, [&](const SpendRecord& r) { return r.day != now_micros / kMicrosPerDay; });
  out += fmt::format("\nspent {} in all, {} today (UTC); wasted {}, in doubt {}\n",
                     FormatUsd(total.spent.cost), FormatUsd(Total(today).spent.cost),
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
