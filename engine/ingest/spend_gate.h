// SPDX-License-Identifier: Apache-2.0
// The one door that money goes through: first the budgets, then the ledger, then the request.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "embstore/clock.h"
#include "embstore/ingest.h"
#include "embstore/money.h"
#include "embstore/status.h"
#include "engine/ledger/ledger.h"

namespace embstore {

/// What all requests of one run have in common.
struct SpendTerms {
  std::uint32_t run = 0;
  std::string split;
  std::string model;
  std::string provider;
  SpaceId space;
  bool batch = false;
  bool paid = true;  ///< Off: nothing is written down.
  Price price;
  Budgets budgets;
  DoubtPolicy doubt;
  Money resent;  ///< What this run risks from its beginning, counted by DoubtPolicy::max_resend.
  double token_ratio = 1;  ///< See IngestPlan.
};

/// Lets no request begin that could pass a budget, and none that is not written down. Where
/// nothing is paid, requests have the number 0 and leave no trace.
/// Safe for concurrent use.
class SpendGate {
 public:
  /// `ledger` outlives the gate.
  SpendGate(Ledger& ledger, const SpendTerms& terms, Clock& clock);

  /// Sets money aside for `tokens` (as estimated) and writes the request down, durably. Send only
  /// after this. The fields of `intent` that SpendTerms has are filled in here.
  /// kBudgetReached, or what kept the ledger from being written.
  Result<std::uint64_t> Begin(RequestIntent intent);

  /// The request brought nothing that will be stored.
  Status End(std::uint64_t request, RequestEnd end, const std::string& reason);

  /// The same with all that there is to say; the time and kWasted's tokens are filled in here.
  Status Close(Ending ending);

  /// Writes down that the texts of `job` may have been paid for once more.
  Status BookDoubt(const JobRecord& job, const std::string& reason);

  /// What a commit with these texts of the request will write down.
  CommitShare Share(std::uint64_t request, std::uint32_t texts, std::uint64_t estimated_tokens,
                    std::optional<std::uint64_t> reported_tokens, bool last) const;
  /// The commit with this share is durable.
  void Stored(const CommitShare& share);

  /// The answer is kept aside under `note` and stays under way.
  Status Quarantine(std::uint64_t request, const std::string& note);

  /// Takes over a job that an earlier run began, so that budgets go on counting it once.
  void Resume(const JobRecord& job);

  /// Whether `cost` more may be sent at the risk of paying twice.
  bool MayResend(Money cost);

  /// `estimated` tokens as they are expected to be counted, and what they cost.
  std::uint64_t ExpectedTokens(std::uint64_t estimated) const;
  Money CostOfEstimate(std::uint64_t estimated) const;

  const SpendTerms& terms() const { return terms_; }

 private:
  struct Open {
    Money set_aside;
    Money stored;  // Of commits so far.
    std::uint64_t tokens = 0;
    std::int64_t day = 0;
    bool of_this_run = true;
    bool of_this_split = true;
  };

  Status CheckBudgets(Money cost);
  void Settle(std::map<std::uint64_t, Open>::iterator open, Money cost);
  std::int64_t Today() const;

  Ledger& ledger_;
  const SpendTerms terms_;
  Clock& clock_;

  std::mutex mutex_;
  // Guarded by mutex_. Each counts what is spent and what is set aside.
  Money run_;
  Money day_;
  Money split_;
  std::int64_t today_ = 0;
  Money resent_;
  std::map<std::uint64_t, Open> open_;
};

}  // namespace embstore
