// SPDX-License-Identifier: Apache-2.0
#include "embstore/ingest.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/ingest/batch_embedder.h"
#include "engine/ingest/checkpoint.h"
#include "engine/ingest/rate_limiter.h"
#include "engine/ingest/scan.h"
#include "engine/ingest/spend_gate.h"
#include "engine/ingest/worker_pool.h"
#include "engine/store/store_writer.h"

namespace embstore {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kStopPoll{50};
constexpr std::chrono::seconds kCheckpointInterval{1};

// A file written this shortly before it was read could change again without a new time stamp.
constexpr std::int64_t kStampTrustMicros = 100'000;

Status CheckOptions(const IngestOptions& options) {
  if (IsSafeName(options.split)) return {};
  return {Code::kInvalidArgument,
          "'" + Printable(options.split, 80) +
              "' is no name for a split: use 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with . "
              "or -"};
}

/// The provider's bounds, made tighter by the caller's.
ProviderLimits EffectiveLimits(const Provider& provider, const IngestOptions& options) {
  ProviderLimits limits = provider.limits();
  limits.max_texts = std::max(limits.max_texts, 1U);
  if (options.batch_size > 0) limits.max_texts = std::min(limits.max_texts, options.batch_size);
  if (options.concurrency > 0) limits.concurrency = options.concurrency;
  limits.concurrency = std::max(limits.concurrency, 1U);
  return limits;
}

std::string LayoutOf(const Dataset& dataset, const IngestOptions& options) {
  std::string layout = dataset.Layout();
  if (options.limit > 0) layout += " limit=" + std::to_string(options.limit);
  return layout;
}

IngestPlan MakePlan(const ScanResult& scan, const ProviderLimits& limits, Price price) {
  IngestPlan plan;
  plan.documents = scan.documents;
  plan.unique_documents = scan.unique_documents;
  plan.duplicates = scan.documents - scan.unique_documents;
  plan.cached = scan.cached_texts;
  plan.to_embed = scan.missing.size();
  for (const UnsendableText& text : scan.unsendable) ++(text.tokens == 0 ? plan.empty : plan.too_long);
  plan.batches = PackBatches(scan.missing, limits).size();
  for (const MissingText& text : scan.missing) plan.tokens += text.tokens;
  plan.cost = CostOf(plan.tokens, price);
  return plan;
}

/// One call of Ingest.
class IngestRun {
 public:
  IngestRun(Store* store, const Dataset& dataset, Provider* provider, const IngestOptions& options)
      : store_(*store),
        writer_(store),
        dataset_(dataset),
        provider_(*provider),
        options_(options),
        clock_(options.clock != nullptr ? *options.clock : SystemClock()),
        observer_(options.observer != nullptr ? *options.observer : silent_),
        space_(MakeSpaceId(provider->identity())),
        limits_(EffectiveLimits(*provider, options)),
        started_(clock_.Monotonic()),
        limiter_(clock_, limits_.texts_per_minute, limits_.tokens_per_minute),
        gate_(options.price, options.max_cost),
        embedder_(provider_, limiter_, gate_, clock_, options.retry, halt_, options.jitter_seed) {}

  Result<IngestReport> Run() {
    report_.space = space_;
    if (Status found = FindEarlierState(); !found.ok()) return found;
    if (IsUnchanged()) return ReportUnchanged();
    if (Status scanned = ScanAndPublish(); !scanned.ok()) return scanned;
    if (Status begun = BeginRun(); !begun.ok()) return begun;
    EmbedMissing();
    return Finish();
  }

 private:
  Status FindEarlierState() {
    auto split = store_.FindSplit(options_.split);
    if (!split.ok() && split.code() != Code::kNotFound) return split.status();
    if (split.ok()) split_ = split->record;
    auto coverages = store_.Coverages(options_.split);
    if (!coverages.ok()) return coverages.status();
    for (const auto& [space, coverage] : *coverages) {
      if (space == space_) coverage_ = coverage;
    }
    return {};
  }

  bool SourceUnchanged() const {
    if (split_.id == 0 || !stamp_ || split_.layout != LayoutOf(dataset_, options_)) return false;
    return *stamp_ == SourceStamp{split_.source_bytes, split_.source_modified_nanos,
                                  split_.source_changed_nanos, split_.source_inode};
  }

  bool IsUnchanged() const {
    return SourceUnchanged() && !options_.refresh && coverage_.complete &&
           coverage_.generation == split_.generation;
  }

  Result<IngestReport> ReportUnchanged() {
    report_.documents = split_.documents;
    report_.unique_documents = split_.unique_documents;
    report_.cached = split_.unique_documents;
    report_.complete = true;
    report_.unchanged = true;
    WarnAboutCount();
    RemoveCheckpoint(store_.directory(), options_.split);
    report_.elapsed_seconds = SecondsSince(started_);
    return report_;
  }

  double SecondsSince(nanoseconds start) const {
    return std::chrono::duration<double>(clock_.Monotonic() - start).count();
  }

  void WarnAboutCount() {
    if (options_.expected_documents == 0 || options_.limit > 0 ||
        options_.expected_documents == report_.documents) {
      return;
    }
    observer_.OnWarning("split '" + options_.split + "' has " + std::to_string(report_.documents) +
                        " documents, " + std::to_string(options_.expected_documents) +
                        " were expected");
  }

  /// Reads the whole source and makes its document list the split's.
  Status ScanAndPublish() {
    const std::int64_t scan_started = clock_.WallMicros();
    const bool list_is_there = SourceUnchanged();
    SplitRecord next = split_;
    DocumentSink sink;
    if (!list_is_there) {
      auto begun = writer_.BeginDocuments(options_.split);
      if (!begun.ok()) return begun.status();
      next = *begun;
      sink = [&](std::uint64_t first, std::span<const DocumentRecord> documents) {
        return writer_.AppendDocuments(next, first, documents);
      };
    }
    const ScanOptions scan_options{space_, options_.limit, options_.refresh};
    auto scanned = ScanDataset(&store_, dataset_, provider_, scan_options, sink);
    if (scanned.ok() && !(dataset_.Stamp() == stamp_)) {
      scanned = Status(Code::kInvalidArgument, dataset_.Name() +
                                                   " changed while it was read; nothing was "
                                                   "sent: run again when it is complete");
    }
    if (!scanned.ok()) {
      if (!list_is_there) writer_.DropDocuments(next).IgnoreError();
      return scanned.status();
    }
    scan_ = std::move(*scanned);
    report_.documents = scan_.documents;
    report_.unique_documents = scan_.unique_documents;
    report_.cached = scan_.cached_texts;
    WarnAboutCount();
    if (scan_.repeated_ids > 0) {
      observer_.OnWarning(std::to_string(scan_.repeated_ids) +
                          " documents repeat the id and the text of an earlier one");
    }
    if (list_is_there) return {};
    return Publish(std::move(next), scan_started);
  }

  Status Publish(SplitRecord next, std::int64_t scan_started) {
    const bool same_list = split_.id != 0 && split_.list_sha256 == scan_.list_sha256 &&
                           split_.documents == scan_.documents;
    if (same_list) {
      if (Status dropped = writer_.DropDocuments(next); !dropped.ok()) return dropped;
      next = split_;
    }
    next.documents = scan_.documents;
    next.unique_documents = scan_.unique_documents;
    next.dataset = options_.dataset_name;
    next.source = dataset_.Name();
    next.layout = LayoutOf(dataset_, options_);
    next.has_ids = dataset_.HasIds();
    next.list_sha256 = scan_.list_sha256;
    next.created_micros = clock_.WallMicros();
    const bool trusted =
        stamp_ && std::max(stamp_->modified_nanos, stamp_->changed_nanos) / 1000 +
                          kStampTrustMicros < scan_started;
    const SourceStamp stamp = trusted ? *stamp_ : SourceStamp{};
    next.source_bytes = stamp.size_bytes;
    next.source_modified_nanos = stamp.modified_nanos;
    next.source_changed_nanos = stamp.changed_nanos;
    next.source_inode = stamp.inode;
    const Status written = same_list ? writer_.UpdateSplit(options_.split, next)
                                     : writer_.PublishDocuments(options_.split, next);
    if (written.ok()) split_ = next;
    return written;
  }

  /// Everything that is stored before the first request.
  Status BeginRun() {
    const SpaceRecord space{provider_.identity(), std::string(provider_.name()),
                            clock_.WallMicros()};
    if (Status added = writer_.AddSpace(space); !added.ok()) return added;
    auto number = writer_.NextRunNumber();
    if (!number.ok()) return number.status();
    run_number_ = *number;
    run_.split = options_.split;
    run_.space = space_;
    run_.started_micros = clock_.WallMicros();
    run_.outcome = "running";

    plan_ = MakePlan(scan_, limits_, options_.price);
    batches_ = PackBatches(scan_.missing, limits_);
    report_.batches.total = batches_.size();
    report_.skipped = scan_.unsendable.size();
    earlier_coverage_ = coverage_;
    coverage_.generation = split_.generation;
    coverage_.embedded = scan_.cached_documents;
    coverage_.last_position = 0;
    coverage_.batch_size = limits_.max_texts;
    coverage_.total_batches = batches_.size();
    observer_.OnPlan(plan_);
    return CommitUnsendable();
  }

  Status CommitUnsendable() {
    if (scan_.unsendable.empty()) return {};
    Commit commit = NewCommit();
    for (const UnsendableText& text : scan_.unsendable) {
      const std::string reason =
          text.tokens == 0 ? "the text is empty"
                           : "the text has about " + std::to_string(text.tokens) +
                                 " tokens, the model takes " +
                                 std::to_string(limits_.max_text_tokens);
      commit.failed.push_back({text.key,
                               {text.tokens == 0 ? "empty" : "too long", reason, options_.split,
                                text.document_id, clock_.WallMicros()}});
    }
    observer_.OnWarning(std::to_string(scan_.unsendable.size()) + " texts are not sent (" +
                        std::to_string(plan_.empty) + " empty, " +
                        std::to_string(plan_.too_long) + " too long); the first is document '" +
                        Printable(scan_.unsendable.front().document_id, 80) + "'");
    return WriteCommit(std::move(commit));
  }

  void EmbedMissing() {
    if (batches_.empty()) return;
    auto reader = dataset_.Open();
    if (!reader.ok()) return End(reader.status());
    reader_ = std::move(*reader);
    WorkerPool pool(embedder_, limits_.concurrency);
    // One batch waits for each that is under way, so that no worker waits for the disk.
    const std::size_t max_outstanding = std::size_t{2} * limits_.concurrency;
    std::size_t outstanding = 0;
    std::size_t next = 0;
    for (;;) {
      if (options_.stop != nullptr && options_.stop->load()) {
        End({Code::kCancelled, "interrupted; everything paid for is stored, the same command goes on"});
      }
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
      outstanding -= done.size();
      if (!done.empty()) StoreDone(std::move(done));
    }
  }

  void End(Status status) {
    if (report_.outcome.ok()) report_.outcome = std::move(status);
    halt_ = true;
  }

  /// Reads the texts of batch `index` from the source, which is read on from where it stands.
  Result<std::unique_ptr<Batch>> ReadBatch(std::size_t index) {
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
      batch->texts.texts.emplace_back(document_.text);
      batch->texts.tokens.push_back(text.tokens);
      batch->document_ids.emplace_back(document_.id);
    }
    return batch;
  }

  Status SourceChanged() const {
    return {Code::kInvalidArgument, dataset_.Name() +
                                        " changed during the run; what was embedded is stored "
                                        "under its own text: run again"};
  }

  void AnnounceBatch(const Batch& batch) {
    observer_.OnBatchStart({batch.number, batches_.size(),
                            scan_.missing[batch.range.begin].position,
                            scan_.missing[batch.range.end - 1].position});
  }

  Commit NewCommit() const {
    Commit commit;
    commit.space = space_;
    commit.run_number = run_number_;
    return commit;
  }

  /// Adds the totals as they are after this commit, and makes it durable.
  Status WriteCommit(Commit commit) {
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
    commit.run = run_;
    commit.coverage = coverage_;
    return writer_.Write(commit);
  }

  /// One commit for all batches that are done by now.
  void StoreDone(std::vector<std::unique_ptr<Batch>> done) {
    std::sort(done.begin(), done.end(),
              [](const auto& a, const auto& b) { return a->number < b->number; });
    Commit commit = NewCommit();
    for (const auto& batch : done) AddToCommit(*batch, &commit);
    if (Status written = WriteCommit(std::move(commit)); !written.ok()) {
      // Not stored, so not embedded: the report must not claim it.
      for (const auto& batch : done) report_.embedded -= batch->outcome.rows.size();
      return End(written);
    }
    ReportProgress();
  }

  void AddToCommit(const Batch& batch, Commit* commit) {
    const BatchOutcome& outcome = batch.outcome;
    const std::uint32_t dimensions = provider_.identity().dimensions;
    for (const BatchOutcome::Row& row : outcome.rows) {
      commit->embedded.push_back(
          {batch.keys[row.text], batch.texts.texts[row.text], row.tokens,
           std::span(outcome.vectors).subspan(row.vector * dimensions, dimensions)});
      coverage_.embedded += scan_.missing[batch.range.begin + row.text].documents;
    }
    report_.embedded += outcome.rows.size();
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

  void AddFailure(const Batch& batch, std::size_t text, const Status& status, Commit* commit) {
    ++report_.failed;
    commit->failed.push_back({batch.keys[text],
                              {std::string(CodeName(status.code())), status.message(),
                               options_.split, batch.document_ids[text], clock_.WallMicros()}});
  }

  /// Counts the batch and decides whether the run goes on.
  void Judge(const Batch& batch, Commit* commit) {
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
      if (!outcome.status.ok()) {
        observer_.OnWarning(name + " failed after " + std::to_string(options_.retry.max_retries) +
                            " retries, skipping: " + outcome.status.message());
      }
    }
    if (++failed_in_a_row_ < options_.retry.max_failed_batches_in_a_row) return;
    const Status& last = outcome.status.ok() ? outcome.rejected.front().second : outcome.status;
    End({Code::kUnavailable, std::to_string(failed_in_a_row_) +
                                 " batches in a row failed; the last reason: " + last.message()});
  }

  /// All texts of the batch that have neither a vector nor a reason of their own.
  void FailRest(const Batch& batch, Commit* commit) {
    std::vector<bool> settled(batch.keys.size());
    for (const BatchOutcome::Row& row : batch.outcome.rows) settled[row.text] = true;
    for (const auto& [text, status] : batch.outcome.rejected) settled[text] = true;
    for (std::size_t i = 0; i < settled.size(); ++i) {
      if (!settled[i]) AddFailure(batch, i, batch.outcome.status, commit);
    }
  }

  void ReportProgress() {
    const BatchCounts& counts = report_.batches;
    observer_.OnProgress({report_.embedded + report_.failed, plan_.to_embed,
                          counts.successful + counts.failed + counts.skipped, report_.tokens,
                          report_.cost});
    const nanoseconds now = clock_.Monotonic();
    if (now - last_checkpoint_ < kCheckpointInterval) return;
    last_checkpoint_ = now;
    SaveCheckpoint();
  }

  void SaveCheckpoint() {
    if (!options_.write_checkpoint) return;
    Status written =
        WriteCheckpoint(store_.directory(), options_.split, scan_.documents, coverage_);
    if (!written.ok()) observer_.OnWarning(written.message());
  }

  Result<IngestReport> Finish() {
    if (report_.outcome.ok() && !(dataset_.Stamp() == stamp_)) End(SourceChanged());
    report_.complete = coverage_.embedded == scan_.documents;
    report_.unchanged = plan_.to_embed == 0 && report_.complete;
    run_.outcome = report_.outcome.ok() ? (report_.complete ? "complete" : "some texts failed")
                                        : std::string(CodeName(report_.outcome.code()));
    if (report_.outcome.code() != Code::kWriteFailed) {
      Status closed = WriteCommit(NewCommit());
      if (!closed.ok()) End(closed);
    }
    if (report_.complete) {
      RemoveCheckpoint(store_.directory(), options_.split);
    } else {
      SaveCheckpoint();
    }
    const std::uint64_t batches =
        report_.batches.successful + report_.batches.failed + report_.batches.skipped;
    if (batches > 0) {
      report_.mean_batch_seconds =
          std::chrono::duration<double>(batch_time_).count() / static_cast<double>(batches);
    }
    report_.elapsed_seconds = SecondsSince(started_);
    return report_;
  }

  // Constant after construction.
  Store& store_;
  StoreWriter writer_;
  const Dataset& dataset_;
  Provider& provider_;
  const IngestOptions& options_;
  Clock& clock_;
  IngestObserver silent_;
  IngestObserver& observer_;
  const SpaceId space_;
  const ProviderLimits limits_;
  const nanoseconds started_;
  const std::optional<SourceStamp> stamp_ = dataset_.Stamp();

  // Own synchronisation.
  StopFlag halt_{false};
  RateLimiter limiter_;
  SpendGate gate_;
  BatchEmbedder embedder_;

  // Only the calling thread.
  SplitRecord split_;
  CoverageRecord coverage_;
  CoverageRecord earlier_coverage_;
  ScanResult scan_;
  IngestPlan plan_;
  std::vector<BatchRange> batches_;
  std::unique_ptr<DocumentReader> reader_;
  Document document_;
  std::uint32_t run_number_ = 0;
  RunRecord run_;
  IngestReport report_;
  nanoseconds batch_time_{0};
  nanoseconds last_checkpoint_{0};
  std::uint32_t failed_in_a_row_ = 0;
};

}  // namespace

Result<IngestPlan> PlanIngest(const Store* store, const Dataset& dataset, const Provider& provider,
                              const IngestOptions& options) {
  if (Status checked = CheckOptions(options); !checked.ok()) return checked;
  const ScanOptions scan_options{MakeSpaceId(provider.identity()), options.limit,
                                 options.refresh};
  auto scan = ScanDataset(store, dataset, provider, scan_options, {});
  if (!scan.ok()) return scan.status();
  return MakePlan(*scan, EffectiveLimits(provider, options), options.price);
}

Result<IngestReport> Ingest(Store* store, const Dataset& dataset, Provider* provider,
                            const IngestOptions& options) {
  if (Status checked = CheckOptions(options); !checked.ok()) return checked;
  return IngestRun(store, dataset, provider, options).Run();
}

}  // namespace embstore
