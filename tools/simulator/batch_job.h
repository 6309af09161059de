// SPDX-License-Identifier: Apache-2.0
// One batch job: how it moves with the time, and how it is described.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/batch_input.h"
#include "tools/simulator/batch_results.h"
#include "tools/simulator/core.h"
#include "tools/simulator/fault.h"
#include "tools/simulator/models.h"

namespace embstore::simulator {

enum class BatchState { kPending, kRunning, kSucceeded, kFailed, kCancelled, kExpired };

/// Not safe for concurrent use.
class BatchJob {
 public:
  struct Origin {
    std::string id;
    const ModelInfo* model;
    std::string display_name;
    std::string input_file;  ///< "" for inline input
    std::shared_ptr<const BatchInput> input;
    TimePoint created;
    std::vector<Fault> faults;
    std::uint64_t number = 0;  ///< counts the jobs
  };

  /// `core` must live longer.
  BatchJob(Origin origin, Core* core);

  /// Brings the job to `now`. What it then has done is billed.
  void Advance(TimePoint now);

  /// Ends the job as CANCELLED, unless it has ended.
  void Cancel(TimePoint now);

  std::string name() const { return "batches/" + origin_.id; }
  std::string result_file_id() const { return "batch-" + origin_.id; }
  bool ended() const { return state_ != BatchState::kPending && state_ != BatchState::kRunning; }
  std::uint64_t tokens() const { return origin_.input->tokens(); }

  /// The reply to a poll. A poll counts for the unknown-state fault.
  HttpReply Poll(TimePoint now);

  /// The entry in a list: without results, with the counts of the beginning.
  nlohmann::ordered_json ListEntry() const;

  /// True when a list made now shows the job. `count` says whether the list is a new one, for the
  /// list-lag fault.
  bool AppearsInList(TimePoint now, bool count);

  /// What the result file holds, or nullptr.
  std::shared_ptr<const BatchResults> ResultFileContent(TimePoint now) const;

 private:
  BatchState EndState() const;
  TimePoint EndTime() const;
  bool Held() const;
  void End(BatchState state, TimePoint time);
  void Bill();
  bool HasResults(TimePoint now) const;
  nlohmann::ordered_json Metadata(bool current) const;
  nlohmann::ordered_json Stats(bool current) const;
  void AddOutcome(TimePoint now, nlohmann::ordered_json* operation) const;

  const Origin origin_;
  Core* core_;
  BatchState state_ = BatchState::kPending;
  TimePoint ended_at_;
  TimePoint results_at_;
  std::shared_ptr<const BatchResults> results_;
  bool was_held_ = false;
  std::uint64_t unknown_polls_ = 0;
  std::uint64_t lagging_lists_ = 0;
  TimePoint listed_from_;
};

}  // namespace embstore::simulator
