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
};

/// Fills `options`. Returns an exit status when the program must end now: help was shown (0) or
/// the arguments are wrong (2, with a message on stderr).
std::optional<int> ParseOptions(int argc, const char* const* argv, Options* options);

}  // namespace embstore::simulator
