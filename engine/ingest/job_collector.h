// SPDX-License-Identifier: Apache-2.0
// From a job's result file to commits: first everything is checked, then everything is stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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
#include "engine/ingest/spend_gate.h"
#include "engine/store/store_writer.h"

namespace embstore {

/// Makes a commit durable; adds what the collector does not know (run, coverage).
using CommitSink = std::function<Status(Commit)>;

struct CollectOptions {
  bool check_pairing = true;
  bool accept = false;     ///< Store what can be stored, whatever the checks say.
  bool partial = false;    ///< The job did not succeed: missing rows are expected.
  std::uint64_t skip = 0;  ///< Good rows, in file order, that an earlier attempt has stored.
};

struct CollectOutcome {
  std::uint64_t stored = 0;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  std::vector<std::pair<std::size_t, Status>> failed;  ///< Index into the texts, and why.
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
  /// What is wrong with the file as a whole, as kHeld.
  Status Check(const std::filesystem::path& path, const CollectOptions& options);
  Status CheckBlock(std::size_t rows);
  Status StoreRows(const std::filesystem::path& path, std::uint64_t request,
                   const CollectOptions& options);
  Status CommitBlock(std::uint64_t request);
  /// The text that `row` is about, or nothing when it is about none or was seen before.
  Result<std::size_t> Place(const BatchResultRow& row, std::vector<bool>* seen) const;

  const Provider& provider_;
  const BatchApi& api_;
  SpendGate& gate_;
  const CommitSink& commit_;
  const std::vector<JobText>& texts_;
  const std::uint32_t dimensions_;
  std::unordered_map<std::string, std::size_t> by_key_;

  // The rows of the block at hand.
  std::vector<std::size_t> block_texts_;
  std::vector<std::uint32_t> block_tokens_;
  std::vector<float> block_vectors_;
  bool block_reported_ = true;
  CollectOutcome outcome_;
};

}  // namespace embstore
