// SPDX-License-Identifier: Apache-2.0
// One call of Ingest: scan and publish (ingest_run.cc), then send, store and judge, by calls
// (ingest_batches.cc) or by batch jobs (ingest_jobs.cc). What cannot be stored: ingest_kept.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "embstore/ingest.h"
#include "engine/ingest/batch_embedder.h"
#include "engine/ingest/job_runner.h"
#include "engine/ingest/plan.h"
#include "engine/ingest/rate_limiter.h"
#include "engine/ingest/scan.h"
#include "engine/ingest/spend_gate.h"
#include "engine/ingest/split_list.h"
#include "engine/ingest/worker_pool.h"
#include "engine/store/reply_reserve.h"
#include "engine/store/store_writer.h"

namespace embstore {

/// Not thread-safe; one thread at a time. Everything given to it outlives it.
class IngestRun {
 public:
  IngestRun(Store* store, const Dataset& dataset, Provider* provider, const IngestOptions& options);

  Result<IngestReport> Run();

 private:
  Status FindEarlierState();

  bool IsUnchanged() const;

  Result<IngestReport> ReportUnchanged();

  double SecondsSince(std::chrono::nanoseconds start) const;

  void WarnAboutCount();

  /// Reads the whole source and makes its document list the split's.
  Status ScanAndPublish();

  /// Everything that is stored before the first request.
  Status BeginRun();

  /// Says what became of answers that earlier runs kept.
  void ReportEarlierReplies();

  /// Takes texts under way or in doubt out of the missing ones.
  Status SetAsideAndPlan();

  SpendTerms MakeTerms(double token_ratio) const;

  /// Room for the answers that may be in flight when the disk fails.
  Status TakeReserve();

  Status CommitUnsendable();

  Status OpenReader();

  void EmbedMissing();
  /// Batches that may be sent and not yet stored.
  std::size_t MaxNotDurable() const;
  void EmbedByCalls();

  /// The same by batch jobs (ingest_jobs.cc).
  void EmbedByJobs();
  void RunJobs(JobRunner* jobs);
  Status CommitJobRows(const JobRecord& job, Commit commit);
  /// Whether there is another job of missing texts, and room for it.
  bool CanSubmit(const JobRunner& jobs) const;
  /// Whether an earlier run has sent this text of ours with a job.
  bool IsInAdoptedJob(const TextKey& key) const;
  Status AddJobFailure(const FailedJobText& failed, Commit* commit);
  void SubmitJobs(JobRunner* jobs);
  void SubmitRange(JobRunner* jobs, std::size_t index);
  void SubmitRetries(JobRunner* jobs);
  void TakeJobProgress(JobRunner* jobs);
  bool Stopped();

  void End(Status status);

  /// Reads the texts of batch `index` from the source, which is read on from where it stands.
  Result<std::unique_ptr<Batch>> ReadBatch(std::size_t index);

  Status SourceChanged() const;

  void AnnounceBatch(const Batch& batch);

  Commit NewCommit() const;

  /// Adds the totals as they are after this commit, and makes it durable.
  Status WriteCommit(Commit commit);

  /// One commit for all batches that are done by now.
  void StoreDone(std::vector<std::unique_ptr<Batch>> done);

  /// Writes what `done` brought into files that the next run stores (ingest_kept.cc).
  void KeepPaid(const std::vector<std::unique_ptr<Batch>>& done);
  void KeepBatch(const Batch& batch);
  /// Adds to the outcome what was kept, and how much room is needed.
  void ExplainKept();
  std::uint64_t BytesToGoOn() const;

  void AddToCommit(const Batch& batch, Commit* commit);
  void AddRows(const Batch& batch, Commit* commit) const;

  void AddFailure(const Batch& batch, std::size_t text, const Status& status, Commit* commit);

  /// Counts the batch and decides whether the run goes on.
  void Judge(const Batch& batch, Commit* commit);

  /// All texts of the batch that have neither a vector nor a reason of their own.
  void FailRest(const Batch& batch, Commit* commit);

  void ReportProgress();

  void SaveCheckpoint();

  /// Texts of this split that are not stored from the job yet.
  std::uint64_t CountOurTexts(const JobRecord& job) const;
  /// Texts that stay behind in jobs, in quarantine or in doubt.
  void JudgeHeldTexts();

  Result<IngestReport> Finish();

  // Constant after construction.
  Store& store_;
  StoreWriter writer_;
  const Dataset& dataset_;
  Provider& provider_;
  const IngestOptions& options_;
  Clock& clock_;
  SplitList list_;
  IngestObserver silent_;
  IngestObserver& observer_;
  const bool has_split_;  // Off: texts without a document list.
  const SpaceId space_;
  const ProviderLimits limits_;
  const std::chrono::nanoseconds started_;

  // Own synchronisation.
  StopFlag halt_{false};
  RateLimiter limiter_;
  std::optional<SpendGate> gate_;  // From BeginRun on, like the next.
  std::unique_ptr<ReplyReserve> reserve_;
  std::optional<BatchEmbedder> embedder_;

  // Only the calling thread.
  CoverageRecord coverage_;
  CoverageRecord earlier_coverage_;
  ScanResult scan_;
  SetAside aside_;
  IngestPlan plan_;
  std::vector<BatchRange> batches_;
  std::size_t next_batch_ = 0;
  std::vector<FailedJobText> retries_;
  std::set<std::string> other_splits_;  // Of collected jobs.
  Status job_set_aside_;                // The first job that a person has to look at.
  std::unique_ptr<DocumentReader> reader_;
  Document document_;
  std::uint32_t run_number_ = 0;
  RunRecord run_;
  IngestReport report_;
  std::chrono::nanoseconds batch_time_{0};
  std::chrono::nanoseconds last_checkpoint_{0};
  std::uint32_t failed_in_a_row_ = 0;
  Status last_failure_;
  bool write_failed_ = false;
  std::uint64_t kept_bytes_ = 0;
  std::uint64_t lost_texts_ = 0;  // Paid for, and nothing could be written.
};

}  // namespace embstore
