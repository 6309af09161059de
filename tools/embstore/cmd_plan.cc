// SPDX-License-Identifier: Apache-2.0
// embstore plan: what ingest would do and cost. Sends nothing and writes nothing.
#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "app.h"
#include "embstore/ingest.h"
#include "embstore/quota.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "progress.h"
#include "rows.h"
#include "settings.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Planning failed";

void WriteQuotaTimes(const IngestPlan& plan, std::span<const QuotaTier> tiers, JsonWriter* json) {
  json->Key("quota_seconds").BeginObject();
  for (const QuotaTier& tier : tiers) {
    std::string name(tier.name);
    std::replace(name.begin(), name.end(), ' ', '_');
    json->Key(name).Int(QuotaTime(tier, plan.to_embed, plan.tokens).count());
  }
  json->EndObject();
}

std::string PlanJson(const IngestPlan& plan, const ModelPrice& price,
                     std::span<const QuotaTier> tiers) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("documents").Uint(plan.documents);
  json.Key("unique_documents").Uint(plan.unique_documents);
  json.Key("duplicates").Uint(plan.duplicates);
  json.Key("cached").Uint(plan.cached);
  json.Key("to_embed").Uint(plan.to_embed);
  json.Key("too_long").Uint(plan.too_long);
  json.Key("empty").Uint(plan.empty);
  json.Key("tokens").Uint(plan.tokens);
  json.Key("cost_sync_usd").Double(CostOf(plan.tokens, price.sync).usd());
  json.Key("cost_batch_usd").Double(CostOf(plan.tokens, price.batch).usd());
  json.Key("in_jobs").Uint(plan.in_jobs);
  json.Key("in_doubt").Uint(plan.in_doubt);
  json.Key("token_ratio").Double(plan.token_ratio);
  if (!tiers.empty()) WriteQuotaTimes(plan, tiers, &json);
  json.EndObject();
  return out + "\n";
}

/// "26 min by calls; by jobs 500,000 tokens at once".
std::string QuotaText(const QuotaTier& tier, const IngestPlan& plan) {
  const auto seconds = QuotaTime(tier, plan.to_embed, plan.tokens);
  return FormatDuration(static_cast<double>(seconds.count())) + " h:min:s by calls; " +
         (tier.batch_tokens == 0
              ? "no batch jobs"
              : "by jobs " + WithCommas(tier.batch_tokens) + " tokens at a time");
}

std::string PlanTable(const IngestFlags& flags, const IngestPlan& plan, const ModelPrice& price,
                      std::span<const QuotaTier> tiers) {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"split", flags.split},
      {"documents", WithCommas(plan.documents)},
      {"distinct", WithCommas(plan.unique_documents)},
      {"duplicates", WithCommas(plan.duplicates)},
      {"cached", WithCommas(plan.cached)},
      {"to embed", WithCommas(plan.to_embed)},
      {"too long", WithCommas(plan.too_long)},
      {"empty", WithCommas(plan.empty)},
      {"tokens", WithCommas(plan.tokens) + " (estimated)"},
      {"cost, sync", FormatUsd(CostOf(plan.tokens, price.sync))},
      {"cost, batch", FormatUsd(CostOf(plan.tokens, price.batch))},
  };
  if (plan.in_jobs > 0) facts.emplace_back("in jobs", WithCommas(plan.in_jobs));
  if (plan.in_doubt > 0) facts.emplace_back("in doubt", WithCommas(plan.in_doubt));
  for (const QuotaTier& tier : tiers) {
    facts.emplace_back("quotas, " + std::string(tier.name), QuotaText(tier, plan));
  }
  return FormatFacts(facts);
}

int RunPlan(App& app, const IngestFlags& flags) {
  auto prepared = PrepareIngest(app, flags, Purpose::kPlan);
  if (!prepared.ok()) return app.Fail(kFailed, prepared.status());
  if (!prepared->price_warning.empty()) app.Warn(prepared->price_warning);
  const IngestOptions& options = prepared->options;
  auto store = app.OpenStore(prepared->config, /*read_only=*/true);
  if (!store.ok() && store.code() != Code::kNotFound) return app.Fail(kFailed, store.status());

  const Store* const existing = store.ok() ? store->get() : nullptr;
  auto plan = PlanIngest(existing, *prepared->dataset, *prepared->provider, options);
  if (!plan.ok()) return app.Fail(kFailed, plan.status());
  if (options.expected_documents != 0 && flags.limit == 0 &&
      options.expected_documents != plan->documents) {
    app.Warn(fmt::format("split '{}' has {} documents, {} were expected", flags.split,
                         plan->documents, options.expected_documents));
  }
  if (options.budgets.per_run && plan->cost > *options.budgets.per_run) {
    app.Warn(fmt::format("this costs {}, more than the budget of {}: ingest would stop on the way",
                         FormatUsd(plan->cost), FormatUsd(*options.budgets.per_run)));
  }
  const bool gemini = prepared->provider->name() == kGemini && plan->to_embed > 0;
  const auto tiers = gemini ? GeminiTiers() : std::span<const QuotaTier>();
  const Status printed = Print(app.flags().json ? PlanJson(*plan, prepared->price, tiers)
                                                : PlanTable(flags, *plan, prepared->price, tiers));
  return printed.ok() ? kExitDone : app.Fail(kFailed, printed);
}

}  // namespace

CommandBody AddPlan(CLI::App& parser) {
  auto flags = std::make_shared<IngestFlags>();
  CLI::App* command =
      parser.add_subcommand("plan", "Count texts, tokens and cost; send and write nothing");
  AddIngestFlags(*command, *flags);
  return [flags](App& app) { return RunPlan(app, *flags); };
}

}  // namespace embstore::tool
