// SPDX-License-Identifier: Apache-2.0
// embstore status: what is stored and what it cost.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "app.h"
#include "embstore/clock.h"
#include "embstore/export.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "job_rows.h"
#include "money_rows.h"
#include "rows.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Status failed";
constexpr std::size_t kListedFailures = 20;

struct SplitState {
  SplitInfo split;
  std::optional<SpaceId> space;  ///< None: nothing was embedded yet.
  CoverageRecord coverage;
  ExportInfo exported;

  std::uint64_t Missing() const {
    return split.record.documents - std::min(split.record.documents, coverage.embedded);
  }
};

struct SpaceState {
  SpaceInfo space;
  std::uint64_t vectors = 0;
};

struct StoreState {
  std::vector<SplitState> splits;
  std::vector<SpaceState> spaces;
  std::vector<FailureRecord> failures;
  std::vector<JobRecord> jobs;
  std::vector<SpendRecord> spending;
  std::vector<DoubtRecord> doubts;
  std::uint64_t store_bytes = 0;
  std::uint64_t ledger_bytes = 0;
  std::uint64_t export_bytes = 0;

  const SpaceInfo* FindSpace(const std::optional<SpaceId>& id) const {
    for (const SpaceState& state : spaces) {
      if (id && state.space.id == *id) return &state.space;
    }
    return nullptr;
  }
};

/// The model, with size and task where that alone would not tell two spaces apart.
std::string ModelName(const StoreState& state, const std::optional<SpaceId>& id) {
  const SpaceInfo* const space = state.FindSpace(id);
  if (space == nullptr) return "-";
  const EmbeddingIdentity& identity = space->record.identity;
  const auto same = std::count_if(
      state.spaces.begin(), state.spaces.end(),
      [&](const SpaceState& other) { return other.space.record.identity.model == identity.model; });
  if (same < 2) return identity.model;
  return fmt::format("{} {}{}{}", identity.model, identity.dimensions,
                     identity.task_type.empty() ? "" : " ", identity.task_type);
}

std::string_view ExportWord(ExportState state) {
  return state == ExportState::kCurrent ? "current" : state == ExportState::kOther ? "older" : "-";
}

/// Only the split `only`, or all when it is empty.
Status CollectSplits(const Store& store, const std::string& only, StoreState* state) {
  auto splits = store.Splits();
  if (!splits.ok()) return splits.status();
  for (const SplitInfo& split : *splits) {
    if (!only.empty() && split.name != only) continue;
    auto coverages = store.Coverages(split.name);
    if (!coverages.ok()) return coverages.status();
    if (coverages->empty()) state->splits.push_back({split, std::nullopt, {}, {}});
    for (auto& [space, coverage] : *coverages) {
      if (coverage.generation != split.record.generation) {
        // The numbers are about an earlier list of documents.
        auto embedded = store.CountEmbedded(split, space);
        if (!embedded.ok()) return embedded.status();
        coverage.embedded = *embedded;
      }
      auto exported = FindExport(store, split.name, space);
      if (!exported.ok()) return exported.status();
      state->splits.push_back({split, space, coverage, *exported});
    }
    if (!coverages->empty()) state->export_bytes += state->splits.back().exported.bytes;
  }
  return {};
}

Status CollectMoney(const Store& store, const std::string& only, StoreState* state) {
  auto jobs = store.Jobs();
  if (!jobs.ok()) return jobs.status();
  auto spending = store.Spending();
  if (!spending.ok()) return spending.status();
  auto doubts = store.Doubts();
  if (!doubts.ok()) return doubts.status();
  state->jobs = OnlyOpen(std::move(*jobs));
  state->spending = std::move(*spending);
  state->doubts = std::move(*doubts);
  const auto other = [&](const auto& record) { return !only.empty() && record.split != only; };
  std::erase_if(state->jobs, other);
  std::erase_if(state->spending, other);
  std::erase_if(state->doubts, other);
  return {};
}

Result<StoreState> Collect(const Store& store, const std::string& only) {
  StoreState state;
  if (!only.empty()) {
    auto split = store.FindSplit(only);
    if (!split.ok()) return split.status();
  }
  if (Status s = CollectSplits(store, only, &state); !s.ok()) return s;
  auto spaces = store.Spaces();
  if (!spaces.ok()) return spaces.status();
  for (SpaceInfo& space : *spaces) {
    auto vectors = store.CountVectors(space.id);
    if (!vectors.ok()) return vectors.status();
    state.spaces.push_back({std::move(space), *vectors});
  }
  auto failures = store.Failures();
  if (!failures.ok()) return failures.status();
  state.failures = std::move(*failures);
  std::erase_if(state.failures,
                [&](const FailureRecord& f) { return !only.empty() && f.split != only; });
  if (Status s = CollectMoney(store, only, &state); !s.ok()) return s;
  auto bytes = store.DiskBytes();
  if (!bytes.ok()) return bytes.status();
  state.store_bytes = *bytes;
  std::error_code error;
  const auto ledger = std::filesystem::file_size(store.directory() / "ledger", error);
  state.ledger_bytes = error ? 0 : ledger;
  return state;
}

std::string StateJson(const StoreState& state) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("splits").BeginArray();
  for (const SplitState& s : state.splits) {
    json.BeginObject();
    json.Key("name").String(s.split.name);
    json.Key("documents").Uint(s.split.record.documents);
    json.Key("embedded").Uint(s.coverage.embedded);
    json.Key("missing").Uint(s.Missing());
    json.Key("imported").Uint(s.coverage.imported);
    json.Key("space");
    s.space ? json.String(ToHex(*s.space)) : json.Null();
    json.Key("model");
    const SpaceInfo* const space = state.FindSpace(s.space);
    space != nullptr ? json.String(space->record.identity.model) : json.Null();
    json.Key("export").String(
        s.exported.state == ExportState::kNone ? "none" : ExportWord(s.exported.state));
    json.Key("last_processed_index").Uint(s.coverage.last_position);
    json.Key("batch_size").Uint(s.coverage.batch_size);
    json.Key("total_batches").Uint(s.coverage.total_batches);
    json.Key("timestamp").String(FormatUtc(s.coverage.updated_micros));
    json.EndObject();
  }
  json.EndArray();
  json.Key("spaces").BeginArray();
  for (const SpaceState& s : state.spaces) {
    const EmbeddingIdentity& identity = s.space.record.identity;
    json.BeginObject();
    json.Key("space").String(ToHex(s.space.id));
    json.Key("provider").String(s.space.record.provider);
    json.Key("model").String(identity.model);
    json.Key("dimensions").Uint(identity.dimensions);
    json.Key("task_type").String(identity.task_type);
    json.Key("vectors").Uint(s.vectors);
    json.EndObject();
  }
  json.EndArray();
  json.Key("jobs");
  WriteJobs(state.jobs, &json);
  json.Key("failures").BeginArray();
  for (const FailureRecord& failure : state.failures) {
    json.BeginObject();
    json.Key("split").String(failure.split);
    json.Key("id").String(failure.document_id);
    json.Key("code").String(failure.code);
    json.Key("reason").String(failure.reason);
    json.EndObject();
  }
  json.EndArray();
  json.Key("money");
  WriteMoney(state.spending, state.doubts, SystemClock().WallMicros(), &json);
  json.Key("store_bytes").Uint(state.store_bytes);
  json.Key("ledger_bytes").Uint(state.ledger_bytes);
  json.Key("export_bytes").Uint(state.export_bytes);
  json.EndObject();
  return out + "\n";
}

/// "99.9 %": rounded down, so that 100 means all.
std::string Percent(std::uint64_t part, std::uint64_t whole) {
  const std::uint64_t tenths = whole == 0 ? 1000 : part * 1000 / whole;
  return tenths == 1000 ? "100 %" : fmt::format("{}.{} %", tenths / 10, tenths % 10);
}

std::string SplitTable(const StoreState& state) {
  if (state.splits.empty()) return "no splits\n";
  std::vector<std::vector<std::string>> rows = {
      {"split", "model", ">documents", ">embedded", ">", ">missing", "updated (UTC)", "export"}};
  for (const SplitState& s : state.splits) {
    rows.push_back({s.split.name, ModelName(state, s.space), WithCommas(s.split.record.documents),
                    WithCommas(s.coverage.embedded),
                    Percent(s.coverage.embedded, s.split.record.documents), WithCommas(s.Missing()),
                    s.space ? FormatMinute(s.coverage.updated_micros) : "-",
                    std::string(ExportWord(s.exported.state))});
  }
  return FormatTable(rows);
}

std::string SpaceTable(const StoreState& state) {
  if (state.spaces.empty()) return "no vectors\n";
  std::vector<std::vector<std::string>> rows = {
      {"model", ">dimensions", "task", "provider", ">vectors", ">size"}};
  for (const SpaceState& s : state.spaces) {
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
std::string NextSteps(const StoreState& state) {
  std::vector<std::vector<std::string>> rows = {{"next", ""}};
  const auto set_aside =
      std::count_if(state.jobs.begin(), state.jobs.end(),
                    [](const JobRecord& job) { return job.step == JobStep::kQuarantined; });
  const auto open = static_cast<std::int64_t>(state.jobs.size()) - set_aside;
  if (set_aside > 0) {
    rows.push_back({fmt::format("{} answers set aside", set_aside), "embstore jobs"});
  }
  if (open > 0) {
    rows.push_back({fmt::format("{} open batch jobs", open), "embstore jobs --wait"});
  }
  for (const SplitState& s : state.splits) {
    const SpaceInfo* const space = state.FindSpace(s.space);
    const bool several =
        std::count_if(state.splits.begin(), state.splits.end(),
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

std::string StateTable(const StoreState& state) {
  const std::int64_t now = SystemClock().WallMicros();
  std::string out = SplitTable(state) + "\n" + SpaceTable(state);
  out += fmt::format("\non disk: store {}, ledger {}, exports {}\n", FormatBytes(state.store_bytes),
                     FormatBytes(state.ledger_bytes), FormatBytes(state.export_bytes));
  out += "\n" + MoneyTable(state.spending, state.doubts, now);
  if (!state.jobs.empty()) out += "\n" + JobTable(state.jobs, now);
  return out + FailureList(state.failures) + NextSteps(state);
}

int RunStatus(App& app, const std::string& split) {
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
  auto store = app.OpenStore(*config, /*read_only=*/true);
  if (!store.ok()) return app.Fail(kFailed, store.status());
  auto state = Collect(**store, split);
  if (!state.ok()) return app.Fail(kFailed, state.status());
  const Status printed = Print(app.flags().json ? StateJson(*state) : StateTable(*state));
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
