// SPDX-License-Identifier: Apache-2.0
// Puts a recovered store and ledger in the place of the damaged ones, which stay beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "embstore/status.h"

namespace embstore {

/// Where the new parts are made: `store.recovering`, `ledger.recovering`.
std::filesystem::path RecoveringPath(const std::filesystem::path& directory, const char* part);

/// What the numbers of quarantined answers become. No new one is the number of an answer.
using AnswerNumbers = std::map<std::uint64_t, std::uint64_t>;

struct SwapPlan {
  bool store = false;
  bool ledger = false;
  std::string suffix;  ///< The old parts become "store.damaged-SUFFIX", "ledger.damaged-SUFFIX".
  /// What the commit record of the store becomes, where only the ledger is new.
  std::uint64_t commit = 0;
  std::uint64_t charges = 0;
  AnswerNumbers renumbered;
};

/// Whether a swap was begun and not finished: nothing may be opened then.
bool HasPendingSwap(const std::filesystem::path& directory);
/// kCorruption, when it was.
Status CheckNoPendingSwap(const std::filesystem::path& directory);

/// From here on the new parts count. REQUIRES: they are complete and durable; the directory is
/// locked.
Status BeginSwap(const std::filesystem::path& directory, const SwapPlan& plan);

/// Does what is left of a swap that was begun; may be repeated. Answers what was set aside.
Result<std::vector<std::filesystem::path>> FinishSwap(const std::filesystem::path& directory);

/// Removes parts of a recovery that was cut off before BeginSwap.
void RemoveUnfinishedParts(const std::filesystem::path& directory);

}  // namespace embstore
