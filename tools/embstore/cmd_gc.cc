// SPDX-License-Identifier: Apache-2.0
// embstore gc: drops what no split refers to.
#include <fmt/core.h>

#include <optional>
#include <vector>

#include "app.h"
#include "embstore/gc.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "providers.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Garbage collection failed";

struct GcFlags {
  std::vector<std::string> forget;
  bool questions = false;
  bool yes = false;
};

std::optional<Money> CostAgain(const Config& config, const GcReport::Space& space) {
  return CostToEmbed(config, space.info.record, space.tokens);
}

std::string ReportJson(const GcReport& report, const Config& config, bool dry_run) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("dry_run").Bool(dry_run);
  json.Key("vectors").Uint(report.vectors);
  json.Key("texts").Uint(report.texts);
  json.Key("failures").Uint(report.failures);
  json.Key("documents").Uint(report.documents);
  json.Key("bytes").Uint(report.bytes);
  json.Key("kept").Uint(report.kept);
  json.Key("questions").Uint(report.questions);
  json.Key("spaces").BeginArray();
  for (const GcReport::Space& space : report.spaces) {
    const EmbeddingIdentity& identity = space.info.record.identity;
    json.BeginObject();
    json.Key("space").String(ToHex(space.info.id));
    json.Key("model").String(identity.model);
    json.Key("dimensions").Uint(identity.dimensions);
    json.Key("task_type").String(identity.task_type);
    json.Key("vectors").Uint(space.vectors);
    json.Key("paid").Uint(space.paid);
    json.Key("tokens").Uint(space.tokens);
    json.Key("embed_again_usd");
    const auto cost = CostAgain(config, space);
    cost ? json.Double(cost->usd()) : json.Null();
    json.Key("removed").Bool(space.removed);
    json.EndObject();
  }
  json.EndArray();
  json.Key("forgotten").BeginArray();
  for (const SplitInfo& split : report.forgotten) json.String(split.name);
  json.EndArray();
  json.Key("store_bytes_before").Uint(report.bytes_before);
  json.Key("store_bytes_after").Uint(report.bytes_after);
  json.EndObject();
  return out + "\n";
}

std::string SpaceTable(const GcReport& report, const Config& config) {
  std::vector<std::vector<std::string>> rows = {
      {"model", ">dimensions", "task", ">vectors", ">paid for", ">to embed again"}};
  for (const GcReport::Space& space : report.spaces) {
    const EmbeddingIdentity& identity = space.info.record.identity;
    const auto cost = CostAgain(config, space);
    rows.push_back({identity.model, std::to_string(identity.dimensions),
                    identity.task_type.empty() ? "-" : identity.task_type,
                    WithCommas(space.vectors), WithCommas(space.paid),
                    cost ? FormatUsd(*cost) : "no price known"});
  }
  return FormatTable(rows);
}

std::string ReportTable(const GcReport& report, const Config& config, bool dry_run) {
  std::string out;
  for (const SplitInfo& split : report.forgotten) {
    out += fmt::format("split '{}' with {} documents {} forgotten\n", split.name,
                       WithCommas(split.record.documents), dry_run ? "would be" : "is");
  }
  if (!report.forgotten.empty()) out += "\n";
  if (!report.spaces.empty()) out += SpaceTable(report, config) + "\n";
  const std::string vectors = fmt::format("{}, {} with their texts, before compression",
                                          WithCommas(report.vectors), FormatBytes(report.bytes));
  std::vector<std::pair<std::string, std::string>> facts = {
      {dry_run ? "would drop" : "dropped", report.vectors == 0 ? "no vectors" : vectors},
      {"texts", WithCommas(report.texts)},
      {"failures", WithCommas(report.failures)},
      {"documents", WithCommas(report.documents) + " of lists that no split points to"}};
  if (report.kept > 0) {
    facts.emplace_back("kept", WithCommas(report.kept) + " that no split has, for open jobs");
  }
  if (report.questions > 0) {
    facts.emplace_back("questions", WithCommas(report.questions) +
                                        " of 'search' stay; --questions drops them too");
  }
  facts.emplace_back("store", dry_run ? FormatBytes(report.bytes_before)
                                      : FormatBytes(report.bytes_before) + " before, " +
                                            FormatBytes(report.bytes_after) + " after");
  return out + FormatFacts(facts);
}

int RunGc(App& app, const GcFlags& flags) {
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
  auto store =
      flags.yes ? app.OpenExistingStore(*config) : app.OpenStore(*config, /*read_only=*/true);
  if (!store.ok()) return app.Fail(kFailed, store.status());
  GcOptions options;
  options.forget = flags.forget;
  options.questions = flags.questions;
  options.dry_run = !flags.yes;
  const auto report = CollectGarbage(store->get(), options);
  if (!report.ok()) return app.Fail(kFailed, report.status());
  if (Status closed = (*store)->Close(); !closed.ok()) return app.Fail(kFailed, closed);
  const Status printed = Print(app.flags().json ? ReportJson(*report, *config, options.dry_run)
                                                : ReportTable(*report, *config, options.dry_run));
  if (!printed.ok()) return app.Fail(kFailed, printed);
  if (options.dry_run) app.Say("nothing was dropped; the same command with --yes does it");
  return kExitDone;
}

}  // namespace

CommandBody AddGc(CLI::App& parser) {
  auto flags = std::make_shared<GcFlags>();
  CLI::App* command = parser.add_subcommand("gc", "Drop vectors that no split refers to");
  command->add_flag("--yes", flags->yes, "Do it; without it, only say what would be dropped");
  command->add_flag("--questions", flags->questions, "Also vectors of texts given to 'search'");
  command->add_option("--forget", flags->forget, "Remove this split first; may be given again");
  return [flags](App& app) { return RunGc(app, *flags); };
}

}  // namespace embstore::tool
