// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/spend_gate.h"

#include <cmath>
#include <optional>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"

namespace embstore {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

Money All(const SpendRecord& record) {
  return record.spent.cost + record.wasted.cost + record.in_doubt.cost + record.under_way.cost;
}

Status OverBudget(const char* what, Money budget, Money used) {
  return {Code::kBudgetReached, std::string("the budget ") + what + " of " + FormatUsd(budget) +
                                    " is reached: " + FormatUsd(used) +
                                    " spent or under way, and the next request would pass it"};
}

}  // namespace

SpendGate::SpendGate(Ledger& ledger, const SpendTerms& terms, Clock& clock)
    : ledger_(ledger), terms_(terms), clock_(clock), today_(Today()), resent_(terms.resent) {
  for (const SpendRecord& record : ledger.Spending()) {
    if (record.day == today_) day_ += All(record);
    if (record.split == terms.split) split_ += All(record);
  }
}

std::int64_t SpendGate::Today() const { return clock_.WallMicros() / kMicrosPerDay; }

std::uint64_t SpendGate::ExpectedTokens(std::uint64_t estimated) const {
  return static_cast<std::uint64_t>(std::ceil(static_cast<double>(estimated) * terms_.token_ratio));
}

Money SpendGate::CostOfEstimate(std::uint64_t estimated) const {
  return CostOf(ExpectedTokens(estimated), terms_.price);
}

Status SpendGate::CheckBudgets(Money cost) {
  if (EMBSTORE_SEEDED_BUG("budget-passed-by-last")) cost = {};
  if (const std::int64_t now = Today(); now != today_) {
    today_ = now;
    if (!EMBSTORE_SEEDED_BUG("day-never-ends")) day_ = {};
  }
  const Budgets& budgets = terms_.budgets;
  if (budgets.per_run && run_ + cost > *budgets.per_run) {
    return OverBudget("of this run", *budgets.per_run, run_);
  }
  if (budgets.per_day && day_ + cost > *budgets.per_day) {
    return OverBudget("of this day (UTC)", *budgets.per_day, day_);
  }
  if (budgets.per_split && split_ + cost > *budgets.per_split) {
    return OverBudget("of this split", *budgets.per_split, split_);
  }
  return {};
}

Result<std::uint64_t> SpendGate::Begin(RequestIntent intent) {
  if (!terms_.paid) return std::uint64_t{0};
  const std::lock_guard<std::mutex> guard(mutex_);
  const Money cost = CostOfEstimate(intent.tokens);
  if (Status allowed = CheckBudgets(cost); !allowed.ok()) return allowed;
  intent.run = terms_.run;
  intent.split = terms_.split;
  intent.model = terms_.model;
  intent.provider = terms_.provider;
  intent.space = terms_.space;
  intent.batch = terms_.batch;
  intent.price = terms_.price;
  intent.tokens = ExpectedTokens(intent.tokens);
  intent.micros = clock_.WallMicros();
  EMBSTORE_CRASH_POINT("intent-planned");
  auto request = ledger_.Begin(intent);
  if (!request.ok()) return request;
  EMBSTORE_CRASH_POINT("intent-written");
  open_[*request] = {cost, {}, intent.tokens, today_};
  run_ += cost;
  day_ += cost;
  split_ += cost;
  return request;
}

void SpendGate::Resume(const JobRecord& job) {
  const std::lock_guard<std::mutex> guard(mutex_);
  // An earlier run may have stored a part of it.
  const std::uint64_t stored = job.texts == 0 ? 0 : job.tokens * job.stored_texts / job.texts;
  open_[job.id] = {CostOf(job.tokens, job.price),
                   CostOf(stored, job.price),
                   job.tokens,
                   job.created_micros / kMicrosPerDay,
                   false,
                   job.split == terms_.split};
}

void SpendGate::Settle(std::map<std::uint64_t, Open>::iterator open, Money cost) {
  const Money change = cost - open->second.set_aside;
  if (open->second.of_this_run) run_ += change;
  if (open->second.day == today_) day_ += change;
  if (open->second.of_this_split) split_ += change;
  open_.erase(open);
}

Status SpendGate::Close(Ending ending) {
  const std::lock_guard<std::mutex> guard(mutex_);
  ending.micros = clock_.WallMicros();
  if (const auto open = open_.find(ending.request); open != open_.end()) {
    if (ending.end == RequestEnd::kWasted) ending.tokens = open->second.tokens;
    const bool may_be_billed = ending.end == RequestEnd::kWasted ||
                               ending.end == RequestEnd::kInDoubt ||
                               ending.end == RequestEnd::kAbandoned;
    const Money settled = open->second.stored + CostOf(ending.tokens, terms_.price);
    Settle(open, may_be_billed ? open->second.set_aside : settled);
  }
  return ledger_.End(ending);
}

Status SpendGate::End(std::uint64_t request, RequestEnd end, const std::string& reason) {
  if (request == 0) return {};
  Ending ending;
  ending.request = request;
  ending.end = end;
  ending.reason = reason;
  return Close(std::move(ending));
}

Status SpendGate::BookDoubt(const JobRecord& job, const std::string& reason) {
  RequestIntent intent;
  intent.run = terms_.run;
  intent.split = job.split;
  intent.model = terms_.model;
  intent.provider = terms_.provider;
  intent.space = terms_.space;
  intent.tokens = job.tokens;
  intent.price = job.price;
  intent.keys = ledger_.KeysOf(job.id);
  intent.micros = clock_.WallMicros();
  const auto number = ledger_.Begin(intent);
  if (!number.ok()) return number.status();
  return End(*number, RequestEnd::kInDoubt, reason);
}

CommitShare SpendGate::Share(std::uint64_t request, std::uint32_t texts,
                             std::uint64_t estimated_tokens,
                             std::optional<std::uint64_t> reported_tokens, bool last) const {
  CommitShare share;
  share.request = request;
  share.texts = texts;
  share.tokens = reported_tokens.value_or(ExpectedTokens(estimated_tokens));
  share.estimated_tokens = estimated_tokens;
  share.reported = reported_tokens.has_value();
  share.last = last;
  return share;
}

void SpendGate::Stored(const CommitShare& share) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const auto open = open_.find(share.request);
  if (open == open_.end()) return;
  open->second.stored += CostOf(share.tokens, terms_.price);
  if (share.last) Settle(open, open->second.stored);
}

Status SpendGate::Quarantine(std::uint64_t request, const std::string& note) {
  if (request == 0) return {};
  JobChange change;
  change.request = request;
  change.step = JobStep::kQuarantined;
  change.note = note;
  change.micros = clock_.WallMicros();
  return ledger_.ChangeJob(change);
}

bool SpendGate::MayResend(Money cost) {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!terms_.paid) return true;
  if (!terms_.doubt.resend || resent_ + cost > terms_.doubt.max_resend) return false;
  resent_ += cost;
  return true;
}

}  // namespace embstore
