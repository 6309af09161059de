// SPDX-License-Identifier: Apache-2.0
#include "embstore/jobs.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "engine/ingest/job_collector.h"
#include "engine/ingest/job_files.h"
#include "engine/ingest/job_runner.h"
#include "engine/ingest/quarantine.h"
#include "engine/ingest/spend_gate.h"
#include "engine/store/store_writer.h"
#include "engine/store/write_run.h"

namespace embstore {
namespace {

Clock& ClockOf(const IngestOptions& options) {
  return options.clock != nullptr ? *options.clock : SystemClock();
}

SpendTerms TermsOf(const JobRecord& job, const Provider& provider) {
  SpendTerms terms;
  terms.split = job.split;
  terms.model = provider.identity().model;
  terms.provider = provider.name();
  terms.space = MakeSpaceId(provider.identity());
  terms.batch = job.batch;
  terms.price = job.price;
  return terms;
}

Result<JobRecord> FindOpenJob(const Ledger& ledger, std::uint64_t id) {
  for (JobRecord& job : ledger.Jobs()) {
    if (job.id == id && job.open()) return job;
  }
  return Status(Code::kNotFound, "there is no open job " + std::to_string(id) +
                                     "; 'embstore jobs' lists those there are");
}

/// Commits rows and remembers whose coverage changes by it.
class Committer {
 public:
  Committer(Store* store, StoreWriter* writer, SpaceId space, Clock& clock)
      : store_(store), writer_(*writer), space_(space), clock_(clock) {}

  Status Write(const JobRecord& job, Commit commit) {
    commit.space = space_;
    commit.micros = clock_.WallMicros();
    splits_.insert(job.split);
    return writer_.Write(commit);
  }

  Status RefreshCoverages() {
    for (const std::string& split : splits_) {
      Status refreshed = writer_.RefreshCoverage(store_, split, space_, clock_.WallMicros());
      if (!refreshed.ok()) return refreshed;
    }
    return {};
  }

 private:
  Store* const store_;
  StoreWriter& writer_;
  const SpaceId space_;
  Clock& clock_;
  std::set<std::string> splits_;
};

/// Whether they are the texts that were sent. A request that was made up for an answer that could
/// not be read then has none: what it sent is not known.
Status CheckTexts(Store* store, const JobRecord& job, const QuarantinedAnswer& answer) {
  std::vector<std::uint64_t> expected = StoreWriter(store).ledger().KeysOf(job.id);
  std::sort(expected.begin(), expected.end());
  if (expected.empty() || LedgerKeysOf(answer.texts) == expected) return {};
  return {Code::kCorruption, "the answer '" + QuarantinePath(store->directory(), job.id).string() +
                                 "' is not to request " + std::to_string(job.id) +
                                 ", whose number it has; nothing was stored: 'embstore recover "
                                 "--yes' gives it a number of its own"};
}

Result<std::uint64_t> AcceptAnswer(Store* store, const JobRecord& job, Provider* provider,
                                   SpendGate* gate, Committer* committer) {
  auto answer = ReadQuarantine(store->directory(), job.id, provider->identity().dimensions);
  if (!answer.ok()) return answer.status();
  if (Status same = CheckTexts(store, job, *answer); !same.ok()) return same;
  const std::size_t dimensions = provider->identity().dimensions;
  Commit commit;
  std::uint64_t tokens = 0;
  for (std::size_t i = 0; i < answer->texts.size(); ++i) {
    const std::string& text = answer->texts[i];
    const auto estimate = static_cast<std::uint32_t>(provider->EstimateTokens(text));
    commit.embedded.push_back({MakeTextKey(text), text, estimate,
                               std::span(answer->vectors).subspan(i * dimensions, dimensions)});
    tokens += estimate;
  }
  commit.shares.push_back(gate->Share(job.id, static_cast<std::uint32_t>(answer->texts.size()),
                                      tokens, std::nullopt, /*last=*/true));
  if (Status written = committer->Write(job, std::move(commit)); !written.ok()) return written;
  RemoveJobFiles(store->directory(), job);
  return answer->texts.size();
}

Result<std::uint64_t> AcceptResult(Store* store, const JobRecord& job, Provider* provider,
                                   SpendGate* gate, Committer* committer) {
  if (provider->batch() == nullptr) {
    return Status(Code::kInvalidArgument, "this provider has no batch jobs");
  }
  BatchApi& api = *provider->batch();
  const auto texts = ReadJobInput(store->directory(), api, job);
  if (!texts.ok()) return texts.status();
  const CommitSink commit = [&](Commit rows) { return committer->Write(job, std::move(rows)); };
  JobCollector collector(*provider, api, *gate, commit, *texts);
  CollectOptions options;
  options.accept = true;
  options.skip = job.stored_texts;
  const auto outcome = collector.Collect(JobResultPath(store->directory(), job), job.id, options);
  if (!outcome.ok()) return outcome.status();
  std::vector<std::uint64_t> not_stored;
  for (const auto& [index, why] : outcome->failed) {
    not_stored.push_back(LedgerKey((*texts)[index].key));
  }
  Ending ending;
  ending.request = job.id;
  ending.not_stored = std::move(not_stored);
  ending.texts = outcome->undelivered_texts;
  ending.tokens = gate->ExpectedTokens(outcome->undelivered_tokens);
  Status ended = gate->Close(std::move(ending));
  if (ended.ok()) ended = StoreWriter(store).ledger().Sync();
  if (!ended.ok()) return ended;
  RemoveJobFiles(store->directory(), job);
  return outcome->stored;
}

}  // namespace

Result<CollectReport> CollectJobs(Store* store, Provider* provider, const IngestOptions& options) {
  CollectReport report;
  if (provider->batch() == nullptr) {
    return Status(Code::kInvalidArgument,
                  "provider '" + std::string(provider->name()) + "' has no batch jobs");
  }
  const auto turn = WriteRun::Begin(store, options.stop);
  if (!turn.ok()) return turn.status();
  Clock& clock = ClockOf(options);
  IngestObserver silent;
  StoreWriter writer(store);
  SpendGate gate(writer.ledger(), TermsOf({}, *provider), clock);
  Committer committer(store, &writer, gate.terms().space, clock);
  JobRunner jobs({writer, store->directory(), store->Id(), *provider, gate, clock,
                  options.observer != nullptr ? *options.observer : silent, options,
                  [&](const JobRecord& job, Commit commit) {
                    return committer.Write(job, std::move(commit));
                  }});
  if (const auto adopted = jobs.Adopt(); !adopted.ok()) return adopted.status();
  Status worked;
  Status set_aside;
  for (;;) {
    worked = jobs.Work();
    const JobsProgress progress = jobs.TakeProgress();
    report.collected += progress.ended;
    report.stored += progress.stored;
    report.failed += progress.failed.size();
    report.quarantined += progress.quarantined;
    if (set_aside.ok()) set_aside = progress.set_aside;
    if (!worked.ok() || jobs.active() == 0) break;
    if (!options.batch.wait && jobs.AllSubmitted()) break;
    if (options.stop != nullptr && options.stop->load()) {
      worked = {Code::kCancelled, "interrupted; the jobs go on on the server"};
      break;
    }
    clock.SleepFor(std::max(jobs.NextDue() - clock.Monotonic(), std::chrono::nanoseconds(0)),
                   options.stop);
  }
  report.open = jobs.active();
  Status refreshed = committer.RefreshCoverages();
  if (!worked.ok()) return worked;
  if (!refreshed.ok()) return refreshed;
  if (!set_aside.ok()) return set_aside;
  return report;
}

Status CancelJob(Store* store, Provider* provider, std::uint64_t id) {
  const auto turn = WriteRun::Begin(store, nullptr);
  if (!turn.ok()) return turn.status();
  StoreWriter writer(store);
  const auto job = FindOpenJob(writer.ledger(), id);
  if (!job.ok()) return job.status();
  switch (job->step) {
    case JobStep::kPlanned:
    case JobStep::kUploaded: {
      Ending ending;
      ending.request = id;
      ending.end = RequestEnd::kNotBilled;
      ending.reason = "cancelled before it was created";
      ending.micros = SystemClock().WallMicros();
      Status ended = writer.ledger().End(ending);
      if (ended.ok()) ended = writer.ledger().Sync();
      if (ended.ok()) RemoveJobFiles(store->directory(), *job);
      return ended;
    }
    case JobStep::kCreated:
      if (provider->batch() != nullptr) return provider->batch()->Cancel(job->name);
      return {Code::kInvalidArgument,
              "provider '" + std::string(provider->name()) + "' has no batch jobs"};
    case JobStep::kCreating:
      return {Code::kInvalidArgument,
              "whether the server has job " + std::to_string(id) +
                  " is not known yet; nothing was changed: 'embstore jobs --wait' finds out"};
    case JobStep::kQuarantined:
    case JobStep::kEnded:
      break;
  }
  return {Code::kInvalidArgument,
          "job " + std::to_string(id) + " is in quarantine; --accept or --abandon it"};
}

Status AbandonJob(Store* store, std::uint64_t id) {
  const auto turn = WriteRun::Begin(store, nullptr);
  if (!turn.ok()) return turn.status();
  StoreWriter writer(store);
  const auto job = FindOpenJob(writer.ledger(), id);
  if (!job.ok()) return job.status();
  Ending ending;
  ending.request = id;
  ending.end = RequestEnd::kAbandoned;
  ending.reason = "abandoned";
  ending.micros = SystemClock().WallMicros();
  Status ended = writer.ledger().End(ending);
  if (ended.ok()) ended = writer.ledger().Sync();
  if (ended.ok()) RemoveJobFiles(store->directory(), *job);
  return ended;
}

Result<std::uint64_t> AcceptJob(Store* store, Provider* provider, std::uint64_t id) {
  const auto turn = WriteRun::Begin(store, nullptr);
  if (!turn.ok()) return turn.status();
  StoreWriter writer(store);
  const auto job = FindOpenJob(writer.ledger(), id);
  if (!job.ok()) return job.status();
  if (job->step != JobStep::kQuarantined) {
    return Status(Code::kNotFound, "job " + std::to_string(id) + " is not in quarantine");
  }
  if (job->space != MakeSpaceId(provider->identity())) {
    return Status(Code::kInvalidArgument,
                  "job " + std::to_string(id) + " belongs to model '" + job->model +
                      "' with other settings than this provider's; nothing was stored");
  }
  Clock& clock = SystemClock();
  SpendGate gate(writer.ledger(), TermsOf(*job, *provider), clock);
  Committer committer(store, &writer, gate.terms().space, clock);
  auto stored = job->batch ? AcceptResult(store, *job, provider, &gate, &committer)
                           : AcceptAnswer(store, *job, provider, &gate, &committer);
  if (!stored.ok()) return stored;
  if (Status refreshed = committer.RefreshCoverages(); !refreshed.ok()) return refreshed;
  return stored;
}

}  // namespace embstore
