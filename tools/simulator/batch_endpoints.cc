// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/batch_endpoints.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/simulator/api_error.h"
#include "tools/simulator/page.h"
#include "tools/simulator/reply_faults.h"
#include "tools/simulator/reply_json.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kJobIdSize = 36;
constexpr std::size_t kDefaultPage = 50;
constexpr std::size_t kMaxPage = 1000;
constexpr std::string_view kFilesPrefix = "files/";
constexpr std::string_view kResultPrefix = "batch-";

// A finished job of the generate methods, that share the list with the embedding jobs.
OrderedJson ForeignEntry(const std::string& id, TimePoint time) {
  const std::string name = "batches/" + id;
  OrderedJson metadata{
      {"@type", "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"},
      {"model", "models/gemini-2.5-flash"},
      {"displayName", "a job of another kind"},
      {"createTime", FormatTimestamp(time)},
      {"endTime", FormatTimestamp(time)},
      {"updateTime", FormatTimestamp(time)},
      {"batchStats", {{"requestCount", "4"}, {"successfulRequestCount", "4"}}},
      {"state", "BATCH_STATE_SUCCEEDED"},
      {"name", name}};
  return {{"name", name}, {"metadata", std::move(metadata)}, {"done", true}};
}

}  // namespace

BatchEndpoints::BatchEndpoints(Core* core, FileStore* files)
    : core_(core), files_(files), started_(core->Now()) {
  for (std::size_t i = 0; i < core->options().batch.foreign_jobs; ++i) {
    foreign_ids_.push_back(core->NewId(kJobIdSize));
  }
}

void BatchEndpoints::Advance() {
  const std::lock_guard lock(mutex_);
  const TimePoint now = core_->Now();
  for (auto& job : jobs_) job->Advance(now);
  for (auto& job : deleted_jobs_) job->Advance(now);
}

HttpReply BatchEndpoints::Create(const ModelInfo& model, std::string_view body) {
  const Tier tier = core_->options().tier;
  if (tier == Tier::kFree) {
    throw FailedPrecondition("Batch jobs are not available on the free tier. Enable billing.");
  }
  const BatchCreate create = ParseBatchCreate(body, model.id);
  const std::vector<Fault> faults = core_->faults().Next(CallKind::kCreate);
  RefuseByFault(faults, model, tier);
  if (Has(faults, FaultKind::kCreate429)) throw BatchQueueFull();
  if (Has(faults, FaultKind::kCreate500)) throw ErrorForStatus(500, model, tier);
  HttpReply reply = Make({.id = core_->NewId(kJobIdSize),
                          .model = &model,
                          .display_name = create.display_name,
                          .input_file = create.file_name,
                          .input = ReadInput(create, model),
                          .created = core_->Now(),
                          .faults = {},
                          .number = 0});
  if (Has(faults, FaultKind::kCreate500Made)) throw ErrorForStatus(500, model, tier);
  if (Has(faults, FaultKind::kCreateLost)) reply.delivery = Delivery::kReset;
  SpoilReply(faults, model, tier, &reply);
  return reply;
}

std::shared_ptr<const BatchInput> BatchEndpoints::ReadInput(const BatchCreate& create,
                                                            const ModelInfo& model) {
  std::shared_ptr<const SpoolFile> content;
  if (create.file_name.empty()) {
    auto lines = std::make_shared<SpoolFile>();
    for (const std::string& request : create.requests) lines->Append(request + "\n");
    content = std::move(lines);
  } else {
    if (!create.file_name.starts_with(kFilesPrefix)) {
      throw InvalidArgument("* EmbedContentBatch.input_config.file_name: unexpected name format\n");
    }
    const std::string id = create.file_name.substr(kFilesPrefix.size());
    const auto file = files_->Find(id);
    if (!file) throw NoSuchFile(id);
    content = file->content;
  }
  return std::make_shared<BatchInput>(std::move(content), model, core_->options());
}

HttpReply BatchEndpoints::Make(BatchJob::Origin origin) {
  const std::lock_guard lock(mutex_);
  for (auto& job : jobs_) job->Advance(origin.created);
  CheckRoom(origin.input->tokens());
  origin.number = ++jobs_made_;
  origin.faults = core_->faults().Next(CallKind::kJob);
  jobs_.push_back(std::make_unique<BatchJob>(std::move(origin), core_));
  return JsonReply(jobs_.back()->ListEntry());
}

void BatchEndpoints::CheckRoom(std::uint64_t tokens) const {
  const BatchOptions& options = core_->options().batch;
  std::size_t unfinished = 0;
  for (const auto* jobs : {&jobs_, &deleted_jobs_}) {
    for (const auto& job : *jobs) {
      if (job->ended()) continue;
      ++unfinished;
      tokens += job->tokens();
    }
  }
  const bool full = options.enqueued_tokens > 0 && tokens > options.enqueued_tokens;
  if (full || unfinished >= options.max_jobs) throw BatchQueueFull();
}

BatchJob* BatchEndpoints::Find(std::string_view id) {
  const std::string name = "batches/" + std::string(id);
  for (const auto& job : jobs_) {
    if (job->name() == name) return job.get();
  }
  throw PathNotFound();
}

HttpReply BatchEndpoints::Get(std::string_view id) {
  const std::vector<Fault> faults = core_->faults().Next(CallKind::kPoll);
  const Tier tier = core_->options().tier;
  const ModelInfo& model = Models().front();
  RefuseByFault(faults, model, tier);
  if (Has(faults, FaultKind::kPoll500)) throw ErrorForStatus(500, model, tier);
  const std::lock_guard lock(mutex_);
  HttpReply reply = Find(id)->Poll(core_->Now());
  SpoilReply(faults, model, tier, &reply);
  return reply;
}

// Newest first.
std::vector<OrderedJson> BatchEndpoints::Entries(bool count_lists) {
  const TimePoint now = core_->Now();
  std::vector<OrderedJson> entries;
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
    (*job)->Advance(now);
    if ((*job)->AppearsInList(now, count_lists)) entries.push_back((*job)->ListEntry());
  }
  for (const std::string& id : foreign_ids_) entries.push_back(ForeignEntry(id, started_));
  return entries;
}

HttpReply BatchEndpoints::List(const HttpRequest& request) {
  const std::vector<Fault> faults = core_->faults().Next(CallKind::kList);
  const Tier tier = core_->options().tier;
  RefuseByFault(faults, Models().front(), tier);
  const PageRequest page = ParsePage(request, kDefaultPage, kMaxPage);
  const bool empty = Has(faults, FaultKind::kListEmptyPage);
  const std::lock_guard lock(mutex_);
  const std::vector<OrderedJson> entries = Entries(!page.continued);
  OrderedJson document = OrderedJson::object();
  const std::size_t end = std::min(entries.size(), page.first + (empty ? 0 : page.size));
  for (std::size_t i = page.first; i < end; ++i) document["operations"].push_back(entries[i]);
  if (empty || end < entries.size()) document["nextPageToken"] = PageToken(end);
  HttpReply reply = JsonReply(document);
  SpoilReply(faults, Models().front(), tier, &reply);
  return reply;
}

HttpReply BatchEndpoints::Cancel(std::string_view id) {
  return core_->Guarded(CallKind::kCancel, [&] {
    const std::lock_guard lock(mutex_);
    Find(id)->Cancel(core_->Now());
    return JsonReply(OrderedJson::object());
  });
}

HttpReply BatchEndpoints::Delete(std::string_view id) {
  return core_->Guarded(CallKind::kCancel, [&] {
    const std::lock_guard lock(mutex_);
    BatchJob* job = Find(id);
    const auto place = std::find_if(jobs_.begin(), jobs_.end(),
                                    [job](const auto& entry) { return entry.get() == job; });
    // The work goes on, and is paid for.
    deleted_jobs_.push_back(std::move(*place));
    jobs_.erase(place);
    return JsonReply(OrderedJson::object());
  });
}

// Deleting the record of a job leaves its results.
BatchJob* BatchEndpoints::FindForResults(std::string_view file_id) {
  for (const auto* jobs : {&jobs_, &deleted_jobs_}) {
    for (const auto& job : *jobs) {
      if (job->result_file_id() == file_id) return job.get();
    }
  }
  return nullptr;
}

HttpReply BatchEndpoints::Download(std::string_view file_id) {
  const std::vector<Fault> faults = core_->faults().Next(CallKind::kDownload);
  const Tier tier = core_->options().tier;
  RefuseByFault(faults, Models().front(), tier);
  if (Has(faults, FaultKind::kDownload404)) throw PathNotFound();
  if (files_->Find(file_id)) throw InvalidArgument("Only generated files can be downloaded.");
  std::shared_ptr<const BatchResults> results;
  if (file_id.starts_with(kResultPrefix)) {
    const std::lock_guard lock(mutex_);
    BatchJob* job = FindForResults(file_id);
    const TimePoint now = core_->Now();
    if (job != nullptr) job->Advance(now);
    if (job != nullptr) results = job->ResultFileContent(now);
  }
  if (!results) throw NoSuchFile(file_id);
  const bool cut = Has(faults, FaultKind::kDownloadCut);
  HttpReply reply;
  reply.headers.emplace_back("Content-Type", "application/octet-stream");
  const std::size_t rows = results->size();
  reply.source = ResultFile(std::move(results), cut ? rows / 2 : rows);
  if (cut) reply.delivery = Delivery::kCutBody;
  SpoilReply(faults, Models().front(), tier, &reply);
  return reply;
}

}  // namespace embstore::simulator
