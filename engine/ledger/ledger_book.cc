// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger_book.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <set>
#include <utility>

#include "engine/base/seeded_bug.h"

namespace embstore {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

std::int64_t DayOf(std::int64_t micros) {
  return micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
}

std::uint64_t Minus(std::uint64_t whole, std::uint64_t part) {
  return whole > part ? whole - part : 0;
}

/// Counts of servers stop at the top: wrapped around, what was spent would be less than before.
void AddCount(std::uint64_t count, std::uint64_t* sum) {
  if (__builtin_add_overflow(*sum, count, sum)) *sum = std::numeric_limits<std::uint64_t>::max();
}

void Add(const SpendRecord::Amount& amount, SpendRecord::Amount* sum) {
  sum->texts += amount.texts;
  AddCount(amount.tokens, &sum->tokens);
  if (EMBSTORE_SEEDED_BUG("signed-overflow")) {
    sum->cost.nano_usd += amount.cost.nano_usd;
    return;
  }
  sum->cost += amount.cost;
}

Status Refuse(std::uint64_t request, const char* why) {
  return {Code::kInternal, "request " + std::to_string(request) + " " + why};
}

std::string WordFor(JobStep step) {
  constexpr const char* kWords[] = {"planned", "uploaded",    "creating",
                                    "created", "quarantined", "ended"};
  return kWords[static_cast<std::size_t>(step)];
}

void Replace(std::string&& text, std::string* known) {
  if (!text.empty()) *known = std::move(text);
}

}  // namespace

/// What is not settled of a request: of what was expected, the part of the texts that did not come.
SpendRecord::Amount LedgerBook::Request::Rest() const {
  const std::uint64_t left = Minus(keys.size(), stored.texts);
  std::uint64_t rest = tokens;
  if (left < keys.size()) rest = static_cast<std::uint64_t>(Wide{tokens} * left / keys.size());
  return {left, rest, CostOf(rest, price)};
}

Status LedgerBook::Check(const LedgerEntry& entry) const {
  return std::visit([&](const auto& e) { return CheckEntry(e); }, entry);
}

void LedgerBook::Apply(LedgerEntry&& entry) {
  assert(Check(entry).ok());
  std::visit([&](auto&& e) { ApplyEntry(std::move(e)); }, std::move(entry));
}

Status LedgerBook::CheckEntry(const RequestEntry& entry) const {
  if (entry.request != last_request_ + 1) return Refuse(entry.request, "is out of order");
  if (entry.intent.price.micro_usd_per_million_tokens < 0) {
    return Refuse(entry.request, "has a price below zero");
  }
  return {};
}

Status LedgerBook::CheckEntry(const CommitEntry& entry) const {
  if (entry.number <= position_.commit) {
    return {Code::kInternal, "commit " + std::to_string(entry.number) + " is out of order"};
  }
  std::set<std::uint64_t> ended;
  for (const CommitShare& share : entry.shares) {
    if (!open_.contains(share.request) || ended.contains(share.request)) {
      return Refuse(share.request, "is not open and cannot take a share of a commit");
    }
    if (share.last) ended.insert(share.request);
  }
  return {};
}

Status LedgerBook::CheckEntry(const Ending& entry) const {
  if (!open_.contains(entry.request)) return Refuse(entry.request, "is not open and cannot end");
  return {};
}

Status LedgerBook::CheckEntry(const JobChange& entry) const {
  const auto open = open_.find(entry.request);
  if (open == open_.end()) {
    return jobs_.contains(entry.request) ? Status() : Refuse(entry.request, "is no job");
  }
  const bool is_batch = std::get<bool>(open->second.row->first);
  if (entry.step == JobStep::kEnded) return Refuse(entry.request, "cannot end by a change");
  if (!is_batch && entry.step != JobStep::kQuarantined) return Refuse(entry.request, "is no job");
  return {};
}

Status LedgerBook::CheckEntry(const Removal& entry) const {
  if (!entry.keys.empty()) return {};
  return {Code::kInternal, "a removal of nothing"};
}

LedgerBook::Rows::iterator LedgerBook::RowOf(const RequestIntent& intent) {
  const std::int64_t day = DayOf(intent.micros);
  if (!rows_.empty()) {
    // Nearly always the row of the request before.
    const SpendRecord& last = last_row_->second;
    if (last.day == day && last.run == intent.run && last.batch == intent.batch &&
        last.split == intent.split && last.model == intent.model) {
      return last_row_;
    }
  }
  bool is_new = false;
  std::tie(last_row_, is_new) =
      rows_.try_emplace({day, intent.run, intent.split, intent.model, intent.batch});
  if (is_new) {
    SpendRecord& record = last_row_->second;
    std::tie(record.day, record.run, record.split, record.model, record.batch) = last_row_->first;
  }
  return last_row_;
}

void LedgerBook::ApplyEntry(RequestEntry&& entry) {
  RequestIntent& intent = entry.intent;
  last_request_ = entry.request;
  Request request;
  request.row = RowOf(intent);
  request.space = intent.space;
  request.price = intent.price;
  request.tokens = intent.tokens;
  request.micros = intent.micros;
  request.provider = std::move(intent.provider);
  request.keys = std::move(intent.keys);
  const auto added = open_.emplace(entry.request, std::move(request)).first;
  if (!intent.batch) return;
  JobRecord* job = AddJob(entry.request, added->second);
  added->second.is_job = true;
  job->display_name = std::move(intent.display_name);
  job->input_bytes = intent.input_bytes;
  job->input_digest = intent.input_digest;
}

JobRecord* LedgerBook::AddJob(std::uint64_t id, const Request& request) {
  JobRecord job;
  job.id = id;
  job.batch = std::get<bool>(request.row->first);
  job.split = request.row->second.split;
  job.model = request.row->second.model;
  job.provider = request.provider;
  job.space = request.space;
  job.texts = request.keys.size();
  job.tokens = request.tokens;
  job.price = request.price;
  job.cost = CostOf(request.tokens, request.price);
  job.stored_texts = request.stored.texts;
  job.created_micros = job.updated_micros = request.micros;
  return &jobs_.emplace(id, std::move(job)).first->second;
}

void LedgerBook::ApplyEntry(CommitEntry&& entry) {
  position_.commit = entry.number;
  if (entry.shares.empty()) return;
  ++position_.charges;
  std::uint64_t texts = texts_by_commit_.empty() ? 0 : texts_by_commit_.back().second;
  for (const CommitShare& share : entry.shares) {
    texts += share.texts;
    AddShare(share);
    if (share.last) Close(share.request, RequestEnd::kStored, {});
  }
  texts_by_commit_.emplace_back(entry.number, texts);
}

void LedgerBook::AddShare(const CommitShare& share) {
  Request& request = open_.at(share.request);
  SpendRecord& row = request.row->second;
  // Rounded up once a request, however many commits it took.
  const Money before = request.stored.cost;
  request.stored.texts += share.texts;
  AddCount(share.tokens, &request.stored.tokens);
  request.stored.cost = CostOf(request.stored.tokens, request.price);
  Add({share.texts, share.tokens, request.stored.cost - before}, &row.spent);
  if (share.reported) {
    AddCount(share.tokens, &row.reported_tokens);
    AddCount(share.estimated_tokens, &row.estimate_of_reported);
  }
  const auto job = jobs_.find(share.request);
  if (job != jobs_.end()) job->second.stored_texts = request.stored.texts;
}

void LedgerBook::ApplyEntry(Ending&& entry) {
  const auto job = jobs_.find(entry.request);
  if (job != jobs_.end()) {
    if (!entry.reason.empty()) job->second.note = entry.reason;
    job->second.updated_micros = entry.micros;
  }
  open_.at(entry.request).doubt = std::move(entry.reason);
  Close(entry.request, entry.end, {entry.texts, entry.tokens, {}});
}

void LedgerBook::Close(std::uint64_t id, RequestEnd end, SpendRecord::Amount wasted) {
  auto node = open_.extract(id);
  Request& request = node.mapped();
  SpendRecord& row = request.row->second;
  SpendRecord::Amount settled;
  if (end == RequestEnd::kWasted || end == RequestEnd::kStored) {
    if (end == RequestEnd::kWasted) wasted.texts = request.Rest().texts;
    settled = {wasted.texts, wasted.tokens, CostOf(wasted.tokens, request.price)};
    Add(settled, &row.wasted);
  }
  const bool in_doubt = end == RequestEnd::kInDoubt || end == RequestEnd::kAbandoned;
  if (in_doubt) {
    settled = request.Rest();
    Add(settled, &row.in_doubt);
  }
  const auto job = jobs_.find(id);
  if (job != jobs_.end()) {
    job->second.step = JobStep::kEnded;
    job->second.cost = request.stored.cost + settled.cost;
  }
  request.abandoned = end == RequestEnd::kAbandoned;
  if (in_doubt) in_doubt_.insert(std::move(node));
}

void LedgerBook::ApplyEntry(JobChange&& entry) {
  const auto open = open_.find(entry.request);
  auto found = jobs_.find(entry.request);
  JobRecord* job = found != jobs_.end() ? &found->second : AddJob(entry.request, open->second);
  if (open != open_.end()) {
    job->step = entry.step;
    open->second.is_job = true;
  }
  Replace(std::move(entry.name), &job->name);
  Replace(std::move(entry.input_file), &job->input_file);
  Replace(std::move(entry.result_file), &job->result_file);
  Replace(std::move(entry.state), &job->state);
  Replace(std::move(entry.note), &job->note);
  job->updated_micros = entry.micros;
}

std::uint64_t LedgerBook::TextsAfterCommit(std::uint64_t commit) const {
  if (texts_by_commit_.empty()) return 0;
  const auto after = std::upper_bound(
      texts_by_commit_.begin(), texts_by_commit_.end(), commit,
      [](std::uint64_t number, const auto& known) { return number < known.first; });
  const std::uint64_t before = after == texts_by_commit_.begin() ? 0 : std::prev(after)->second;
  return texts_by_commit_.back().second - before;
}

std::vector<SpendRecord> LedgerBook::Spending() const {
  Rows rows = rows_;
  for (const auto& [id, request] : open_) {
    Add(request.Rest(), &rows.at(request.row->first).under_way);
  }
  std::vector<SpendRecord> records;
  for (auto& [key, record] : rows) records.push_back(std::move(record));
  return records;
}

std::vector<DoubtRecord> LedgerBook::Doubts() const {
  std::vector<DoubtRecord> doubts;
  for (const auto& [id, request] : in_doubt_) {
    const SpendRecord& row = request.row->second;
    const SpendRecord::Amount rest = request.Rest();
    doubts.push_back({id, row.split, row.model, request.space, rest.texts, rest.tokens, rest.cost,
                      request.micros, request.doubt});
  }
  return doubts;
}

std::vector<JobRecord> LedgerBook::Jobs() const {
  std::vector<JobRecord> jobs;
  for (const auto& [id, job] : jobs_) {
    jobs.push_back(job);
    if (job.state.empty()) jobs.back().state = WordFor(job.step);
  }
  return jobs;
}

std::vector<std::uint64_t> LedgerBook::KeysOf(std::uint64_t request) const {
  const auto found = open_.find(request);
  return found == open_.end() ? std::vector<std::uint64_t>() : found->second.keys;
}

SpendRecord::Amount LedgerBook::RestOf(std::uint64_t request) const {
  const auto found = open_.find(request);
  return found == open_.end() ? SpendRecord::Amount() : found->second.Rest();
}

std::vector<std::uint64_t> LedgerBook::KeysInDoubt(SpaceId space) const {
  std::vector<std::uint64_t> keys;
  for (const auto& [id, request] : in_doubt_) {
    if (request.space != space || request.abandoned) continue;
    keys.insert(keys.end(), request.keys.begin(), request.keys.end());
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::size_t LedgerBook::CountLaterDoubts(std::uint64_t request) const {
  const auto open = open_.find(request);
  if (open == open_.end()) return 0;
  const auto first = in_doubt_.upper_bound(request);
  return static_cast<std::size_t>(std::count_if(first, in_doubt_.end(), [&](const auto& doubt) {
    return doubt.second.space == open->second.space && doubt.second.keys == open->second.keys;
  }));
}

std::vector<std::uint64_t> LedgerBook::Orphans(std::uint64_t last_request) const {
  std::vector<std::uint64_t> orphans;
  for (const auto& [id, request] : open_) {
    if (id <= last_request && !request.is_job) orphans.push_back(id);
  }
  return orphans;
}

}  // namespace embstore
