// SPDX-License-Identifier: Apache-2.0
// embstore verify: reads everything back and names what is damaged.
#include <fmt/core.h>

#include <chrono>
#include <cstdio>

#include "app.h"
#include "embstore/clock.h"
#include "embstore/verify.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "providers.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Verification failed";

struct VerifyFlags {
  std::vector<std::string> output_dirs;
};

std::string ReportJson(const VerifyReport& report, std::optional<Money> again, double seconds) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("ok").Bool(report.ok());
  json.Key("checked").BeginObject();
  json.Key("vectors").Uint(report.checked.vectors);
  json.Key("texts").Uint(report.checked.texts);
  json.Key("documents").Uint(report.checked.documents);
  json.Key("records").Uint(report.checked.records);
  json.Key("ledger_entries").Uint(report.checked.ledger_entries);
  json.Key("exports").Uint(report.checked.exports);
  json.Key("bytes").Uint(report.checked.bytes);
  json.EndObject();
  json.Key("damaged").BeginArray();
  for (const Damage& damage : report.damaged) {
    json.BeginObject();
    json.Key("kind").String(damage.kind);
    json.Key("where").String(damage.where);
    json.Key("what").String(damage.what);
    json.Key("next").String(damage.next);
    json.EndObject();
  }
  json.EndArray();
  json.Key("total_damaged").Uint(report.total_damaged);
  json.Key("litter").BeginArray();
  for (const std::string& litter : report.litter) json.String(litter);
  json.EndArray();
  json.Key("kept_replies").Uint(report.kept_replies);
  json.Key("embed_again_usd");
  again ? json.Double(again->usd()) : json.Null();
  json.Key("elapsed_seconds").Double(seconds);
  json.EndObject();
  return out + "\n";
}

std::string ReportTable(const VerifyReport& report, std::optional<Money> again, double seconds) {
  const VerifyReport::Counts& checked = report.checked;
  std::string out;
  std::string_view next;
  for (const Damage& damage : report.damaged) {
    if (damage.next != next && !next.empty()) out += fmt::format("  → {}\n", next);
    next = damage.next;
    out += fmt::format("{}: {}\n  {}\n", damage.kind, damage.where, damage.what);
  }
  if (!next.empty()) out += fmt::format("  → {}\n", next);
  if (report.total_damaged > report.damaged.size()) {
    out +=
        fmt::format("... and {} more\n", WithCommas(report.total_damaged - report.damaged.size()));
  }
  if (!report.damaged.empty()) out += "\n";
  out += FormatFacts({{"vectors", WithCommas(checked.vectors)},
                      {"texts", WithCommas(checked.texts)},
                      {"documents", WithCommas(checked.documents)},
                      {"records", WithCommas(checked.records)},
                      {"ledger", WithCommas(checked.ledger_entries) + " entries"},
                      {"exports", WithCommas(checked.exports)},
                      {"read", fmt::format("{} in {:.1f} s", FormatBytes(checked.bytes), seconds)},
                      {"damaged", report.ok() ? "nothing" : WithCommas(report.total_damaged)}});
  if (!report.ok()) {
    out += again ? fmt::format("to embed all vectors of this store again would cost about {}\n",
                               FormatUsd(*again))
                 : "no price is known for some of the vectors of this store\n";
  }
  if (report.kept_replies > 0) {
    out += fmt::format("{} paid replies wait to be stored by the next ingest\n",
                       WithCommas(report.kept_replies));
  }
  if (!report.litter.empty()) out += "\nleft over, harmless:\n";
  for (const std::string& litter : report.litter) out += "  " + litter + "\n";
  return out;
}

int RunVerify(App& app, const VerifyFlags& flags) {
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
  VerifyOptions options;
  options.export_directories.assign(flags.output_dirs.begin(), flags.output_dirs.end());
  const bool draws = app.IsTerminal() && !app.flags().quiet;
  if (draws) {
    options.on_progress = [](std::string_view what, std::uint64_t bytes) {
      fmt::print(stderr, "\r\x1b[Kreading {}: {}", what, FormatBytes(bytes));
      std::fflush(stderr);
    };
  }
  const auto started = SystemClock().Monotonic();
  const auto report = VerifyAll(app.StoreDirectory(*config), options);
  if (draws) fmt::print(stderr, "\r\x1b[K");
  if (!report.ok()) return app.Fail(kFailed, report.status());
  const double seconds = std::chrono::duration<double>(SystemClock().Monotonic() - started).count();
  std::optional<Money> again = Money{};  // Nothing: a price is not known.
  for (const VerifyReport::Space& space : report->spaces) {
    const auto cost = CostToEmbed(*config, space.record, space.tokens);
    again = again && cost ? std::optional(*again + *cost) : std::nullopt;
  }
  const Status printed = Print(app.flags().json ? ReportJson(*report, again, seconds)
                                                : ReportTable(*report, again, seconds));
  if (!printed.ok()) return app.Fail(kFailed, printed);
  if (report->ok()) return kExitDone;
  app.Warn(
      fmt::format("{} things are damaged; nothing was changed", WithCommas(report->total_damaged)));
  return kExitDamage;
}

}  // namespace

CommandBody AddVerify(CLI::App& parser) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command =
      parser.add_subcommand("verify", "Read everything back and name what is damaged");
  command->add_option("--output-dir", flags->output_dirs,
                      "Check exports in this directory too; may be given again");
  return [flags](App& app) { return RunVerify(app, *flags); };
}

}  // namespace embstore::tool
