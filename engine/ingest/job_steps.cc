// SPDX-License-Identifier: Apache-2.0
// One job's way from its input file to stored vectors.
#include <algorithm>
#include <system_error>

#include "engine/base/crash_point.h"
#include "engine/base/file.h"
#include "engine/base/seeded_bug.h"
#include "engine/ingest/job_runner.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

using std::chrono::nanoseconds;

// Failures in a row while nothing but waiting is left: hours, at the longest waits.
constexpr std::uint32_t kMaxPollFailures = 200;
// Refusals for lack of room while no other job of ours takes any.
constexpr std::uint32_t kMaxRefusals = 24;
// How often in a row the server does not know a job before a person is asked.
constexpr std::uint32_t kMaxNotFound = 5;

bool HasSucceeded(const JobRecord& job) { return job.state.find("SUCCEEDED") != std::string::npos; }

bool WasCancelled(const JobRecord& job) { return job.state.find("CANCELLED") != std::string::npos; }

/// Whether the rows that were done before a cancellation are billed, nobody says.
RequestEnd EndOfJobWithoutVectors(const JobRecord& job) {
  return WasCancelled(job) ? RequestEnd::kInDoubt : RequestEnd::kNotBilled;
}

}  // namespace

Status JobRunner::Step(Job* job) {
  if (job->maybe_made) return FindUnsent(job);
  switch (job->record.step) {
    case JobStep::kPlanned:
      return Upload(job);
    case JobStep::kUploaded:
      return Create(job);
    case JobStep::kCreating:
      return FindCreated(job);
    case JobStep::kCreated:
      return Poll(job);
    case JobStep::kQuarantined:
    case JobStep::kEnded:
      job->done = true;
      return {};
  }
  return {Code::kInternal, "a job without a step"};
}

Status JobRunner::Upload(Job* job) {
  const auto path = JobInputPath(context_.directory, job->record);
  const auto texts = ReadJobInput(context_.directory, api_, job->record);
  if (texts.code() == Code::kCorruption) {
    // Nothing was sent yet, so nothing is lost but the file.
    context_.observer.OnWarning(Name(*job) +
                                " lost its input file before it was sent; the next run sends its "
                                "texts with another job");
    return EndWithoutResult(job, RequestEnd::kNotBilled);
  }
  if (!texts.ok()) return texts.status();
  const auto file = api_.Upload(path, job->record.display_name);
  if (!file.ok()) return Retry(job, file.status(), "upload its input");
  EMBSTORE_CRASH_POINT("upload-answered");
  Soon(job);
  JobChange change;
  change.input_file = job->record.input_file = *file;
  Status written = Change(job, JobStep::kUploaded, std::move(change));
  EMBSTORE_CRASH_POINT("upload-recorded");
  return written;
}

Status JobRunner::EndUnsent() {
  for (Job& job : jobs_) {
    const JobStep step = job.record.step;
    const bool unsent = step == JobStep::kPlanned || step == JobStep::kUploaded;
    if (job.done || !unsent || job.maybe_made) continue;
    if (Status ended = EndWithoutResult(&job, RequestEnd::kNotBilled); !ended.ok()) return ended;
  }
  return {};
}

Status JobRunner::Create(Job* job) {
  if (Status written = Change(job, JobStep::kCreating); !written.ok()) return written;
  EMBSTORE_CRASH_POINT("creation-recorded");
  const auto remote = api_.Create(job->record.input_file, job->record.display_name);
  EMBSTORE_CRASH_POINT("creation-answered");
  ++progress_.created;
  if (remote.ok()) {
    JobChange change;
    change.name = job->record.name = remote->name;
    change.state = job->record.state = remote->state_text;
    context_.observer.OnNotice(Name(*job) + " created: " + remote->name + " (" +
                               std::to_string(job->record.texts) + " texts)");
    Soon(job);
    Later(job, context_.options.batch.first_poll, context_.options.batch.max_poll);
    Status written = Change(job, JobStep::kCreated, std::move(change));
    EMBSTORE_CRASH_POINT("created-recorded");
    return written;
  }
  const Status& status = remote.status();
  switch (status.code()) {
    case Code::kInDoubt:
      context_.observer.OnWarning(Name(*job) +
                                  ": no answer to its creation; it is looked for "
                                  "before it is created again: " +
                                  status.message());
      Soon(job);
      if (EMBSTORE_SEEDED_BUG("job-made-twice")) return Change(job, JobStep::kUploaded);
      return {};  // Stays in kCreating.
    case Code::kRateLimited:
      return RefusedForRoom(job, status);
    case Code::kUnavailable: {
      Status written = Change(job, JobStep::kUploaded);
      return written.ok() ? Retry(job, status, "create it") : written;
    }
    case Code::kNotFound: {
      Status written = Change(job, JobStep::kPlanned);  // The input has expired on the server.
      if (!written.ok()) return written;
      if (++job->expired_inputs <= kMaxFailures) return Retry(job, status, "create it");
      return status.Prefixed("cannot create " + Name(*job));
    }
    default: {
      // The others would be refused as well, and calls may send their texts.
      Status ended = EndWithoutResult(job, RequestEnd::kNotBilled);
      if (ended.ok()) ended = EndUnsent();
      return ended.ok() ? status.Prefixed(Name(*job) + " was refused") : ended;
    }
  }
}

Status JobRunner::RefusedForRoom(Job* job, const Status& status) {
  if (Status written = Change(job, JobStep::kUploaded); !written.ok()) return written;
  const BatchPolicy& policy = context_.options.batch;
  if (!job->waits_for_room) {
    job->wait = {};
    context_.observer.OnNotice("the server's queue is full; " + Name(*job) +
                               " waits for room (this is normal): " + status.message());
  }
  job->waits_for_room = true;
  if (jobs_.size() == 1 && ++job->refusals > kMaxRefusals) {
    return status.Prefixed("the server has no room for " + Name(*job) + " (" +
                           std::to_string(job->record.tokens) +
                           " tokens) though no other job is under way; a smaller "
                           "batch.max_job_tokens may help future jobs");
  }
  Remind(job, "still waits for room in the server's queue");
  Later(job, std::max(policy.queue_wait, status.backoff().retry_after), policy.max_queue_wait);
  return {};
}

Result<std::vector<RemoteJob>> JobRunner::FindOnServer(const Job& job) {
  std::vector<RemoteJob> found;
  Status listed = api_.List([&](const RemoteJob& remote) {
    if (remote.display_name == job.record.display_name) found.push_back(remote);
    return true;
  });
  if (!listed.ok()) return listed;
  return found;
}

/// What the ledger knows of it ends before its creation. If the ledger was cut there, the job is
/// on the server all the same.
Status JobRunner::FindUnsent(Job* job) {
  auto found = FindOnServer(*job);
  if (!found.ok()) return Retry(job, found.status(), "look for it");
  job->maybe_made = false;
  Soon(job);
  return found->empty() ? Status() : TakeFound(job, std::move(*found));
}

Status JobRunner::FindCreated(Job* job) {
  auto found = FindOnServer(*job);
  if (!found.ok()) return Retry(job, found.status(), "look for it");
  const nanoseconds now = context_.clock.Monotonic();
  if (job->creating_since < nanoseconds::zero()) job->creating_since = now;
  if (found->empty()) {
    const BatchPolicy& policy = context_.options.batch;
    if (now - job->creating_since < policy.creation_grace) {
      Later(job, policy.first_poll, policy.creation_grace);
      job->due = std::min(job->due, job->creating_since + policy.creation_grace);
      return {};
    }
    // It may be there all the same, unlisted: the doubt is written down, and its texts go out with
    // another job under another name.
    context_.observer.OnWarning(Name(*job) +
                                " is not on the server; it counts as in doubt, and its texts are "
                                "sent with another job if the doubt policy allows it");
    return EndWithoutResult(job, RequestEnd::kInDoubt);
  }
  return TakeFound(job, std::move(*found));
}

Status JobRunner::TakeFound(Job* job, std::vector<RemoteJob> found) {
  // One that has succeeded cannot fail any more, and is paid for in any case. A run that died here
  // may have cancelled all but one already.
  const auto rank = [](const RemoteJob& remote) {
    if (remote.state == BatchState::kSucceeded) return 0;
    return IsTerminal(remote.state) ? 2 : 1;
  };
  std::stable_sort(found.begin(), found.end(),
                   [&](const RemoteJob& a, const RemoteJob& b) { return rank(a) < rank(b); });
  const std::size_t booked = context_.writer.ledger().CountLaterDoubts(job->record.id);
  std::size_t doubts = 0;
  for (std::size_t i = 1; i < found.size(); ++i) {
    const auto is_free = CostsNothing(&api_, found[i]);
    if (!is_free.ok()) return is_free.status();
    if (*is_free) continue;
    const Status cancelled = api_.Cancel(found[i].name);
    context_.observer.OnWarning(
        "the server has " + std::to_string(found.size()) + " jobs for " + Name(*job) + "; " +
        found[0].name + " is taken, " + found[i].name +
        (cancelled.ok() ? " was cancelled" : " could not be cancelled: " + cancelled.message()));
    if (++doubts <= booked) continue;
    Status written = context_.gate.BookDoubt(
        job->record, "the server had a second job, " + found[i].name + ", for the same texts");
    if (!written.ok()) return written;
  }
  JobChange change;
  change.name = job->record.name = found[0].name;
  change.state = job->record.state = found[0].state_text;
  context_.observer.OnNotice(Name(*job) + " was found on the server: " + found[0].name);
  Soon(job);
  return Change(job, JobStep::kCreated, std::move(change));
}

Status JobRunner::Poll(Job* job) {
  std::error_code error;
  if (std::filesystem::exists(JobResultPath(context_.directory, job->record), error)) {
    return Collect(job);
  }
  const auto remote = api_.Get(job->record.name);
  if (remote.code() == Code::kNotFound) {
    if (++job->failures < kMaxNotFound) {
      Later(job, context_.options.batch.first_poll, context_.options.batch.max_poll);
      return {};
    }
    return SetAside(
        job, {Code::kHeld, "the server does not know " + Name(*job) + " (" + job->record.name +
                               "). It may be paid for, so its texts are not sent again. Check the "
                               "address and the key; if it is gone for good, 'embstore jobs "
                               "--abandon " +
                               std::to_string(job->record.id) + "' lets them be sent"});
  }
  if (!remote.ok()) return Retry(job, remote.status(), "ask for its state", kMaxPollFailures);
  job->failures = 0;
  if (remote->state_text != job->record.state || remote->result_file != job->record.result_file) {
    if (remote->state_text != job->record.state) {
      context_.observer.OnNotice(Name(*job) + ": " + remote->state_text);
    }
    JobChange change;
    change.state = job->record.state = remote->state_text;
    change.result_file = job->record.result_file = remote->result_file;
    if (Status written = Change(job, JobStep::kCreated, std::move(change)); !written.ok()) {
      return written;
    }
  }
  const bool succeeded = remote->state == BatchState::kSucceeded;
  const bool has_result = !remote->result_file.empty();
  if (!IsTerminal(remote->state) || (succeeded && !has_result)) {
    Remind(job, succeeded ? "has succeeded, but its result is not there yet"
                          : "is under way: " + remote->state_text);
    Later(job, context_.options.batch.first_poll, context_.options.batch.max_poll);
    return {};
  }
  if (!succeeded) {
    context_.observer.OnWarning(Name(*job) + " ended as " + remote->state_text +
                                (remote->error.empty() ? "" : ": " + remote->error) +
                                (has_result ? "; what it delivered is kept" : ""));
  }
  if (!has_result) return EndWithoutResult(job, EndOfJobWithoutVectors(job->record));
  Status downloaded = Download(job);
  if (!downloaded.ok()) return downloaded;
  return job->due > context_.clock.Monotonic() ? Status() : Collect(job);
}

Status JobRunner::Download(Job* job) {
  if (Status made = MakeJobsDirectory(context_.directory); !made.ok()) return made;
  auto file = AtomicFile::Create(JobResultPath(context_.directory, job->record));
  if (!file.ok()) return file.status();
  Status written;
  Status fetched = api_.Download(job->record.result_file, [&](std::string_view bytes) {
    return written = (*file)->Append(bytes);
  });
  if (!written.ok()) return written;
  if (fetched.ok()) {
    job->fetched = true;
    Status committed = (*file)->Commit();
    EMBSTORE_CRASH_POINT("result-downloaded");
    return committed;
  }
  if (!IsTransient(fetched.code()) && fetched.code() != Code::kNotFound &&
      fetched.code() != Code::kInvalidReply) {
    return fetched;
  }
  // It is paid for: no number of failures makes it be sent again.
  if (job->failed_downloads++ == 0) {
    context_.observer.OnWarning(Name(*job) +
                                " is ready, but its result cannot be fetched now; "
                                "this is tried again, for days if need be (Ctrl-C is safe, "
                                "'embstore jobs --abandon " +
                                std::to_string(job->record.id) +
                                "' gives it up): " + fetched.message());
  }
  Remind(job, "is ready, but its result still cannot be fetched");
  Later(job, context_.options.batch.first_poll, context_.options.batch.max_poll);
  return {};
}

Status JobRunner::Collect(Job* job) {
  const auto texts = ReadJobInput(context_.directory, api_, job->record);
  if (texts.code() == Code::kCorruption) return SetAside(job, texts.status());
  if (!texts.ok()) return texts.status();
  const CommitSink commit = [&](Commit rows) {
    return context_.commit(job->record, std::move(rows));
  };
  JobCollector collector(context_.provider, api_, context_.gate, commit, *texts);
  CollectOptions options;
  options.check_pairing = context_.options.check_pairing;
  options.partial = !HasSucceeded(job->record);
  options.skip = job->record.stored_texts;
  const auto path = JobResultPath(context_.directory, job->record);
  auto outcome = collector.Collect(path, job->record.id, options);
  if (outcome.code() == Code::kHeld && !(job->fetched && job->fetched_again)) {
    // The copy of an earlier run may be what is wrong, or what came between: a proxy's page, say.
    if (job->fetched) {
      job->fetched_again = true;
      context_.observer.OnWarning(Name(*job) + ": " + outcome.status().message() +
                                  "; the result is fetched once more, which costs nothing");
      Later(job, context_.options.batch.first_poll, context_.options.batch.max_poll);
    }
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return {};
  }
  if (outcome.code() == Code::kHeld) return Hold(job, outcome.status().message());
  if (!outcome.ok()) return outcome.status();
  progress_.stored += outcome->stored;
  progress_.tokens += outcome->tokens;
  progress_.tokens_estimated = progress_.tokens_estimated || outcome->tokens_estimated;
  std::vector<FailedJobText> failed;
  const bool in_doubt = WasCancelled(job->record);
  for (auto& [index, reason] : outcome->failed) {
    const bool missing = reason.code() == Code::kUnavailable;
    failed.push_back({(*texts)[index],
                      missing && in_doubt ? Status(Code::kInDoubt, reason.message()) : reason,
                      job->round, job->own});
  }
  const bool has_vectors = failed.size() < texts->size();
  Ending ending;
  ending.end = in_doubt      ? RequestEnd::kInDoubt
               : has_vectors ? RequestEnd::kStored
                             : RequestEnd::kNotBilled;
  if (in_doubt) ending.reason = "the job was cancelled; what it did before may be billed";
  if (ending.end == RequestEnd::kStored) {
    ending.texts = outcome->undelivered_texts;
    ending.tokens = context_.gate.ExpectedTokens(outcome->undelivered_tokens);
  }
  return Finish(job, std::move(ending), std::move(failed));
}

Status JobRunner::EndWithoutResult(Job* job, RequestEnd end) {
  ++progress_.ended_without_result;
  const Status reason(end == RequestEnd::kInDoubt ? Code::kInDoubt : Code::kUnavailable,
                      Name(*job) + " brought no result");
  std::vector<FailedJobText> failed;
  auto texts = ReadJobInput(context_.directory, api_, job->record);
  if (texts.ok()) {
    for (JobText& text : *texts) {
      failed.push_back({std::move(text), reason, job->round, job->own});
    }
  }
  Ending ending;
  ending.end = end;
  ending.reason = "the job brought no vector";
  return Finish(job, std::move(ending), std::move(failed));
}

Status JobRunner::Finish(Job* job, Ending ending, std::vector<FailedJobText> failed) {
  if (ending.end == RequestEnd::kStored) {
    for (const FailedJobText& text : failed) {
      ending.not_stored.push_back(LedgerKey(text.text.key));
    }
  }
  ending.request = job->record.id;
  EMBSTORE_CRASH_POINT("job-stored");
  Status ended = context_.gate.Close(std::move(ending));
  // The files go only when nobody can need them any more.
  if (ended.ok()) ended = context_.writer.ledger().Sync();
  if (!ended.ok()) return ended;
  EMBSTORE_CRASH_POINT("job-ended");
  DeleteRemoteFiles(*job);
  RemoveJobFiles(context_.directory, job->record);
  EMBSTORE_CRASH_POINT("job-removed");
  ++progress_.ended;
  std::move(failed.begin(), failed.end(), std::back_inserter(progress_.failed));
  job->done = true;
  WakeWaiting();
  return {};
}

Status JobRunner::Hold(Job* job, const std::string& why) {
  JobChange change;
  change.note = why;
  if (Status written = Change(job, JobStep::kQuarantined, std::move(change)); !written.ok()) {
    return written;
  }
  ++progress_.quarantined;
  const std::string id = std::to_string(job->record.id);
  context_.observer.OnWarning(
      Name(*job) + " is set aside: " + why +
      ". Nothing of it was stored and its texts are not sent again. 'embstore jobs --accept " + id +
      "' stores what fits, '--abandon " + id + "' lets its texts be sent, and paid for, again");
  job->done = true;
  WakeWaiting();
  return {};
}

}  // namespace embstore
