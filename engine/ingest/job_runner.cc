// SPDX-License-Identifier: Apache-2.0
// The jobs under way: taking them over, adding to them, and when each is due. Their steps are in
// job_steps.cc.
#include "engine/ingest/job_runner.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "engine/base/crash_point.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::chrono::hours kReminder{1};

Status LedgerLostEntries(const std::string& what) {
  return {Code::kCorruption, what +
                                 ", that the ledger does not know: the ledger has lost entries. "
                                 "Nothing was sent; 'embstore recover --yes' takes it over"};
}

std::vector<JobRecord> OpenJobs(std::span<const JobRecord> all) {
  std::vector<JobRecord> open;
  std::copy_if(all.begin(), all.end(), std::back_inserter(open),
               [](const JobRecord& job) { return job.open(); });
  return open;
}

bool HasFailed(const RemoteJob& remote) {
  return remote.state == BatchState::kFailed || remote.state == BatchState::kExpired;
}

/// `*found` becomes the name of a job with one of these display names that is or may be paid for.
Status FindPaidJob(BatchApi* api, const std::set<std::string>& unknown, std::string* found) {
  std::vector<RemoteJob> failed;
  const Status listed = api->List([&](const RemoteJob& remote) {
    if (!unknown.contains(remote.display_name)) return true;
    if (HasFailed(remote)) failed.push_back(remote);
    if (!HasFailed(remote)) *found = remote.name;
    return found->empty();
  });
  if (!listed.ok() || !found->empty()) return listed;
  for (const RemoteJob& remote : failed) {
    const auto is_free = CostsNothing(api, remote);
    if (!is_free.ok()) return is_free.status();
    if (!*is_free) *found = remote.name;
  }
  return {};
}

/// Asks again while the server does not answer, as a request for vectors would.
Status Persist(const UnknownFilesCheck& check, const std::function<Status()>& ask) {
  const RetryPolicy& retry = check.options.retry;
  milliseconds wait = retry.initial_wait;
  for (std::uint32_t i = 0;; ++i, wait *= 2) {
    Status asked = ask();
    if (!IsTransient(asked.code()) || i >= retry.max_retries) return asked;
    if (!check.clock.SleepFor(std::max<nanoseconds>(wait, asked.backoff().retry_after),
                              check.options.stop)) {
      return {Code::kCancelled, "interrupted before anything was sent; the same command goes on"};
    }
  }
}

}  // namespace

Result<bool> CostsNothing(BatchApi* api, const RemoteJob& remote) {
  if (!HasFailed(remote)) return false;
  const auto asked = api->Get(remote.name);  // A list may leave results out.
  if (asked.code() == Code::kNotFound) return true;
  if (!asked.ok()) return asked.status();
  return HasFailed(*asked) && asked->result_file.empty();
}

bool IsTransient(Code code) {
  return code == Code::kUnavailable || code == Code::kInDoubt || code == Code::kRateLimited;
}

Status CheckUnknownFiles(const UnknownFilesCheck& check, std::span<const JobRecord> all) {
  std::set<std::uint64_t> requests;
  std::set<std::string> known;
  for (const JobRecord& job : all) {
    requests.insert(job.id);
    known.insert(job.display_name);
  }
  std::set<std::string> unknown;
  for (const auto& path : StrayJobFiles(check.directory, OpenJobs(all))) {
    const auto request = RequestOfQuarantine(path);
    auto name = DisplayNameOfFile(path, check.store_id);
    const bool is_answer = (request && !requests.contains(*request)) ||
                           (name && !known.contains(*name) && IsResultFile(path));
    if (is_answer) return LedgerLostEntries("there is a paid answer, '" + path.string() + "'");
    if (name && !known.contains(*name)) unknown.insert(std::move(*name));
  }
  if (unknown.empty() || check.api == nullptr) return {};
  std::string found;
  const Status asked = Persist(check, [&] { return FindPaidJob(check.api, unknown, &found); });
  if (asked.code() == Code::kCancelled) return asked;
  if (!asked.ok()) {
    return asked.Prefixed("cannot ask the server whether it has the jobs of files in '" +
                          JobsDirectory(check.directory).string() + "'");
  }
  return found.empty() ? Status()
                       : LedgerLostEntries("the server has a job of this store, " + found);
}

JobRunner::JobRunner(Context context)
    : context_(std::move(context)), api_(*context_.provider.batch()) {}

Result<std::size_t> JobRunner::Adopt() {
  const std::vector<JobRecord> all = context_.writer.ledger().Jobs();
  std::vector<JobRecord> open = OpenJobs(all);
  const Status checked = CheckUnknownFiles(
      {context_.directory, context_.store_id, &api_, context_.clock, context_.options}, all);
  if (!checked.ok()) return checked;
  RemoveStrayJobFiles(context_.directory, open);
  for (JobRecord& record : open) {
    const bool ours = record.batch && record.space == context_.gate.terms().space;
    if (!ours || record.step == JobStep::kQuarantined) continue;
    context_.gate.Resume(record);
    const bool unsent = record.step == JobStep::kPlanned || record.step == JobStep::kUploaded;
    jobs_.push_back({.record = std::move(record), .due = context_.clock.Monotonic()});
    jobs_.back().maybe_made = unsent;
  }
  return jobs_.size();
}

bool JobRunner::HasRoom(std::uint64_t tokens) const {
  const BatchPolicy& policy = context_.options.batch;
  if (jobs_.empty()) return true;
  if (jobs_.size() >= policy.max_jobs) return false;
  if (std::any_of(jobs_.begin(), jobs_.end(), [](const Job& j) { return j.waits_for_room; })) {
    return false;
  }
  const std::uint64_t enqueued =
      std::accumulate(jobs_.begin(), jobs_.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const Job& j) { return sum + j.record.tokens; });
  return enqueued + context_.gate.ExpectedTokens(tokens) <= policy.max_enqueued_tokens;
}

bool JobRunner::AllSubmitted() const {
  return std::all_of(jobs_.begin(), jobs_.end(), [](const Job& job) {
    return job.record.step == JobStep::kCreated || job.waits_for_room;
  });
}

Status JobRunner::Plan(std::span<const std::string> texts, std::span<const TextKey> keys,
                       std::uint64_t tokens, std::uint32_t round) {
  const auto input = WriteJobInput(context_.directory, context_.store_id, api_, texts, keys,
                                   context_.clock.WallMicros(), context_.gate.terms().run);
  if (!input.ok()) return input.status();
  EMBSTORE_CRASH_POINT("job-file-written");
  RequestIntent intent;
  intent.tokens = tokens;
  for (const TextKey& key : keys) intent.keys.push_back(LedgerKey(key));
  intent.display_name = input->display_name;
  intent.input_bytes = input->bytes;
  intent.input_digest = input->digest;
  const auto number = context_.gate.Begin(intent);
  Job job;
  job.record.display_name = input->display_name;
  if (!number.ok()) {
    RemoveJobFiles(context_.directory, job.record);
    return number.status();
  }
  job.record.id = *number;
  job.record.texts = texts.size();
  job.record.tokens = context_.gate.ExpectedTokens(tokens);
  job.record.input_bytes = input->bytes;
  job.record.input_digest = input->digest;
  job.record.space = context_.gate.terms().space;
  job.record.split = context_.gate.terms().split;
  job.record.provider = context_.provider.name();
  job.round = round;
  job.own = true;
  job.due = context_.clock.Monotonic();
  jobs_.push_back(std::move(job));
  return {};
}

nanoseconds JobRunner::NextDue() const {
  nanoseconds due = nanoseconds::max();
  for (const Job& job : jobs_) due = std::min(due, job.due);
  return due;
}

Status JobRunner::Work() {
  for (Job& job : jobs_) {
    // As many steps as can be taken without waiting.
    while (!job.done && job.due <= context_.clock.Monotonic()) {
      if (context_.options.stop != nullptr && context_.options.stop->load()) return {};
      if (Status stepped = Step(&job); !stepped.ok()) return stepped;
    }
  }
  jobs_.remove_if([](const Job& job) { return job.done; });
  return {};
}

Status JobRunner::SetAside(Job* job, const Status& why) {
  context_.observer.OnWarning(why.message());
  if (progress_.set_aside.ok()) progress_.set_aside = why;
  job->done = true;
  return {};
}

Status JobRunner::Retry(Job* job, const Status& status, const char* what,
                        std::uint32_t max_failures) {
  const bool transient = IsTransient(status.code()) || status.code() == Code::kNotFound ||
                         status.code() == Code::kInvalidReply;
  if (!transient || ++job->failures > max_failures) {
    return status.Prefixed("cannot " + std::string(what) + " (" + Name(*job) + ")");
  }
  if (job->failures == 1) {
    context_.observer.OnWarning(Name(*job) + ": cannot " + what +
                                " now, trying again: " + status.message());
  }
  const RetryPolicy& retry = context_.options.retry;
  Later(job, std::max(retry.initial_wait / 4, status.backoff().retry_after),
        context_.options.batch.max_poll);
  return {};
}

Status JobRunner::Change(Job* job, JobStep step, JobChange change) {
  job->record.step = step;
  change.request = job->record.id;
  change.step = step;
  change.micros = context_.clock.WallMicros();
  return context_.writer.ledger().ChangeJob(change);
}

void JobRunner::DeleteRemoteFiles(const Job& job) {
  // Files vanish by themselves after two days; a failure here changes nothing.
  if (!job.record.input_file.empty()) api_.DeleteFile(job.record.input_file).IgnoreError();
  if (job.own) return;
  // A run that died may have uploaded the file without writing it down.
  const auto uploads = api_.FindUploads(job.record.display_name);
  if (!uploads.ok()) return;
  for (const std::string& file : *uploads) {
    if (file != job.record.input_file) api_.DeleteFile(file).IgnoreError();
  }
}

void JobRunner::Soon(Job* job) {
  job->wait = {};
  job->failures = 0;
  job->waits_for_room = false;
  job->due = context_.clock.Monotonic();
}

void JobRunner::Later(Job* job, milliseconds least, milliseconds most) {
  job->wait = job->wait.count() == 0 ? least : std::min(job->wait * 3 / 2, most);
  job->due = context_.clock.Monotonic() + std::max({job->wait, least, milliseconds(1)});
}

void JobRunner::Remind(Job* job, const std::string& what) {
  const nanoseconds now = context_.clock.Monotonic();
  if (job->reminded < nanoseconds::zero()) job->reminded = now;
  if (now - job->reminded < kReminder) return;
  job->reminded = now;
  context_.observer.OnNotice(Name(*job) + " " + what);
}

void JobRunner::WakeWaiting() {
  for (Job& job : jobs_) {
    if (job.waits_for_room) job.due = context_.clock.Monotonic();
  }
}

std::string JobRunner::Name(const Job& job) const { return "job " + std::to_string(job.record.id); }

}  // namespace embstore
