// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/batch_job.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/reply_json.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::chrono::hours kExpiry{48};
constexpr int kPendingShare = 4;  // A job waits for a quarter of its time, then it runs.
constexpr int kDeadlineExceededCode = 4;
constexpr int kInternalCode = 13;
constexpr std::string_view kTypePrefix = "type.googleapis.com/google.ai.generativelanguage.v1main.";
constexpr std::string_view kUnknownState = "BATCH_STATE_PARTIALLY_DONE";

std::string TypeName(std::string_view name) { return std::string(kTypePrefix) + std::string(name); }

std::string_view StateName(BatchState state) {
  switch (state) {
    case BatchState::kPending:
      return "BATCH_STATE_PENDING";
    case BatchState::kRunning:
      return "BATCH_STATE_RUNNING";
    case BatchState::kSucceeded:
      return "BATCH_STATE_SUCCEEDED";
    case BatchState::kFailed:
      return "BATCH_STATE_FAILED";
    case BatchState::kCancelled:
      return "BATCH_STATE_CANCELLED";
    case BatchState::kExpired:
      return "BATCH_STATE_EXPIRED";
  }
  return "BATCH_STATE_UNSPECIFIED";
}

std::uint64_t NumberOf(const std::vector<Fault>& faults, FaultKind kind) {
  for (const Fault& fault : faults) {
    if (fault.kind == kind) return fault.number;
  }
  return 0;
}

// Counts that are zero are left out.
void AddCount(std::string_view name, std::size_t count, OrderedJson* stats) {
  if (count > 0) (*stats)[std::string(name)] = std::to_string(count);
}

}  // namespace

BatchJob::BatchJob(Origin origin, Core* core)
    : origin_(std::move(origin)),
      core_(core),
      unknown_polls_(NumberOf(origin_.faults, FaultKind::kUnknownState)),
      lagging_lists_(NumberOf(origin_.faults, FaultKind::kListLag)),
      listed_from_(origin_.created +
                   std::chrono::milliseconds(NumberOf(origin_.faults, FaultKind::kListLagMs))) {}

BatchState BatchJob::EndState() const {
  const BatchOptions& options = core_->options().batch;
  if (Has(origin_.faults, FaultKind::kJobStuck) || options.duration >= kExpiry) {
    return BatchState::kExpired;
  }
  if (Has(origin_.faults, FaultKind::kJobFailed)) return BatchState::kFailed;
  if (Has(origin_.faults, FaultKind::kJobExpired)) return BatchState::kExpired;
  if (Has(origin_.faults, FaultKind::kJobCancelled)) return BatchState::kCancelled;
  return BatchState::kSucceeded;
}

TimePoint BatchJob::EndTime() const {
  const std::chrono::microseconds duration = core_->options().batch.duration;
  const bool stuck = Has(origin_.faults, FaultKind::kJobStuck) || duration >= kExpiry;
  return origin_.created + (stuck ? std::chrono::microseconds(kExpiry) : duration);
}

bool BatchJob::Held() const {
  return std::any_of(origin_.faults.begin(), origin_.faults.end(), [](const Fault& fault) {
    return fault.kind == FaultKind::kJobHeld && access(fault.text.c_str(), F_OK) == 0;
  });
}

void BatchJob::Advance(TimePoint now) {
  if (ended()) return;
  const bool held = Held();
  if (now >= EndTime() && !held) return End(EndState(), was_held_ ? now : EndTime());
  was_held_ = was_held_ || held;
  if (now >= origin_.created + core_->options().batch.duration / kPendingShare) {
    state_ = BatchState::kRunning;
  }
}

void BatchJob::Cancel(TimePoint now) {
  Advance(now);
  if (!ended()) End(BatchState::kCancelled, now);
}

void BatchJob::End(BatchState state, TimePoint time) {
  const Options& options = core_->options();
  state_ = state;
  ended_at_ = time;
  results_at_ = time + options.batch.results_delay +
                std::chrono::milliseconds(NumberOf(origin_.faults, FaultKind::kLateResult));
  const bool partial = options.batch.partial_results &&
                       (state == BatchState::kFailed || state == BatchState::kCancelled);
  if (state != BatchState::kSucceeded && !partial) return;
  results_ = std::make_shared<BatchResults>(
      origin_.input, BatchResults::Settings{.model = origin_.model,
                                            .embedder = &core_->embedder(),
                                            .overlong = options.overlong,
                                            .faults = origin_.faults,
                                            .seed = options.seed + origin_.number,
                                            .ordered = options.batch.ordered_results,
                                            .half = partial});
  Bill();
}

void BatchJob::Bill() {
  std::string lines;
  if (core_->keeps_log()) {
    for (const std::size_t i : results_->embedded()) {
      const BatchRow& row = origin_.input->rows()[i];
      lines +=
          BillingLine(row.sha256, origin_.model->id, row.dimensions, "asyncBatchEmbedContent") +
          " " + name() + " half-price\n";
    }
  }
  core_->Bill(lines, results_->embedded().size());
}

bool BatchJob::HasResults(TimePoint now) const { return results_ && now >= results_at_; }

// `current` is false for the counts a job had when it was made.
OrderedJson BatchJob::Stats(bool current) const {
  const std::size_t count = origin_.input->rows().size();
  const std::size_t good = current && results_ ? results_->embedded().size() : 0;
  const std::size_t failed = current && results_ ? results_->failed() : 0;
  OrderedJson stats;
  AddCount("requestCount", count, &stats);
  AddCount("successfulRequestCount", good, &stats);
  AddCount("failedRequestCount", failed, &stats);
  AddCount("pendingRequestCount", count - good - failed, &stats);
  return stats;
}

OrderedJson BatchJob::Metadata(bool current) const {
  OrderedJson metadata{{"@type", TypeName("EmbedContentBatch")},
                       {"model", "models/" + std::string(origin_.model->id)}};
  if (!origin_.display_name.empty()) metadata["displayName"] = origin_.display_name;
  if (!origin_.input_file.empty()) metadata["inputConfig"] = {{"fileName", origin_.input_file}};
  metadata["createTime"] = FormatTimestamp(origin_.created);
  if (ended()) metadata["endTime"] = FormatTimestamp(ended_at_);
  const bool inline_done = origin_.input_file.empty() && state_ == BatchState::kSucceeded;
  if (!inline_done) {
    metadata["updateTime"] = FormatTimestamp(ended() ? ended_at_ : origin_.created);
  }
  metadata["batchStats"] = Stats(current);
  metadata["state"] = StateName(state_);
  metadata["name"] = name();
  return metadata;
}

void BatchJob::AddOutcome(TimePoint now, OrderedJson* operation) const {
  (*operation)["done"] = true;
  const bool file = !origin_.input_file.empty();
  OrderedJson output = OrderedJson::object();
  if (HasResults(now) && file) output["responsesFile"] = "files/" + result_file_id();
  if (HasResults(now) && !file) output["inlinedResponses"] = results_->Inlined();
  if (!output.empty()) (*operation)["metadata"]["output"] = output;
  if (state_ == BatchState::kSucceeded) {
    OrderedJson response{
        {"@type", TypeName(file ? "EmbedContentBatchOutput" : "EmbedContentBatch")}};
    response.update(output);
    (*operation)["response"] = std::move(response);
    return;
  }
  const bool expired = state_ == BatchState::kExpired;
  const std::string message = expired ? "Batch " + origin_.id + " expired before it was done."
                                      : "Batch " + origin_.id + " failed without error.";
  (*operation)["error"] = {{"code", expired ? kDeadlineExceededCode : kInternalCode},
                           {"message", message}};
}

HttpReply BatchJob::Poll(TimePoint now) {
  Advance(now);
  OrderedJson operation{{"name", name()}, {"metadata", Metadata(true)}};
  if (unknown_polls_ > 0) {
    --unknown_polls_;
    operation["metadata"] = Metadata(false);
    operation["metadata"].erase("endTime");
    operation["metadata"]["state"] = kUnknownState;
  } else if (ended()) {
    AddOutcome(now, &operation);
  }
  HttpReply reply = JsonReply(operation);
  if (results_) reply.body = results_->FillVectors(reply.body);
  return reply;
}

OrderedJson BatchJob::ListEntry() const {
  OrderedJson operation{{"name", name()}, {"metadata", Metadata(false)}};
  if (ended()) operation["done"] = true;
  return operation;
}

bool BatchJob::AppearsInList(TimePoint now, bool count) {
  const bool lagging = lagging_lists_ > 0;
  if (lagging && count) --lagging_lists_;
  return !lagging && now >= listed_from_;
}

std::shared_ptr<const BatchResults> BatchJob::ResultFileContent(TimePoint now) const {
  const bool there = HasResults(now) && !origin_.input_file.empty() && now < results_at_ + kExpiry;
  return there ? results_ : nullptr;
}

}  // namespace embstore::simulator
