// SPDX-License-Identifier: Apache-2.0
// Drops what no split refers to, and forgets splits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embstore/clock.h"
#include "embstore/record.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

struct GcOptions {
  /// Splits whose document lists are removed first. What only they referred to is then dropped.
  std::vector<std::string> forget;
  bool questions =
      false;            ///< Also vectors of texts that never belonged to a split: see EmbedTexts.
  bool dry_run = true;  ///< Only say what would be dropped.
  Clock* clock = nullptr;  ///< Null: the machine's.
};

/// What was dropped, or would be.
struct GcReport {
  struct Space {
    SpaceInfo info;
    std::uint64_t vectors = 0;
    std::uint64_t paid = 0;    ///< Of these: bought by this store, as its ledger knows.
    std::uint64_t tokens = 0;  ///< To embed them again.
    bool removed = false;      ///< No vector is left, nor anything that refers to the space.
  };
  std::vector<Space> spaces;  ///< Those that lose something.
  std::vector<SplitInfo> forgotten;
  std::uint64_t vectors = 0;
  std::uint64_t texts = 0;
  std::uint64_t failures = 0;
  std::uint64_t documents = 0;  ///< Of forgotten splits and of lists that were never published.
  std::uint64_t bytes = 0;      ///< Of all that, before compression.
  /// Vectors that no split refers to and that stay: their texts are in an open batch job or in a
  /// quarantined answer, or another text with the same hash lies behind them.
  std::uint64_t kept = 0;
  std::uint64_t questions = 0;     ///< Vectors of EmbedTexts that stay, as they were not asked for.
  std::uint64_t bytes_before = 0;  ///< Of the database's files.
  std::uint64_t bytes_after = 0;   ///< The same in a dry run.
};

/// Drops vectors, with their texts and failures, that no published document list refers to, lists
/// that none points to, and spaces that nothing is left of. A vector stays in every space as long
/// as any split has its text; one that EmbedTexts made stays unless GcOptions::questions. A dropped
/// text is written down in the ledger first, so that a later ingest buys it again; a process that
/// dies on the way has dropped less, never more. kNotFound: no such split to forget. kHeld: it has
/// an open batch job or a quarantined answer. kCorruption: a record that must be read is damaged;
/// nothing was dropped. REQUIRES: the store is open for writing unless it is a dry run, and nobody
/// ingests into it.
EMBSTORE_API Result<GcReport> CollectGarbage(Store* store, const GcOptions& options);

}  // namespace embstore
