// SPDX-License-Identifier: Apache-2.0
// From missing texts to commits.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"
#include "engine/ingest/checkpoint.h"
#include "engine/ingest/ingest_run.h"

namespace embstore {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kStopPoll{50};
constexpr std::chrono::seconds kCheckpointInterval{1};
// Of a free provider, embedded and not yet durable: for memory's sake.
constexpr std::size_t kMostFreeBatches = 64;

}  // namespace

Status IngestRun::OpenReader() {
  auto reader = dataset_.Open();
  if (!reader.ok()) return reader.code() == Code::kNotFound ? SourceChanged() : reader.status();
  reader_ = std::move(*reader);
  return {};
}

bool IngestRun::Stopped() {
  if (options_.stop == nullptr || !options_.stop->load()) return false;
  End({Code::kCancelled,
       "interrupted; the same command goes on, and collects what is in batch jobs"});
  return true;
}

std::size_t IngestRun::MaxNotDurable() const {
  const std::size_t concurrency = limits_.concurrency;
  if (provider_.paid()) return concurrency;  // As many a crash can make be paid twice.
  return std::max(concurrency, std::min(4 * concurrency, kMostFreeBatches));
}

void IngestRun::EmbedMissing() {
  if (batches_.empty()) return;
  if (Status opened = OpenReader(); !opened.ok()) return End(opened);
  const std::size_t max_not_durable = MaxNotDurable();
  WorkerPool pool(*embedder_, store_, space_, limits_.concurrency, max_not_durable);
  // One batch waits for each that is under way, so that no worker waits for the disk.
  const std::size_t max_outstanding = max_not_durable + limits_.concurrency;
  std::size_t outstanding = 0;
  std::size_t next = 0;
  for (;;) {
    Stopped();
    while (!halt_.load() && outstanding < max_outstanding && next < batches_.size()) {
      auto batch = ReadBatch(next);
      if (!batch.ok()) {
        End(batch.status());
        break;
      }
      AnnounceBatch(*batch.value());
      pool.Submit(std::move(*batch));
      ++next;
      ++outstanding;
    }
    if (outstanding == 0) return;
    auto done = pool.TakeDone(kStopPoll);
    const std::size_t finished = done.size();
    if (finished > 0) StoreDone(std::move(done));
    pool.Release(finished);
    outstanding -= finished;
  }
}

void IngestRun::End(Status status) {
  if (report_.outcome.ok()) report_.outcome = std::move(status);
  halt_ = true;
}

Result<std::unique_ptr<Batch>> IngestRun::ReadBatch(std::size_t index) {
  auto batch = std::make_unique<Batch>();
  batch->number = index + 1;
  batch->range = batches_[index];
  for (std::size_t i = batch->range.begin; i < batch->range.end; ++i) {
    const MissingText& text = scan_.missing[i];
    do {
      Result<bool> more = reader_->Next(&document_);
      if (!more.ok()) return more.status();
      if (!*more) return SourceChanged();
    } while (document_.position < text.position);
    batch->keys.push_back(MakeTextKey(document_.text));
    // The scan counted, priced and allowed one text; no other one is sent in its place.
    if (LedgerKey(batch->keys.back()) != text.ledger_key &&
        !EMBSTORE_SEEDED_BUG("changed-text-sent"))
      return SourceChanged();
    batch->texts.texts.emplace_back(document_.text);
    batch->texts.tokens.push_back(text.tokens);
    batch->texts.keys.push_back(LedgerKey(batch->keys.back()));
    batch->document_ids.emplace_back(document_.id);
  }
  return batch;
}

Status IngestRun::SourceChanged() const {
  return {Code::kInvalidArgument, dataset_.Name() +
                                      " changed during the run; what was embedded is stored "
                                      "under its own text: run again"};
}

void IngestRun::AnnounceBatch(const Batch& batch) {
  observer_.OnBatchStart({batch.number, batches_.size(), scan_.missing[batch.range.begin].position,
                          scan_.missing[batch.range.end - 1].position});
}

Commit IngestRun::NewCommit() const {
  Commit commit;
  commit.space = space_;
  commit.run_number = run_number_;
  return commit;
}

Status IngestRun::WriteCommit(Commit commit) {
  run_.updated_micros = clock_.WallMicros();
  run_.embedded = report_.embedded;
  run_.api_calls = report_.api_calls;
  run_.tokens = report_.tokens;
  run_.tokens_estimated = report_.tokens_estimated;
  report_.cost = CostOf(report_.tokens, options_.price);
  run_.cost = report_.cost;
  coverage_.complete = coverage_.embedded == scan_.documents;
  coverage_.api_calls = earlier_coverage_.api_calls + report_.api_calls;
  coverage_.tokens = earlier_coverage_.tokens + report_.tokens;
  coverage_.tokens_estimated = earlier_coverage_.tokens_estimated || report_.tokens_estimated;
  coverage_.cost = earlier_coverage_.cost + report_.cost;
  coverage_.updated_micros = run_.updated_micros;
  commit.micros = run_.updated_micros;
  commit.run = run_;
  if (has_split_) {
    commit.coverage = coverage_;
  } else {
    commit.failed.clear();  // They are about documents; whoever asked for these texts is told.
  }
  return writer_.Write(commit);
}

void IngestRun::StoreDone(std::vector<std::unique_ptr<Batch>> done) {
  std::sort(done.begin(), done.end(),
            [](const auto& a, const auto& b) { return a->number < b->number; });
  const IngestReport report_before = report_;
  const CoverageRecord coverage_before = coverage_;
  Commit commit = NewCommit();
  for (const auto& batch : done) AddToCommit(*batch, &commit);
  const std::vector<CommitShare> shares = commit.shares;
  if (EMBSTORE_SEEDED_BUG("told-before-stored")) ReportProgress();
  if (Status written = WriteCommit(std::move(commit)); !written.ok()) {
    // Not stored, so not embedded: only what was asked and why the run ends stays.
    const IngestReport spent = report_;
    report_ = report_before;
    report_.outcome = spent.outcome;
    report_.api_calls = spent.api_calls;
    report_.tokens = spent.tokens;
    report_.tokens_estimated = spent.tokens_estimated;
    report_.cost = spent.cost;
    report_.in_doubt = spent.in_doubt;
    report_.in_doubt_cost = spent.in_doubt_cost;
    coverage_ = coverage_before;
    write_failed_ = true;
    End(written);
    return KeepPaid(done);
  }
  for (const CommitShare& share : shares) gate_->Stored(share);
  ReportProgress();
}

void IngestRun::AddRows(const Batch& batch, Commit* commit) const {
  const BatchOutcome& outcome = batch.outcome;
  const std::uint32_t dimensions = provider_.identity().dimensions;
  for (std::size_t i = 0; i < outcome.rows.size(); ++i) {
    const BatchOutcome::Row& row = outcome.rows[i];
    commit->embedded.push_back(
        {batch.keys[row.text], batch.texts.texts[row.text], row.tokens,
         std::span(outcome.vectors).subspan(row.vector * dimensions, dimensions),
         batch.records.empty() ? nullptr : &batch.records[i]});
  }
  commit->shares.insert(commit->shares.end(), outcome.shares.begin(), outcome.shares.end());
}

void IngestRun::AddToCommit(const Batch& batch, Commit* commit) {
  const BatchOutcome& outcome = batch.outcome;
  AddRows(batch, commit);
  for (const BatchOutcome::Row& row : outcome.rows) {
    const MissingText& text = scan_.missing[batch.range.begin + row.text];
    if (!text.was_stored) coverage_.embedded += text.documents;
  }
  report_.embedded += outcome.rows.size();
  report_.in_doubt += outcome.texts_in_doubt;
  report_.in_doubt_cost += outcome.cost_in_doubt;
  report_.api_calls += outcome.api_calls;
  report_.tokens += outcome.tokens;
  report_.tokens_estimated = report_.tokens_estimated || outcome.tokens_estimated;
  batch_time_ += outcome.elapsed;
  if (!outcome.rows.empty()) {
    const std::uint64_t last = scan_.missing[batch.range.end - 1].position;
    coverage_.last_position = std::max(coverage_.last_position, last);
  }
  for (const auto& [text, status] : outcome.rejected) AddFailure(batch, text, status, commit);
  Judge(batch, commit);
}

void IngestRun::AddFailure(const Batch& batch, std::size_t text, const Status& status,
                           Commit* commit) {
  ++report_.failed;
  if (scan_.missing[batch.range.begin + text].was_stored) return;  // Its old vector stays.
  commit->failed.push_back({batch.keys[text],
                            {std::string(CodeName(status.code())), status.message(), options_.split,
                             batch.document_ids[text], clock_.WallMicros()}});
}

void IngestRun::Judge(const Batch& batch, Commit* commit) {
  const BatchOutcome& outcome = batch.outcome;
  const std::string name = "Batch " + std::to_string(batch.number);
  if (!outcome.rejected.empty()) {
    observer_.OnWarning(name + ": " + std::to_string(outcome.rejected.size()) +
                        " texts were refused, the first is document '" +
                        Printable(batch.document_ids[outcome.rejected.front().first], 80) +
                        "': " + outcome.rejected.front().second.message());
  }
  if (outcome.status.code() == Code::kCancelled) return;  // Whoever halted the run said why.
  if (EndsRun(outcome.status.code())) return End(outcome.status);
  if (outcome.status.ok() && !outcome.rows.empty()) {
    ++report_.batches.successful;
    failed_in_a_row_ = 0;
    return;
  }
  if (!outcome.status.ok()) FailRest(batch, commit);
  if (outcome.status.code() == Code::kInvalidReply) {
    ++report_.batches.skipped;
    observer_.OnWarning(name + ": invalid reply, skipping: " + outcome.status.message());
  } else {
    ++report_.batches.failed;
    last_failure_ = outcome.status;
    if (outcome.status.code() == Code::kRateLimited) {
      observer_.OnWarning(name + " waited for the quota " +
                          std::to_string(options_.retry.max_rate_limit_waits) +
                          " times, skipping: " + outcome.status.message());
    } else if (!outcome.status.ok()) {
      observer_.OnWarning(name + " failed after " + std::to_string(options_.retry.max_retries) +
                          " retries, skipping: " + outcome.status.message());
    }
  }
  if (++failed_in_a_row_ < options_.retry.max_failed_batches_in_a_row) return;
  const Status& last = outcome.status.ok() ? outcome.rejected.front().second : outcome.status;
  End({Code::kUnavailable, std::to_string(failed_in_a_row_) +
                               " batches in a row failed; the last reason: " + last.message()});
}

void IngestRun::FailRest(const Batch& batch, Commit* commit) {
  std::vector<bool> settled(batch.keys.size());
  for (const BatchOutcome::Row& row : batch.outcome.rows) settled[row.text] = true;
  for (const auto& [text, status] : batch.outcome.rejected) settled[text] = true;
  for (std::size_t i = 0; i < settled.size(); ++i) {
    if (!settled[i]) AddFailure(batch, i, batch.outcome.status, commit);
  }
}

void IngestRun::ReportProgress() {
  const BatchCounts& counts = report_.batches;
  observer_.OnProgress({report_.embedded + report_.failed, plan_.to_embed,
                        counts.successful + counts.failed + counts.skipped, report_.tokens,
                        report_.cost});
  const nanoseconds now = clock_.Monotonic();
  if (now - last_checkpoint_ < kCheckpointInterval) return;
  last_checkpoint_ = now;
  SaveCheckpoint();
}

void IngestRun::SaveCheckpoint() {
  if (!options_.write_checkpoint) return;
  Status written = WriteCheckpoint(store_.directory(), options_.split, scan_.documents, coverage_);
  if (!written.ok()) observer_.OnWarning(written.message());
}

}  // namespace embstore
