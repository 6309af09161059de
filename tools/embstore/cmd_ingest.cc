// SPDX-License-Identifier: Apache-2.0
// embstore ingest: embed what is missing.
#include <fmt/core.h>

#include "app.h"
#include "embstore/ingest.h"
#include "engine/base/seeded_bug.h"
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
  json.Key("kept_texts").Uint(r.kept);
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
  if (r.kept > 0) facts.emplace_back("kept", WithCommas(r.kept) + " texts for the next run");
  if (r.in_doubt > 0) {
    facts.emplace_back("in doubt", fmt::format("{} texts, {} (perhaps paid without an answer)",
                                               WithCommas(r.in_doubt), FormatUsd(r.in_doubt_cost)));
  }
  return FormatFacts(facts);
}

/// What to do after a run that ended early or left texts out.
std::string_view Advice(Code code, IngestMode mode) {
  switch (code) {
    case Code::kBudgetReached:
      return "Everything paid for is stored. Raise the budget to go on.";
    case Code::kQuotaExhausted:
      return "Everything paid for is stored. Run the same command when the quota is fresh.";
    case Code::kPermissionDenied:
      if (mode == IngestMode::kBatch) {
        return "Everything paid for is stored. Check the key, then run the same command. Accounts "
               "of the Free tier have no batch jobs: use --mode sync.";
      }
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

constexpr std::string_view kCollect = "the same command, or 'embstore jobs --wait', collects them";

/// What to say of a run that reached the end of the split.
void SayDone(const App& app, const IngestReport& report, const std::filesystem::path& directory) {
  if (report.unchanged) {
    app.Say(fmt::format("⚠️ Using cached embeddings from {}", (directory / "store").string()));
  } else if (report.in_jobs > 0) {
    app.Say(fmt::format("{} texts are in batch jobs; {}", WithCommas(report.in_jobs), kCollect));
  } else if (report.complete || report.embedded > 0) {
    app.Say(fmt::format("✅ Generated embeddings for {} documents",
                        report.complete ? report.documents : report.embedded));
  }
}

void SayInterrupted(const App& app, const IngestReport& report) {
  if (report.in_jobs == 0) {
    app.Say("interrupted: what was in flight is stored. Run the same command to go on.");
    return;
  }
  app.Say(fmt::format("interrupted: {} texts are in batch jobs, which go on on the server; {}",
                      WithCommas(report.in_jobs), kCollect));
}

/// Complete, or sure to become so by the jobs that are under way.
bool AllGoesWell(const IngestReport& report) {
  return report.complete || (report.in_jobs > 0 && report.failed + report.skipped == 0);
}

/// `missing`: documents without a vector.
void WarnOfMissing(const App& app, const IngestFlags& flags, const IngestReport& report,
                   std::uint64_t missing) {
  if (const std::uint64_t without = report.failed + report.skipped; without > 0) {
    app.Warn(fmt::format("{} texts have no vector (see 'embstore status {}' for the reasons)",
                         without, flags.split));
  } else if (!AllGoesWell(report)) {
    app.Warn(fmt::format("{} documents have no vector; run the same command again", missing));
  }
}

/// A run of ingest that is over.
struct EndedRun {
  IngestReport report;
  IngestMode mode = IngestMode::kSync;
  std::filesystem::path directory;
  std::uint64_t missing = 0;  ///< Documents without a vector.
};

int Conclude(App& app, const IngestFlags& flags, const EndedRun& run) {
  const IngestReport& report = run.report;
  if (report.outcome.ok()) {
    SayDone(app, report, run.directory);
    WarnOfMissing(app, flags, report, run.missing);
  } else if (report.outcome.code() == Code::kCancelled) {
    SayInterrupted(app, report);
  } else {
    fmt::print(stderr, "❌ {}: {}\n{}\n", kFailed, report.outcome.message(),
               Advice(report.outcome.code(), run.mode));
  }
  const Status printed =
      Print(app.flags().json ? ReportJson(flags, report) : ReportTable(flags, report));
  if (!printed.ok()) return app.Fail("Cannot print the report", printed);
  if (!report.outcome.ok()) return ExitCodeOf(report.outcome.code());
  return AllGoesWell(report) ? kExitDone : kExitSomeFailed;
}

Result<std::uint64_t> CountMissing(const Store& store, const std::string& split,
                                   const IngestReport& report) {
  if (report.complete) return 0;
  const auto info = store.FindSplit(split);
  if (!info.ok()) return info.status();
  const auto embedded = store.CountEmbedded(*info, report.space);
  if (!embedded.ok()) return embedded.status();
  return info->record.documents - *embedded;
}

int RunIngest(App& app, const IngestFlags& flags) {
  const StopFlag& stop = InstallSignalHandlers();
  ProtectMemory();
  auto prepared = PrepareIngest(app, flags, Purpose::kEmbed);
  if (!prepared.ok()) return app.Fail(kFailed, prepared.status());
  if (!prepared->price_warning.empty()) app.Warn(prepared->price_warning);
  if (EMBSTORE_SEEDED_BUG("lock-after-send"))
    prepared->provider->Embed(std::vector<std::string_view>{"text"}).status().IgnoreError();
  auto store = app.OpenStore(prepared->config, /*read_only=*/false, flags.new_ledger);
  if (!store.ok()) return app.Fail(kFailed, store.status());

  ProgressPrinter progress(app, SystemClock());
  prepared->options.observer = &progress;
  prepared->options.stop = &stop;
  auto report =
      Ingest(store->get(), *prepared->dataset, prepared->provider.get(), prepared->options);
  progress.Finish();
  if (!report.ok()) return app.Fail(kFailed, report.status());
  EndedRun run{std::move(*report), prepared->options.mode, (*store)->directory()};
  if (run.report.outcome.ok()) {
    const auto missing = CountMissing(**store, flags.split, run.report);
    if (!missing.ok()) return app.Fail(kFailed, missing.status());
    run.missing = *missing;
  }
  if (!run.report.unchanged) {
    Status closed = (*store)->Close();
    if (run.report.outcome.ok() && !closed.ok()) run.report.outcome = closed;
  }
  return Conclude(app, flags, run);
}

}  // namespace

CommandBody AddIngest(CLI::App& parser) {
  auto flags = std::make_shared<IngestFlags>();
  CLI::App* command = parser.add_subcommand("ingest", "Embed what is missing of a split");
  AddIngestFlags(*command, *flags);
  return [flags](App& app) { return RunIngest(app, *flags); };
}

}  // namespace embstore::tool
