// SPDX-License-Identifier: Apache-2.0
// What the entries of a ledger add up to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "embstore/spending.h"
#include "embstore/status.h"
#include "engine/ledger/ledger_entry.h"

namespace embstore {

/// Keeps sums, jobs, and the requests that are open or in doubt; forgets the others.
/// Not thread-safe; one thread at a time.
class LedgerBook {
 public:
  explicit LedgerBook(const LedgerPosition& start) : position_(start) {}

  /// Whether `entry` can come next. kInternal says why not.
  Status Check(const LedgerEntry& entry) const;

  /// REQUIRES: Check was ok.
  void Apply(LedgerEntry&& entry);

  LedgerPosition position() const { return position_; }
  std::uint64_t last_request() const { return last_request_; }
  std::uint64_t TextsAfterCommit(std::uint64_t commit) const;
  std::vector<SpendRecord> Spending() const;
  std::vector<DoubtRecord> Doubts() const;
  std::vector<JobRecord> Jobs() const;
  std::vector<std::uint64_t> KeysOf(std::uint64_t request) const;
  /// What is not settled of an open request; nothing of another.
  SpendRecord::Amount RestOf(std::uint64_t request) const;
  std::vector<std::uint64_t> KeysInDoubt(SpaceId space) const;
  std::size_t CountLaterDoubts(std::uint64_t request) const;

  /// Open requests up to `last_request` that are neither jobs nor quarantined.
  std::vector<std::uint64_t> Orphans(std::uint64_t last_request) const;

 private:
  // Day, run, split, model, batch.
  using RowKey = std::tuple<std::int64_t, std::uint32_t, std::string, std::string, bool>;
  using Rows = std::map<RowKey, SpendRecord>;

  struct Request {
    Rows::iterator row;
    SpaceId space;
    Price price;
    std::uint64_t tokens = 0;
    std::int64_t micros = 0;
    std::vector<std::uint64_t> keys;
    SpendRecord::Amount stored;
    bool is_job = false;  ///< Or quarantined.
    std::string provider;
    std::string doubt;  ///< Why the answer is lost.
    bool abandoned = false;

    SpendRecord::Amount Rest() const;
  };

  Status CheckEntry(const RequestEntry& entry) const;
  Status CheckEntry(const CommitEntry& entry) const;
  Status CheckEntry(const Ending& entry) const;
  Status CheckEntry(const JobChange& entry) const;
  Status CheckEntry(const Removal& entry) const;
  void ApplyEntry(RequestEntry&& entry);
  void ApplyEntry(CommitEntry&& entry);
  void ApplyEntry(Ending&& entry);
  void ApplyEntry(JobChange&& entry);
  void ApplyEntry(Removal&&) {}  // Changes no sum: what was paid stays paid.

  Rows::iterator RowOf(const RequestIntent& intent);
  void AddShare(const CommitShare& share);
  JobRecord* AddJob(std::uint64_t id, const Request& request);
  void Close(std::uint64_t id, RequestEnd end, SpendRecord::Amount wasted);

  LedgerPosition position_;
  std::uint64_t last_request_ = 0;
  Rows rows_;
  Rows::iterator last_row_;  // Of the last request; set unless rows_ is empty.
  std::map<std::uint64_t, Request> open_;
  std::map<std::uint64_t, Request> in_doubt_;
  std::map<std::uint64_t, JobRecord> jobs_;
  // Commits that brought texts, and how many texts came up to and with them.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> texts_by_commit_;
};

}  // namespace embstore
