// SPDX-License-Identifier: Apache-2.0
// embstore ingest: embed what is missing.
#include <fmt/core.h>

#include "app.h"
#include "embstore/ingest.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "progress.h"
#include "rows.h"
#include "settings.h"
#include "signals.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Embedding generation failed";

std::string ReportJson(const IngestFlags& flags, const IngestReport& r) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("split").String(flags.split);
  json.Key("documents").Uint(r.documents);
  json.Key("unique_documents").Uint(r.unique_documents);
  json.Key("cached").Uint(r.cached);
  json.Key("embedded").Uint(r.embedded);
  json.Key("failed").Uint(r.failed);
  json.Key("skipped").Uint(r.skipped);
  json.Key("in_jobs").Uint(r.in_jobs);
  json.Key("held").Uint(r.held);
  json.Key("in_doubt_texts").Uint(r.in_doubt);
  json.Key("in_doubt_usd").Double(r.in_doubt_cost.usd());
  json.Key("batches").BeginObject();
  json.Key("total").Uint(r.batches.total);
  json.Key("successful").Uint(r.batches.successful);
  json.Key("failed").Uint(r.batches.failed);
  json.Key("skipped").Uint(r.batches.skipped);
  json.EndObject();
  json.Key("api_calls").Uint(r.api_calls);
  json.Key("tokens").Uint(r.tokens);
  json.Key("tokens_estimated").Bool(r.tokens_estimated);
  json.Key("estimated_cost_usd").Double(r.cost.usd());
  json.Key("elapsed_seconds").Double(r.elapsed_seconds);
  json.Key("mean_batch_seconds").Double(r.mean_batch_seconds);
  json.Key("space").String(ToHex(r.space));
  json.Key("complete").Bool(r.complete);
  if (!r.outcome.ok()) {
    json.Key("error").BeginObject();
    json.Key("code").String(CodeName(r.outcome.code()));
    json.Key("message").String(r.outcome.message());
    json.EndObject();
  }
  json.EndObject();
  return out + "\n";
}

std::string ReportTable(const IngestFlags& flags, const IngestReport& r) {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"split", flags.split},
      {"documents",
       fmt::format("{} ({} distinct)", WithCommas(r.documents), WithCommas(r.unique_documents))},
      {"cached", WithCommas(r.cached)},
      {"embedded", WithCommas(r.embedded)},
      {"failed", WithCommas(r.failed)},
      {"skipped", WithCommas(r.skipped)},
      {"batches", fmt::format("{} total, {} successful, {} failed, {} skipped", r.batches.total,
                              r.batches.successful, r.batches.failed, r.batches.skipped)},
      {"requests", WithCommas(r.api_calls)},
      {"tokens", WithCommas(r.tokens) + (r.tokens_estimated ? " (estimated)" : "")},
      {"cost", FormatUsd(r.cost)},
      {"time", fmt::format("{:.2f} s ({:.3f} s a batch)", r.elapsed_seconds, r.mean_batch_seconds)},
      {"space", ToHex(r.space)},
      {"complete", r.complete ? "yes" : "no"},
  };
  if (r.in_jobs > 0) facts.emplace_back("in jobs", WithCommas(r.in_jobs));
  if (r.held > 0) facts.emplace_back("held", WithCommas(r.held));
  if (r.in_doubt > 0) {
    facts.emplace_back("in doubt", fmt::format("{} texts, {} (perhaps paid without an answer)",
                                               WithCommas(r.in_doubt), FormatUsd(r.in_doubt_cost)));
  }
  return FormatFacts(facts);
}

/// What to do after a run that ended early or left texts out.
std::string_view Advice(Code code) {
  switch (code) {
    case Code::kBudgetReached:
      return "Everything paid for is stored. Raise the budget to go on.";
    case Code::kQuotaExhausted:
      return "Everything paid for is stored. Run the same command when the quota is fresh.";
    case Code::kPermissionDenied:
      return "Everything paid for is stored. Check the key, then run the same command.";
    case Code::kInvalidArgument:
      return "Everything paid for is stored. Correct that, then run the same command.";
    case Code::kHeld:
      return "Everything else that was paid for is stored. 'embstore status' shows what is open.";
    case Code::kWriteFailed:
    case Code::kCorruption:
      return "Nothing more was sent.";
    default:
      return "What was committed is safe. Run the same command to go on.";
  }
}

int Conclude(App& app, const IngestFlags& flags, const std::filesystem::path& directory,
             const IngestReport& report) {
  if (report.outcome.ok() && report.unchanged) {
    app.Say(fmt::format("⚠️ Using cached embeddings from {}", (directory / "store").string()));
  } else if (report.outcome.ok() && report.in_jobs > 0) {
    app.Say(fmt::format(
        "{} texts are in batch jobs; the same command, or 'embstore jobs --wait', collects them",
        WithCommas(report.in_jobs)));
  } else if (report.outcome.ok()) {
    app.Say(fmt::format("✅ Generated embeddings for {} documents",
                        report.complete ? report.documents : report.embedded));
  } else if (report.outcome.code() == Code::kCancelled) {
    app.Say("interrupted: what was in flight is stored. Run the same command to go on.");
  } else {
    fmt::print(stderr, "❌ {}: {}\n{}\n", kFailed, report.outcome.message(),
               Advice(report.outcome.code()));
  }
  const std::uint64_t without = report.failed + report.skipped;
  if (report.outcome.ok() && without > 0) {
    app.Warn(fmt::format("{} texts have no vector (see 'embstore status {}' for the reasons)",
                         without, flags.split));
  }
  const Status printed =
      Print(app.flags().json ? ReportJson(flags, report) : ReportTable(flags, report));
  if (!printed.ok()) return app.Fail("Cannot print the report", printed);
  if (!report.outcome.ok()) return ExitCodeOf(report.outcome.code());
  return report.complete || without == 0 ? kExitDone : kExitSomeFailed;
}

int RunIngest(App& app, const IngestFlags& flags) {
  const StopFlag& stop = InstallSignalHandlers();
  ProtectMemory();
  auto prepared = PrepareIngest(app, flags, Purpose::kEmbed);
  if (!prepared.ok()) return app.Fail(kFailed, prepared.status());
  if (!prepared->price_warning.empty()) app.Warn(prepared->price_warning);
  auto store = app.OpenStore(prepared->config, /*read_only=*/false, flags.new_ledger);
  if (!store.ok()) return app.Fail(kFailed, store.status());

  ProgressPrinter progress(app, SystemClock());
  prepared->options.observer = &progress;
  prepared->options.stop = &stop;
  auto report =
      Ingest(store->get(), *prepared->dataset, prepared->provider.get(), prepared->options);
  progress.Finish();
  if (!report.ok()) return app.Fail(kFailed, report.status());
  const std::filesystem::path directory = (*store)->directory();
  if (!report->unchanged) {
    Status closed = (*store)->Close();
    if (report->outcome.ok() && !closed.ok()) report->outcome = closed;
  }
  return Conclude(app, flags, directory, *report);
}

}  // namespace

CommandBody AddIngest(CLI::App& parser) {
  auto flags = std::make_shared<IngestFlags>();
  CLI::App* command = parser.add_subcommand("ingest", "Embed what is missing of a split");
  AddIngestFlags(*command, *flags);
  return [flags](App& app) { return RunIngest(app, *flags); };
}

}  // namespace embstore::tool
