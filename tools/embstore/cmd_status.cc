// SPDX-License-Identifier: Apache-2.0
// embstore status: what is stored and what it cost.
#include <fmt/core.h>

#include <algorithm>

#include "app.h"
#include "embstore/clock.h"
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
};

/// Only the split `only`, or all when it is empty.
Status CollectSplits(const Store& store, const std::string& only, StoreState* state) {
  auto splits = store.Splits();
  if (!splits.ok()) return splits.status();
  for (const SplitInfo& split : *splits) {
    if (!only.empty() && split.name != only) continue;
    auto coverages = store.Coverages(split.name);
    if (!coverages.ok()) return coverages.status();
    if (coverages->empty()) state->splits.push_back({split, std::nullopt, {}});
    for (auto& [space, coverage] : *coverages) {
      if (coverage.generation != split.record.generation) {
        // The numbers are about an earlier list of documents.
        auto embedded = store.CountEmbedded(split, space);
        if (!embedded.ok()) return embedded.status();
        coverage.embedded = *embedded;
      }
      state->splits.push_back({split, space, coverage});
    }
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
    json.Key("missing").Uint(s.split.record.documents - s.coverage.embedded);
    json.Key("imported").Uint(s.coverage.imported);
    json.Key("space");
    s.space ? json.String(ToHex(*s.space)) : json.Null();
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
  json.EndObject();
  return out + "\n";
}

std::string StateTable(const StoreState& state) {
  std::string out = fmt::format("{:<16} {:>12} {:>12} {:>10}  {:<20} {}\n", "split", "documents",
                                "embedded", "missing", "updated", "space");
  for (const SplitState& s : state.splits) {
    out += fmt::format("{:<16} {:>12} {:>12} {:>10}  {:<20} {}\n", s.split.name,
                       WithCommas(s.split.record.documents), WithCommas(s.coverage.embedded),
                       WithCommas(s.split.record.documents - s.coverage.embedded),
                       FormatUtc(s.coverage.updated_micros), s.space ? ToHex(*s.space) : "-");
  }
  out += fmt::format("\n{:<18} {:<28} {:>10} {:>12}  {}\n", "space", "model", "dimensions",
                     "vectors", "task");
  for (const SpaceState& s : state.spaces) {
    const EmbeddingIdentity& identity = s.space.record.identity;
    out += fmt::format("{:<18} {:<28} {:>10} {:>12}  {}\n", ToHex(s.space.id), identity.model,
                       identity.dimensions, WithCommas(s.vectors),
                       identity.task_type.empty() ? "-" : identity.task_type);
  }
  out += fmt::format("\n{:.1f} MB on disk\n", static_cast<double>(state.store_bytes) / 1e6);
  out += "\n" + MoneyTable(state.spending, state.doubts, SystemClock().WallMicros());
  if (!state.jobs.empty()) out += "\n" + JobTable(state.jobs, SystemClock().WallMicros());
  if (state.failures.empty()) return out;
  out += fmt::format("\n{} texts without a vector\n", state.failures.size());
  for (std::size_t i = 0; i < std::min(state.failures.size(), kListedFailures); ++i) {
    const FailureRecord& failure = state.failures[i];
    out += fmt::format("  {} document '{}': {}\n", failure.split,
                       Printable(failure.document_id, 80), Printable(failure.reason, 200));
  }
  if (state.failures.size() > kListedFailures) out += "  ... (all with --json)\n";
  return out;
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
