// SPDX-License-Identifier: Apache-2.0
// What a store holds, what is under way and what it cost: the documents of `status` and `jobs`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "embstore/export.h"
#include "embstore/record.h"
#include "embstore/spending.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

/// Plain values; nothing of the store is held.
struct Overview {
  /// A split is listed once for each space that it was embedded in.
  struct Split {
    SplitInfo split;
    std::optional<SpaceId> space;  ///< None: nothing was embedded yet.
    CoverageRecord coverage;       ///< `embedded` is of the present documents.
    ExportInfo exported;           ///< In the cache directory.

    std::uint64_t Missing() const {
      return split.record.documents - std::min(split.record.documents, coverage.embedded);
    }
  };
  struct Space {
    SpaceInfo space;
    std::uint64_t vectors = 0;
  };

  std::vector<Split> splits;
  std::vector<Space> spaces;  ///< All of the store.
  std::vector<FailureRecord> failures;
  std::vector<JobRecord> jobs;  ///< Only open ones.
  std::vector<SpendRecord> spending;
  std::vector<DoubtRecord> doubts;
  /// Answers that were paid for and could not be stored when the disk failed; the next ingest
  /// stores them.
  struct Kept {
    std::uint64_t replies = 0;
    std::uint64_t texts = 0;
    std::uint64_t damaged_files = 0;  ///< `embstore verify` names them.
  };
  Kept kept;
  std::uint64_t store_bytes = 0;
  std::uint64_t ledger_bytes = 0;
  std::uint64_t export_bytes = 0;  ///< Of the splits that are listed, in the cache directory.

  /// Null: not among `spaces`.
  const SpaceInfo* FindSpace(const std::optional<SpaceId>& id) const {
    for (const Space& each : spaces) {
      if (id && each.space.id == *id) return &each.space;
    }
    return nullptr;
  }
};

/// Of all splits, or what belongs to `only_split` if it is not empty. Counts vectors, so that it
/// takes time in proportion to them. kNotFound: no such split.
EMBSTORE_API Result<Overview> MakeOverview(const Store& store, const std::string& only_split = "");

/// What `embstore --json status` prints; docs/cli.md lists its keys. "Today" is the UTC day of
/// `now_micros`, microseconds since 1970.
EMBSTORE_API std::string OverviewJson(const Overview& overview, std::int64_t now_micros);

/// "3 paid replies (30 texts) wait to be stored by the next ingest", a line; empty: there are none.
EMBSTORE_API std::string KeptText(const Overview::Kept& kept);

/// What waits in `store`'s directory to be stored. kWriteFailed: it cannot be read.
EMBSTORE_API Result<Overview::Kept> FindKept(const Store& store);

/// What `embstore --json jobs` prints.
EMBSTORE_API std::string JobsJson(const std::vector<JobRecord>& jobs);

/// Records of spending, added up.
struct SpendSums {
  SpendRecord::Amount spent;
  SpendRecord::Amount wasted;
  SpendRecord::Amount in_doubt;
  SpendRecord::Amount under_way;
  std::uint64_t reported_tokens = 0;
  std::uint64_t estimate_of_reported = 0;
};

enum class SpendGroup {
  kSplit,  ///< Its name; "(search)" for questions, which belong to none.
  kModel,  ///< "MODEL, batch" or "MODEL, sync".
  kDay,    ///< "2026-11-26", UTC.
};

EMBSTORE_API SpendSums SumSpending(const std::vector<SpendRecord>& spending);
EMBSTORE_API std::map<std::string, SpendSums> SumSpendingBy(
    SpendGroup group, const std::vector<SpendRecord>& spending);

/// What was spent on the UTC day of `now_micros`.
EMBSTORE_API Money SpentToday(const std::vector<SpendRecord>& spending, std::int64_t now_micros);

}  // namespace embstore
