// SPDX-License-Identifier: Apache-2.0
// The command line of embstore-simulator.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/simulator/api_error.h"
#include "tools/simulator/fault.h"
#include "tools/simulator/quota.h"

namespace embstore::simulator {

/// What happens to a text above the model's token limit.
enum class Overlong { kTruncate, kReject };

struct BatchOptions {
  std::chrono::microseconds duration{std::chrono::seconds(2)};  ///< from creation to the end
  std::chrono::microseconds results_delay{0};                   ///< from the end to the results
  std::uint64_t enqueued_tokens = 0;  ///< of all unfinished jobs; 0 means no limit
  std::size_t max_jobs = 100;         ///< unfinished ones
  std::size_t foreign_jobs = 0;       ///< finished jobs of another kind, in lists only
  bool strict_snake = false;          ///< input files with lowerCamelCase names are refused
  bool ordered_results = false;       ///< result rows in the order of the input
  bool partial_results = false;       ///< failed and cancelled jobs answer half of their rows
};

struct Options {
  std::uint16_t port = 0;
  std::size_t threads = 64;
  std::chrono::seconds max_run_time{0};  ///< 0 means no limit
  std::chrono::milliseconds latency{0};
  std::uint64_t seed = 1;
  std::string key;          ///< "" accepts every key that does not begin with "bad"
  std::string billing_log;  ///< "" means none
  Overlong overlong = Overlong::kTruncate;
  QuotaLimits quotas;
  Tier tier = Tier::kPaid;
  std::vector<Fault> faults;
  BatchOptions batch;
  std::size_t local_dimensions = 384;  ///< of OpenAI models called "local-..."
};

/// Fills `options`. Returns an exit status when the program must end now: help was shown (0) or
/// the arguments are wrong (2, with a message on stderr).
std::optional<int> ParseOptions(int argc, const char* const* argv, Options* options);

}  // namespace embstore::simulator
