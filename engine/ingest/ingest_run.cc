// SPDX-License-Identifier: Apache-2.0
// Before the first request and after the last.
#include "engine/ingest/ingest_run.h"

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/ingest/checkpoint.h"
#include "engine/ingest/job_runner.h"

namespace embstore {
namespace {

using std::chrono::nanoseconds;

// A row of a job's file has a key and longer names than a text in a request.
constexpr std::uint32_t kJobRowBytes = 128;

}  // namespace

IngestRun::IngestRun(Store* store, const Dataset& dataset, Provider* provider,
                     const IngestOptions& options)
    : store_(*store),
      writer_(store),
      dataset_(dataset),
      provider_(*provider),
      options_(options),
      clock_(options.clock != nullptr ? *options.clock : SystemClock()),
      list_(store, &writer_, dataset, clock_, {options.split, options.dataset_name, options.limit}),
      observer_(options.observer != nullptr ? *options.observer : silent_),
      has_split_(!options.split.empty()),
      space_(MakeSpaceId(provider->identity())),
      limits_(options.mode == IngestMode::kBatch
                  ? JobLimits(EffectiveLimits(*provider, options), options.batch)
                  : EffectiveLimits(*provider, options)),
      started_(clock_.Monotonic()),
      limiter_(clock_, limits_.texts_per_minute, limits_.tokens_per_minute,
               limits_.requests_per_minute) {}

Result<IngestReport> IngestRun::Run() {
  report_.space = space_;
  ReportEarlierReplies();
  if (Status found = FindEarlierState(); !found.ok()) return found;
  if (IsUnchanged()) return ReportUnchanged();
  if (Status scanned = ScanAndPublish(); !scanned.ok()) return scanned;
  if (Status begun = BeginRun(); !begun.ok()) return begun;
  options_.mode == IngestMode::kBatch ? EmbedByJobs() : EmbedByCalls();
  return Finish();
}

void IngestRun::EmbedByCalls() {
  const std::vector<JobRecord> jobs = writer_.ledger().Jobs();
  const Status checked = CheckUnknownFiles(
      {store_.directory(), store_.Id(), provider_.batch(), clock_, options_}, jobs);
  checked.ok() ? EmbedMissing() : End(checked);
}

Status IngestRun::FindEarlierState() {
  if (!has_split_) return {};
  if (Status found = list_.FindEarlier(); !found.ok()) return found;
  auto coverages = store_.Coverages(options_.split);
  if (!coverages.ok()) return coverages.status();
  for (const auto& [space, coverage] : *coverages) {
    if (space == space_) coverage_ = coverage;
  }
  return {};
}

bool IngestRun::IsUnchanged() const {
  return list_.SourceUnchanged() && !options_.refresh && coverage_.complete &&
         coverage_.generation == list_.record().generation;
}

Result<IngestReport> IngestRun::ReportUnchanged() {
  const SplitRecord& split = list_.record();
  report_.documents = split.documents;
  report_.unique_documents = split.unique_documents;
  report_.cached = split.unique_documents;
  report_.complete = true;
  report_.unchanged = true;
  WarnAboutCount();
  RemoveCheckpoint(store_.directory(), options_.split);
  report_.elapsed_seconds = SecondsSince(started_);
  return report_;
}

double IngestRun::SecondsSince(nanoseconds start) const {
  return std::chrono::duration<double>(clock_.Monotonic() - start).count();
}

void IngestRun::WarnAboutCount() {
  if (options_.expected_documents == 0 || options_.limit > 0 ||
      options_.expected_documents == report_.documents) {
    return;
  }
  observer_.OnWarning("split '" + options_.split + "' has " + std::to_string(report_.documents) +
                      " documents, " + std::to_string(options_.expected_documents) +
                      " were expected");
}

Status IngestRun::ScanAndPublish() {
  auto scanned = list_.Scan(provider_, space_, options_.refresh);
  if (!scanned.ok()) return scanned.status();
  scan_ = std::move(*scanned);
  report_.documents = scan_.documents;
  report_.unique_documents = scan_.unique_documents;
  report_.cached = scan_.cached_texts;
  WarnAboutCount();
  if (scan_.repeated_ids > 0) {
    observer_.OnWarning(std::to_string(scan_.repeated_ids) +
                        " documents repeat the id and the text of an earlier one");
  }
  return list_.Publish(scan_);
}

Status IngestRun::BeginRun() {
  const SpaceRecord space{provider_.identity(), std::string(provider_.name()), clock_.WallMicros()};
  if (Status added = writer_.AddSpace(space); !added.ok()) return added;
  auto number = writer_.NextRunNumber();
  if (!number.ok()) return number.status();
  run_number_ = *number;
  run_.split = options_.split;
  run_.space = space_;
  run_.started_micros = clock_.WallMicros();
  run_.outcome = "running";

  if (Status planned = SetAsideAndPlan(); !planned.ok()) return planned;
  report_.batches.total = batches_.size();
  report_.skipped = scan_.unsendable.size();
  earlier_coverage_ = coverage_;
  coverage_.generation = list_.record().generation;
  coverage_.embedded = scan_.stored_documents;
  coverage_.last_position = 0;
  coverage_.batch_size = limits_.max_texts;
  coverage_.total_batches = batches_.size();
  observer_.OnPlan(plan_);
  return CommitUnsendable();
}

Status IngestRun::SetAsideAndPlan() {
  double token_ratio = 1;
  if (provider_.paid()) {
    Ledger& ledger = writer_.ledger();
    auto aside = SetTextsAside(ledger, space_, options_.doubt, options_.price, &scan_);
    if (!aside.ok()) return aside.status();
    aside_ = std::move(*aside);
    report_.held = aside_.held;
    token_ratio = LearnedTokenRatio(ledger, provider_.identity().model);
  }
  if (options_.mode == IngestMode::kBatch) {
    for (MissingText& text : scan_.missing) text.encoded_bytes += kJobRowBytes;
  }
  plan_ = MakePlan(scan_, aside_, limits_, options_.price, token_ratio);
  batches_ = PackBatches(scan_.missing, limits_);
  gate_.emplace(writer_.ledger(), MakeTerms(token_ratio), clock_);
  if (Status taken = TakeReserve(); !taken.ok()) return taken;
  embedder_.emplace(provider_, limiter_, *gate_, clock_, options_, *reserve_, halt_);
  return {};
}

SpendTerms IngestRun::MakeTerms(double token_ratio) const {
  SpendTerms terms;
  terms.run = run_number_;
  terms.split = options_.split;
  terms.model = provider_.identity().model;
  terms.provider = provider_.name();
  terms.space = space_;
  terms.batch = options_.mode == IngestMode::kBatch;
  terms.paid = provider_.paid();
  terms.price = options_.price;
  terms.budgets = options_.budgets;
  terms.doubt = options_.doubt;
  terms.resent = aside_.resent;
  terms.token_ratio = token_ratio;
  return terms;
}

Status IngestRun::CommitUnsendable() {
  if (scan_.unsendable.empty()) return {};
  Commit commit = NewCommit();
  for (const UnsendableText& text : scan_.unsendable) {
    const std::string reason = text.tokens == 0
                                   ? "the text is empty"
                                   : "the text has about " + std::to_string(text.tokens) +
                                         " tokens, the model takes " +
                                         std::to_string(limits_.max_text_tokens);
    commit.failed.push_back({text.key,
                             {text.tokens == 0 ? "empty" : "too long", reason, options_.split,
                              text.document_id, clock_.WallMicros()}});
  }
  observer_.OnWarning(std::to_string(scan_.unsendable.size()) + " texts are not sent (" +
                      std::to_string(plan_.empty) + " empty, " + std::to_string(plan_.too_long) +
                      " too long); the first is document '" +
                      Printable(scan_.unsendable.front().document_id, 80) + "'");
  return WriteCommit(std::move(commit));
}

std::uint64_t IngestRun::CountOurTexts(const JobRecord& job) const {
  if (job.split == options_.split) return job.texts - job.stored_texts;
  const std::vector<std::uint64_t> keys = writer_.ledger().KeysOf(job.id);
  return static_cast<std::uint64_t>(std::count_if(keys.begin(), keys.end(), [&](std::uint64_t key) {
    return std::binary_search(aside_.in_jobs.begin(), aside_.in_jobs.end(), key);
  }));
}

void IngestRun::JudgeHeldTexts() {
  std::string quarantined;
  for (const JobRecord& job : writer_.ledger().Jobs()) {
    if (!job.open() || job.space != space_) continue;
    const std::uint64_t texts = CountOurTexts(job);
    report_.in_jobs += texts;
    if (job.step != JobStep::kQuarantined || texts == 0) continue;
    quarantined += (quarantined.empty() ? "" : ", ") + std::to_string(job.id);
  }
  if (!report_.outcome.ok()) return;
  if (!quarantined.empty()) {
    End({Code::kHeld, "answers are in quarantine (" + quarantined +
                          "): paid for, not stored, and not sent again until 'embstore jobs' "
                          "is told to --accept or --abandon them"});
  } else if (report_.held > 0) {
    End({Code::kHeld, std::to_string(report_.held) +
                          " texts may have been paid for without an answer and were not sent; "
                          "'embstore status' lists them. doubt.policy: resend and a higher "
                          "doubt.max_resend_usd let them be sent, and perhaps paid for twice"});
  }
}

Result<IngestReport> IngestRun::Finish() {
  if (report_.outcome.ok() && !(dataset_.Stamp() == list_.stamp())) End(SourceChanged());
  if (report_.outcome.ok() && halt_.load()) {
    End({Code::kCancelled, "the provider stopped the run; what was embedded is stored"});
  }
  if (report_.outcome.ok() && report_.embedded == 0 && report_.batches.failed > 0 &&
      (last_failure_.code() == Code::kUnavailable || last_failure_.code() == Code::kInDoubt)) {
    End({Code::kUnavailable,
         "no batch got an answer; the last reason: " + last_failure_.message()});
  }
  ExplainKept();
  reserve_.reset();
  if (provider_.paid()) JudgeHeldTexts();
  report_.complete = !write_failed_ && coverage_.embedded == scan_.documents;
  report_.unchanged = plan_.to_embed == 0 && report_.embedded == 0 && report_.complete;
  run_.outcome = report_.outcome.ok() ? (report_.complete ? "complete" : "some texts failed")
                                      : std::string(CodeName(report_.outcome.code()));
  if (!write_failed_) {
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

}  // namespace embstore
