// SPDX-License-Identifier: Apache-2.0
// From a job's result file to commits: first everything is checked, then everything is stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "embstore/batch.h"
#include "embstore/provider.h"
#include "embstore/spending.h"
#include "embstore/status.h"
#include "engine/ingest/job_files.h"
#include "engine/ingest/row_matrix.h"
#include "engine/ingest/spend_gate.h"
#include "engine/store/store_writer.h"

namespace embstore {

/// Makes a commit durable; adds what the collector does not know (run, coverage).
using CommitSink = std::function<Status(Commit)>;

struct CollectOptions {
  bool check_pairing = true;
  bool accept = false;     ///< Store what can be stored, whatever the checks say.
  bool partial = false;    ///< The job did not succeed: missing rows are expected.
  std::uint64_t skip = 0;  ///< Rows with a vector, in input order, that are stored already.
};

struct CollectOutcome {
  std::uint64_t stored = 0;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  std::vector<std::pair<std::size_t, Status>> failed;  ///< Index into the texts, and why.
  /// Of `failed`: without a row, or with one that cannot be read, in a job that succeeded. They
  /// are on the bill all the same.
  std::uint32_t undelivered_texts = 0;
  std::uint64_t undelivered_tokens = 0;  ///< Estimated.
};

/// Not thread-safe; one thread at a time.
class JobCollector {
 public:
  /// `texts` are the job's input. All references outlive the collector.
  JobCollector(const Provider& provider, const BatchApi& api, SpendGate& gate,
               const CommitSink& commit, const std::vector<JobText>& texts);

  /// Stores what the result file at `path` holds for job `request` and settles it, except in the
  /// ledger. kHeld: the file does not fit its texts, nothing was stored; the message says why.
  Result<CollectOutcome> Collect(const std::filesystem::path& path, std::uint64_t request,
                                 const CollectOptions& options);

 private:
  enum class RowState : std::uint8_t { kMissing, kVector, kError };

  /// Reads the whole file into `vectors_`. kHeld, unless accepted: its keys are not ours.
  Status Read(const std::filesystem::path& path, const CollectOptions& options);
  Status TakeRow(BatchResultRow row);
  /// Checks blocks of neighbours in `order`.
  Status CheckPairings(const std::vector<std::size_t>& order);
  Status StoreRows(std::uint64_t request, std::uint64_t skip);
  Status CommitRows(std::uint64_t request, std::span<const std::size_t> rows);
  void ReportFailed(bool partial);

  const Provider& provider_;
  const BatchApi& api_;
  SpendGate& gate_;
  const CommitSink& commit_;
  const std::vector<JobText>& texts_;
  const std::uint32_t dimensions_;
  std::unordered_map<std::string, std::size_t> by_key_;

  // By index into the texts.
  std::unique_ptr<RowMatrix> vectors_;
  std::vector<RowState> states_;
  std::vector<std::optional<std::uint32_t>> tokens_;
  std::map<std::size_t, Status> errors_;
  std::vector<std::size_t> arrival_;  // Of rows with a vector, as the file has them.
  CollectOutcome outcome_;
};

}  // namespace embstore
