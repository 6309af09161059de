// SPDX-License-Identifier: Apache-2.0
// embstore jobs: the batch jobs, and what can be done about them.
#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "app.h"
#include "embstore/clock.h"
#include "embstore/jobs.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "flags.h"
#include "job_rows.h"
#include "progress.h"
#include "settings.h"
#include "signals.h"

namespace embstore::tool {
namespace {

constexpr std::string_view kFailed = "Jobs";

struct JobsFlags {
  bool wait = false;
  bool all = false;
  std::string cancel;
  std::string abandon;
  std::string accept;
  std::optional<std::string> base_url;

  bool Changes() const { return wait || !cancel.empty() || !abandon.empty() || !accept.empty(); }
};

/// A job by its number, or by the server's name for it.
Result<JobRecord> FindJob(const Store& store, const std::string& id) {
  auto jobs = store.Jobs();
  if (!jobs.ok()) return jobs.status();
  for (JobRecord& job : *jobs) {
    if (std::to_string(job.id) == id || (!job.name.empty() && job.name == id)) return job;
  }
  return Status(Code::kNotFound, "there is no job '" + Printable(id, 60) +
                                     "'; 'embstore jobs --all' lists those there are");
}

Result<std::unique_ptr<Provider>> ProviderOf(const Store& store, const Config& config,
                                             SpaceId space) {
  auto spaces = store.Spaces();
  if (!spaces.ok()) return spaces.status();
  for (const SpaceInfo& info : *spaces) {
    if (info.id == space) return MakeProviderOf(info.record, config);
  }
  return Status(Code::kCorruption, "space " + ToHex(space) + " of a job is not in the store");
}

/// Takes on the open batch jobs of every space.
Status Collect(App& app, Store* store, const Config& config, const StopFlag& stop, bool wait) {
  auto jobs = store->Jobs();
  if (!jobs.ok()) return jobs.status();
  std::set<SpaceId> spaces;
  for (const JobRecord& job : OnlyOpen(std::move(*jobs))) {
    if (job.batch && job.step != JobStep::kQuarantined) spaces.insert(job.space);
  }
  ProgressPrinter progress(app, SystemClock());
  IngestOptions options;
  FillJobOptions(config, wait, &options);
  options.check_pairing = config.embedding.check_pairing;
  options.stop = &stop;
  options.observer = &progress;
  for (const SpaceId space : spaces) {
    auto provider = ProviderOf(*store, config, space);
    if (!provider.ok()) return provider.status();
    const auto report = CollectJobs(store, provider->get(), options);
    if (!report.ok()) return report.status();
    app.Say(fmt::format("{} jobs collected, {} texts stored, {} without a vector, {} jobs open",
                        report->collected, WithCommas(report->stored), WithCommas(report->failed),
                        report->open));
    if (report->quarantined > 0) {
      return {Code::kHeld, fmt::format("{} jobs were set aside", report->quarantined)};
    }
  }
  return {};
}

Status Change(App& app, Store* store, const Config& config, const JobsFlags& flags,
              const StopFlag& stop) {
  if (flags.wait) return Collect(app, store, config, stop, /*wait=*/true);
  const std::string& id = !flags.cancel.empty()    ? flags.cancel
                          : !flags.abandon.empty() ? flags.abandon
                                                   : flags.accept;
  const auto job = FindJob(*store, id);
  if (!job.ok()) return job.status();
  if (!flags.abandon.empty()) {
    Status abandoned = AbandonJob(store, job->id);
    if (abandoned.ok()) {
      app.Say(fmt::format("job {} is given up: the next ingest sends its {} texts again", job->id,
                          WithCommas(job->texts)));
    }
    return abandoned;
  }
  auto provider = ProviderOf(*store, config, job->space);
  if (!provider.ok()) return provider.status();
  if (!flags.cancel.empty()) {
    Status cancelled = CancelJob(store, provider->get(), job->id);
    if (cancelled.ok()) app.Say(fmt::format("job {} was told to stop", job->id));
    return cancelled;
  }
  const auto stored = AcceptJob(store, provider->get(), job->id);
  if (!stored.ok()) return stored.status();
  app.Say(fmt::format("job {} is accepted: {} texts stored", job->id, WithCommas(*stored)));
  return {};
}

Status List(const App& app, const Store& store, bool all) {
  auto jobs = store.Jobs();
  if (!jobs.ok()) return jobs.status();
  if (!all) jobs = OnlyOpen(std::move(*jobs));
  if (!app.flags().json) {
    if (jobs->empty()) return Print(all ? "no jobs\n" : "no open jobs\n");
    return Print(JobTable(*jobs, SystemClock().WallMicros()));
  }
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("jobs");
  WriteJobs(*jobs, &json);
  json.EndObject();
  return Print(out + "\n");
}

int RunJobs(App& app, const JobsFlags& flags) {
  const StopFlag& stop = InstallSignalHandlers();
  ProtectMemory();
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
  if (flags.base_url) config->embedding.base_url = *flags.base_url;
  auto store = app.OpenStore(*config, /*read_only=*/!flags.Changes());
  if (!store.ok()) return app.Fail(kFailed, store.status());
  if (flags.Changes()) {
    const Status changed = Change(app, store->get(), *config, flags, stop);
    if (!changed.ok()) return app.Fail(kFailed, changed);
  }
  const Status listed = List(app, **store, flags.all);
  if (!listed.ok()) return app.Fail(kFailed, listed);
  if (!flags.Changes()) return kExitDone;
  const Status closed = (*store)->Close();
  return closed.ok() ? kExitDone : app.Fail(kFailed, closed);
}

}  // namespace

CommandBody AddJobs(CLI::App& parser) {
  auto flags = std::make_shared<JobsFlags>();
  CLI::App* command = parser.add_subcommand("jobs", "List batch jobs, wait for them, end them");
  auto* wait = command->add_flag("--wait", flags->wait, "Collect all jobs, however long it takes");
  command->add_flag("--all", flags->all, "Also those that have ended");
  auto* cancel =
      command->add_option("--cancel", flags->cancel, "Stop a job; what is done is collected");
  auto* abandon = command->add_option("--abandon", flags->abandon,
                                      "Give a job up; its texts are sent, and paid for, again");
  auto* accept = command->add_option("--accept", flags->accept,
                                     "Store what a quarantined answer brought, as it came");
  wait->excludes(cancel)->excludes(abandon)->excludes(accept);
  cancel->excludes(abandon)->excludes(accept);
  abandon->excludes(accept);
  command->add_option("--base-url", flags->base_url, "Server, e.g. http://127.0.0.1:8080")
      ->envname("EMBSTORE_BASE_URL");
  return [flags](App& app) { return RunJobs(app, *flags); };
}

}  // namespace embstore::tool
