// SPDX-License-Identifier: Apache-2.0
// embstore status: what is stored and what it cost.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "app.h"
#include "embstore/clock.h"
#include "embstore/overview.h"
#include "engine/base/text.h"
#include "flags.h"
#include "job_rows.h"
#include "money_rows.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Status failed";
constexpr std::size_t kListedFailures = 20;

/// The model, with size and task where that alone would not tell two spaces apart.
std::string ModelName(const Overview& overview, const std::optional<SpaceId>& id) {
  const SpaceInfo* const space = overview.FindSpace(id);
  if (space == nullptr) return "-";
  const EmbeddingIdentity& identity = space->record.identity;
  const auto same = std::count_if(overview.spaces.begin(), overview.spaces.end(),
                                  [&](const Overview::Space& other) {
                                    return other.space.record.identity.model == identity.model;
                                  });
  if (same < 2) return identity.model;
  return fmt::format("{} {}{}{}", identity.model, identity.dimensions,
                     identity.task_type.empty() ? "" : " ", identity.task_type);
}

/// "99.9 %": rounded down, so that 100 means all.
std::string Percent(std::uint64_t part, std::uint64_t whole) {
  const std::uint64_t tenths = whole == 0 ? 1000 : part * 1000 / whole;
  return tenths == 1000 ? "100 %" : fmt::format("{}.{} %", tenths / 10, tenths % 10);
}

std::string SplitTable(const Overview& overview) {
  if (overview.splits.empty()) return "no splits\n";
  std::vector<std::vector<std::string>> rows = {
      {"split", "model", ">documents", ">embedded", ">", ">missing", "updated (UTC)", "export"}};
  for (const Overview::Split& s : overview.splits) {
    rows.push_back(
        {s.split.name, ModelName(overview, s.space), WithCommas(s.split.record.documents),
         WithCommas(s.coverage.embedded), Percent(s.coverage.embedded, s.split.record.documents),
         WithCommas(s.Missing()), s.space ? FormatMinute(s.coverage.updated_micros) : "-",
         s.exported.state == ExportState::kNone ? "-"
                                                : std::string(ExportStateName(s.exported.state))});
  }
  return FormatTable(rows);
}

std::string SpaceTable(const Overview& overview) {
  if (overview.spaces.empty()) return "no vectors\n";
  std::vector<std::vector<std::string>> rows = {
      {"model", ">dimensions", "task", "provider", ">vectors", ">size"}};
  for (const Overview::Space& s : overview.spaces) {
    const EmbeddingIdentity& identity = s.space.record.identity;
    rows.push_back({identity.model, std::to_string(identity.dimensions),
                    identity.task_type.empty() ? "-" : identity.task_type, s.space.record.provider,
                    WithCommas(s.vectors),
                    FormatBytes(s.vectors * sizeof(float) * identity.dimensions)});
  }
  return FormatTable(rows);
}

std::string FailureList(const std::vector<FailureRecord>& failures) {
  if (failures.empty()) return "";
  std::string out = fmt::format("\n{} texts without a vector\n", WithCommas(failures.size()));
  for (std::size_t i = 0; i < std::min(failures.size(), kListedFailures); ++i) {
    const FailureRecord& failure = failures[i];
    out += fmt::format("  {} document '{}': {}\n", failure.split,
                       Printable(failure.document_id, 80), Printable(failure.reason, 200));
  }
  if (failures.size() > kListedFailures) out += "  ... (all with --json)\n";
  return out;
}

/// What an export of files that are older has to be told.
std::string_view FormatFlag(const ExportInfo& exported) {
  const bool arrow = !exported.older.empty() && exported.older.front() == ExportFormat::kArrow;
  return arrow ? " --format arrow" : "";
}

/// What a person would do now.
std::string NextSteps(const Overview& overview) {
  std::vector<std::vector<std::string>> rows = {{"next", ""}};
  const auto set_aside =
      std::count_if(overview.jobs.begin(), overview.jobs.end(),
                    [](const JobRecord& job) { return job.step == JobStep::kQuarantined; });
  const auto open = static_cast<std::int64_t>(overview.jobs.size()) - set_aside;
  if (set_aside > 0) {
    rows.push_back({fmt::format("{} answers set aside", set_aside), "embstore jobs"});
  }
  if (open > 0) {
    rows.push_back({fmt::format("{} open batch jobs", open), "embstore jobs --wait"});
  }
  for (const Overview::Split& s : overview.splits) {
    const SpaceInfo* const space = overview.FindSpace(s.space);
    const bool several =
        std::count_if(overview.splits.begin(), overview.splits.end(),
                      [&](const auto& o) { return o.split.name == s.split.name; }) > 1;
    const std::string model =
        several && space != nullptr ? " --model " + space->record.identity.model : "";
    if (s.Missing() > 0) {
      rows.push_back({fmt::format("{} documents of '{}' without a vector", WithCommas(s.Missing()),
                                  s.split.name),
                      "embstore ingest " + s.split.name + model});
    } else if (s.exported.state != ExportState::kCurrent && !several) {
      rows.push_back({fmt::format("'{}' is complete, {}", s.split.name,
                                  s.exported.state == ExportState::kNone ? "not exported here"
                                                                         : "its export is older"),
                      fmt::format("embstore export {}{}", s.split.name, FormatFlag(s.exported))});
    }
  }
  return rows.size() == 1 ? "" : "\n" + FormatTable(rows);
}

std::string OverviewTable(const Overview& overview, std::int64_t now) {
  std::string out = SplitTable(overview) + "\n" + SpaceTable(overview);
  out +=
      fmt::format("\non disk: store {}, ledger {}, exports {}\n", FormatBytes(overview.store_bytes),
                  FormatBytes(overview.ledger_bytes), FormatBytes(overview.export_bytes));
  out += "\n" + MoneyTable(overview.spending, overview.doubts, now);
  if (!overview.jobs.empty()) out += "\n" + JobTable(overview.jobs, now);
  if (const std::string kept = KeptText(overview.kept); !kept.empty()) out += "\n" + kept;
  return out + FailureList(overview.failures) + NextSteps(overview);
}

int RunStatus(App& app, const std::string& split) {
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
  auto store = app.OpenStore(*config, /*read_only=*/true);
  if (!store.ok()) return app.Fail(kFailed, store.status());
  auto overview = MakeOverview(**store, split);
  if (!overview.ok()) return app.Fail(kFailed, overview.status());
  const std::int64_t now = SystemClock().WallMicros();
  const Status printed =
      Print(app.flags().json ? OverviewJson(*overview, now) : OverviewTable(*overview, now));
  return printed.ok() ? kExitDone : app.Fail(kFailed, printed);
}

}  // namespace

CommandBody AddStatus(CLI::App& parser) {
  auto split = std::make_shared<std::string>();
  CLI::App* command = parser.add_subcommand("status", "Show splits, models, sizes and money");
  command->add_option("split", *split, "Only this split");
  return [split](App& app) { return RunStatus(app, *split); };
}

}  // namespace embstore::tool
