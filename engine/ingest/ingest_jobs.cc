// SPDX-License-Identifier: Apache-2.0
// From missing texts to commits by batch jobs.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "engine/base/text.h"
#include "engine/ingest/ingest_run.h"

namespace embstore {

using std::chrono::nanoseconds;

void IngestRun::EmbedByJobs() {
  if (!batches_.empty()) {
    if (Status opened = OpenReader(); !opened.ok()) return End(opened);
  }
  JobRunner jobs({writer_, store_.directory(), store_.Id(), provider_, *gate_, clock_, observer_,
                  options_, [this](const JobRecord& job, Commit commit) {
                    return CommitJobRows(job, std::move(commit));
                  }});
  const auto adopted = jobs.Adopt();
  if (!adopted.ok()) return End(adopted.status());
  report_.batches.total += *adopted;
  RunJobs(&jobs);
  if (!job_set_aside_.ok()) End(job_set_aside_);
  // A text of a job may stand at several documents, or belong to another split.
  const auto embedded = store_.CountEmbedded({options_.split, list_.record()}, space_);
  if (!embedded.ok()) return End(embedded.status());
  coverage_.embedded = *embedded;
  for (const std::string& split : other_splits_) {
    Status refreshed = writer_.RefreshCoverage(&store_, split, space_, clock_.WallMicros());
    if (!refreshed.ok()) return End(refreshed);
  }
}

Status IngestRun::CommitJobRows(const JobRecord& job, Commit commit) {
  if (job.split != options_.split) other_splits_.insert(job.split);
  commit.space = space_;
  commit.run_number = run_number_;
  const bool ours = job.split == options_.split;
  const auto rows = static_cast<std::uint64_t>(
      std::count_if(commit.embedded.begin(), commit.embedded.end(),
                    [&](const EmbeddedText& text) { return ours || IsInAdoptedJob(text.key); }));
  report_.embedded += rows;
  for (const CommitShare& share : commit.shares) {
    report_.tokens += share.tokens;
    report_.tokens_estimated = report_.tokens_estimated || !share.reported;
  }
  coverage_.embedded = std::min(coverage_.embedded + rows, scan_.documents - 1);
  Status written = WriteCommit(std::move(commit));
  if (!written.ok()) {
    report_.embedded -= rows;
    write_failed_ = true;
    return written;
  }
  ReportProgress();
  return {};
}

void IngestRun::RunJobs(JobRunner* jobs) {
  while (!Stopped()) {
    SubmitJobs(jobs);
    const Status worked = jobs->Work();
    TakeJobProgress(jobs);
    if (!worked.ok()) return End(worked);
    if (!options_.batch.wait && jobs->AllSubmitted() && !CanSubmit(*jobs)) break;
    const bool more = next_batch_ < batches_.size() || !retries_.empty();
    if (jobs->active() == 0) {
      if (halt_.load() || !more) break;
      continue;
    }
    const nanoseconds wait = jobs->NextDue() - clock_.Monotonic();
    if (wait > nanoseconds::zero()) clock_.SleepFor(wait, options_.stop);
  }
}

bool IngestRun::IsInAdoptedJob(const TextKey& key) const {
  return std::binary_search(aside_.in_jobs.begin(), aside_.in_jobs.end(), LedgerKey(key));
}

bool IngestRun::CanSubmit(const JobRunner& jobs) const {
  if (halt_.load() || next_batch_ == batches_.size()) return false;
  std::uint64_t tokens = 0;
  for (std::size_t i = batches_[next_batch_].begin; i < batches_[next_batch_].end; ++i) {
    tokens += scan_.missing[i].tokens;
  }
  return jobs.HasRoom(tokens);
}

void IngestRun::SubmitJobs(JobRunner* jobs) {
  while (CanSubmit(*jobs)) SubmitRange(jobs, next_batch_++);
  if (next_batch_ < batches_.size()) return;
  // Without waiting there are no second tries: the next run finds these texts missing.
  if (!halt_.load() && !retries_.empty() && options_.batch.wait) SubmitRetries(jobs);
}

void IngestRun::SubmitRange(JobRunner* jobs, std::size_t index) {
  auto batch = ReadBatch(index);
  if (!batch.ok()) return End(batch.status());
  Batch& b = **batch;
  // A job names its texts by their hashes; one of two that share a hash goes into a later job.
  std::set<ContentHash> hashes;
  std::uint64_t tokens = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < b.keys.size(); ++i) {
    if (!hashes.insert(b.keys[i].hash).second) {
      retries_.push_back({{b.keys[i], std::move(b.texts.texts[i])}, {}, 0});
      continue;
    }
    tokens += b.texts.tokens[i];
    if (kept != i) {
      b.keys[kept] = b.keys[i];
      b.texts.texts[kept] = std::move(b.texts.texts[i]);
    }
    ++kept;
  }
  AnnounceBatch(b);
  const Status planned = jobs->Plan(std::span(b.texts.texts).first(kept),
                                    std::span(b.keys).first(kept), tokens, /*round=*/1);
  if (!planned.ok()) End(planned);
}

void IngestRun::SubmitRetries(JobRunner* jobs) {
  std::vector<FailedJobText> later;
  std::vector<std::string> texts;
  std::vector<TextKey> keys;
  std::set<ContentHash> hashes;
  std::uint64_t tokens = 0;
  std::uint32_t round = 0;
  for (FailedJobText& failed : retries_) {
    const std::uint64_t more = provider_.EstimateTokens(failed.text.text);
    if (texts.empty()) round = failed.round;
    const bool fits = failed.round == round && texts.size() < limits_.max_texts &&
                      (texts.empty() || tokens + more <= limits_.max_request_tokens);
    if (!fits || !hashes.insert(failed.text.key.hash).second) {
      later.push_back(std::move(failed));
      continue;
    }
    tokens += more;
    keys.push_back(failed.text.key);
    texts.push_back(std::move(failed.text.text));
  }
  if (!jobs->HasRoom(tokens)) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      later.push_back({{keys[i], std::move(texts[i])}, {}, round});
    }
    retries_ = std::move(later);
    return;
  }
  retries_ = std::move(later);
  observer_.OnNotice(std::to_string(texts.size()) + " texts are sent with another job");
  ++report_.batches.total;
  const Status planned = jobs->Plan(texts, keys, tokens, round + 1);
  if (!planned.ok()) End(planned);
}

Status IngestRun::AddJobFailure(const FailedJobText& failed, Commit* commit) {
  const auto stored = store_.Contains(space_, std::span(&failed.text.key, 1));
  if (!stored.ok()) return stored.status();
  if ((*stored)[0]) return {};  // A refresh: its old vector stays.
  const std::uint64_t key = LedgerKey(failed.text.key);
  const auto missing =
      std::find_if(scan_.missing.begin(), scan_.missing.end(),
                   [key](const MissingText& text) { return text.ledger_key == key; });
  std::string id;
  if (missing != scan_.missing.end()) {
    Status read = store_.ForEachDocument({options_.split, list_.record()}, missing->position, 1,
                                         [&](const DocumentInfo& document) {
                                           id = document.Id();
                                           return Status();
                                         });
    if (!read.ok()) return read;
  }
  commit->failed.push_back({failed.text.key,
                            {std::string(CodeName(failed.reason.code())), failed.reason.message(),
                             options_.split, id, clock_.WallMicros()}});
  return {};
}

void IngestRun::TakeJobProgress(JobRunner* jobs) {
  JobsProgress progress = jobs->TakeProgress();
  report_.api_calls += progress.created;
  report_.batches.failed += progress.ended_without_result;
  report_.batches.skipped += progress.quarantined;
  report_.batches.successful += progress.ended - progress.ended_without_result;
  if (job_set_aside_.ok()) job_set_aside_ = progress.set_aside;
  Commit commit = NewCommit();
  Money in_doubt;
  for (FailedJobText& failed : progress.failed) {
    // What another split's job was asked for is that split's to send again.
    if (!failed.own && !IsInAdoptedJob(failed.text.key)) continue;
    if (failed.reason.code() == Code::kInDoubt) {
      ++report_.in_doubt;
      in_doubt += gate_->CostOfEstimate(provider_.EstimateTokens(failed.text.text));
    }
    const bool final =
        failed.reason.code() == Code::kRejected || failed.round >= options_.batch.max_rounds;
    if (!final) {
      retries_.push_back(std::move(failed));
      continue;
    }
    ++report_.failed;
    last_failure_ = {Code::kUnavailable, failed.reason.message()};
    if (Status added = AddJobFailure(failed, &commit); !added.ok()) return End(added);
  }
  if (!commit.failed.empty()) {
    observer_.OnWarning(
        std::to_string(commit.failed.size()) +
        " texts got no vector; the first reason: " + commit.failed.front().record.reason);
    if (Status written = WriteCommit(std::move(commit)); !written.ok()) {
      write_failed_ = true;
      return End(written);
    }
  }
  report_.in_doubt_cost += in_doubt;
  if (in_doubt > Money() && !gate_->MayResend(in_doubt)) {
    End({Code::kHeld,
         "a job ended in doubt, and by the doubt policy its texts are not sent again, because they "
         "may have been paid for"});
  }
  if (progress.ended > 0) ReportProgress();
}

}  // namespace embstore
