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
#include "embstore/overview.h"
#include "engine/base/text.h"
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

/// What the provider of a job is made from.
struct ProviderSource {
  const Store& store;
  const Config& config;
  const std::optional<std::string>& base_url;

  /// `name`: of the provider; empty: the first one that the space was made for.
  Result<std::unique_ptr<Provider>> Make(SpaceId space, const std::string& name,
                                         Purpose purpose) const {
    auto spaces = store.Spaces();
    if (!spaces.ok()) return spaces.status();
    for (SpaceInfo& info : *spaces) {
      if (info.id != space) continue;
      if (!name.empty()) info.record.provider = name;
      return MakeProviderOf(info.record, config, base_url, purpose);
    }
    return Status(Code::kCorruption, "space " + ToHex(space) + " of a job is not in the store");
  }
};

/// Takes on the open batch jobs of every space and provider.
Status Collect(App& app, Store* store, const ProviderSource& source, const StopFlag& stop) {
  auto jobs = store->Jobs();
  if (!jobs.ok()) return jobs.status();
  std::set<std::pair<SpaceId, std::string>> owners;
  for (const JobRecord& job : *jobs) {
    if (job.open() && job.batch && job.step != JobStep::kQuarantined)
      owners.emplace(job.space, job.provider);
  }
  ProgressPrinter progress(app, SystemClock());
  IngestOptions options;
  FillJobOptions(source.config, /*wait=*/true, &options);
  options.check_pairing = source.config.embedding.check_pairing;
  options.stop = &stop;
  options.observer = &progress;
  for (const auto& [space, name] : owners) {
    auto provider = source.Make(space, name, Purpose::kEmbed);
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

Status Abandon(App& app, Store* store, const JobRecord& job) {
  Status abandoned = AbandonJob(store, job.id);
  if (!abandoned.ok()) return abandoned;
  app.Say(fmt::format("job {} is given up: the next ingest sends its {} texts again", job.id,
                      WithCommas(job.texts)));
  if (job.batch && (job.step == JobStep::kCreating || job.step == JobStep::kCreated)) {
    app.Warn(
        fmt::format("job {} was not stopped on the server and may still be billed (--cancel, "
                    "given first, stops a job)",
                    job.id));
  }
  return {};
}

/// Only a job that the server has is cancelled there.
Status Cancel(App& app, Store* store, const ProviderSource& source, const JobRecord& job) {
  const Purpose purpose = job.step == JobStep::kCreated ? Purpose::kEmbed : Purpose::kPlan;
  auto provider = source.Make(job.space, job.provider, purpose);
  if (!provider.ok()) return provider.status();
  Status cancelled = CancelJob(store, provider->get(), job.id);
  if (cancelled.ok()) app.Say(fmt::format("job {} was told to stop", job.id));
  return cancelled;
}

Status Accept(App& app, Store* store, const ProviderSource& source, const JobRecord& job) {
  auto provider = source.Make(job.space, job.provider, Purpose::kPlan);
  if (!provider.ok()) return provider.status();
  const auto stored = AcceptJob(store, provider->get(), job.id);
  if (!stored.ok()) return stored.status();
  app.Say(fmt::format("job {} is accepted: {} texts stored", job.id, WithCommas(*stored)));
  return {};
}

Status Change(App& app, Store* store, const Config& config, const JobsFlags& flags,
              const StopFlag& stop) {
  const ProviderSource source{*store, config, flags.base_url};
  if (flags.wait) return Collect(app, store, source, stop);
  const std::string& id = !flags.cancel.empty()    ? flags.cancel
                          : !flags.abandon.empty() ? flags.abandon
                                                   : flags.accept;
  const auto job = FindJob(*store, id);
  if (!job.ok()) return job.status();
  if (!flags.abandon.empty()) return Abandon(app, store, *job);
  if (!flags.cancel.empty()) return Cancel(app, store, source, *job);
  return Accept(app, store, source, *job);
}

Status List(const App& app, const Store& store, bool all) {
  auto jobs = store.Jobs();
  if (!jobs.ok()) return jobs.status();
  if (!all) std::erase_if(*jobs, [](const JobRecord& job) { return !job.open(); });
  if (app.flags().json) return Print(JobsJson(*jobs));
  const auto kept = FindKept(store);
  if (!kept.ok()) return kept.status();
  const std::string waiting = KeptText(*kept);
  if (jobs->empty()) return Print((all ? "no jobs\n" : "no open jobs\n") + waiting);
  return Print(JobTable(*jobs, SystemClock().WallMicros()) + waiting);
}

int RunJobs(App& app, const JobsFlags& flags) {
  const StopFlag& stop = InstallSignalHandlers();
  ProtectMemory();
  auto config = app.LoadConfiguration();
  if (!config.ok()) return app.Fail(kFailed, config.status());
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
  auto* abandon =
      command->add_option("--abandon", flags->abandon,
                          "Give a job up without stopping it; its texts are paid for again");
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
