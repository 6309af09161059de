// SPDX-License-Identifier: Apache-2.0
// Brings a damaged cache directory back to work without paying: what proves itself is kept, what is
// missing comes from exports, and what cannot be brought back is named with its price.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/clock.h"
#include "embstore/dataset.h"
#include "embstore/money.h"
#include "embstore/record.h"
#include "embstore/status.h"
#include "embstore/verify.h"
#include "embstore/visibility.h"

namespace embstore {

/// What a million tokens of a space cost; nothing: no price is known.
using PriceLookup = std::function<std::optional<Price>(const SpaceRecord&)>;

struct RecoverOptions {
  bool dry_run = true;  ///< Only say what would be done.
  /// Write down in the ledger that what cannot be brought back is lost, so that the next ingest
  /// may buy it again. Without it ingest refuses.
  bool give_up = false;
  /// Where exports are looked for beside the cache directory.
  std::vector<std::filesystem::path> export_directories;
  /// Documents of splits, where the store may have lost its lists or texts. They outlive the call.
  std::vector<const Dataset*> inputs;
  bool store_texts = true;  ///< Keep the texts of inputs.
  /// For texts that the ledger has lost, where no bill of the store has a price. May be empty.
  PriceLookup price_of;
  Clock* clock = nullptr;  ///< Null: the machine's.
  /// Hears what is being read. May be empty.
  std::function<void(std::string_view what)> on_progress;
};

struct RecoverReport {
  std::vector<Damage> damaged;  ///< What VerifyAll found before; at most 1000 of them.
  std::uint64_t total_damaged = 0;

  std::uint64_t kept_vectors = 0;  ///< In the files of the store, with a checksum that proves them.
  std::uint64_t kept_texts = 0;
  std::uint64_t kept_lists = 0;
  std::uint64_t rebuilt_index = 0;         ///< Of kept_vectors: their index records were made anew.
  std::vector<std::string> dropped_lists;  ///< Splits: the next ingest writes them again for free.

  /// An export that vectors come from.
  struct Source {
    std::string name;
    std::uint64_t vectors = 0;
    /// Of these: scaled back from unit length, so that their last bits may differ.
    std::uint64_t rescaled = 0;
  };
  std::vector<Source> sources;

  /// Paid for, and nowhere to be found.
  struct Loss {
    SpaceId id;
    SpaceRecord space;
    std::uint64_t texts = 0;
    std::uint64_t tokens = 0;            ///< To embed them again; estimated.
    std::vector<std::string> documents;  ///< "split/id" of the first few that are known.
  };
  std::vector<Loss> lost;
  /// Vectors that were not paid for (of the built-in embedding, or imported) and are gone.
  std::uint64_t lost_unpaid = 0;
  bool given_up = false;  ///< All of `lost` is written down as dropped.

  bool new_store = false;
  bool new_ledger = false;
  std::uint64_t ledger_entries = 0;   ///< That were read.
  std::uint64_t ledger_unread = 0;    ///< Bytes of it that say nothing any more.
  std::uint64_t ledger_requests = 0;  ///< Requests whose entries are gone: in doubt now.
  std::uint64_t witnessed = 0;        ///< Texts that only the store says were paid for.
  Money witnessed_cost;               ///< What they are taken to have cost.
  /// Of these: their tokens or their price are no longer known, and are estimated.
  std::uint64_t witnessed_estimated = 0;
  /// Of these: nothing says a price, so that they are written down for nothing.
  std::uint64_t witnessed_unpriced = 0;

  std::vector<std::filesystem::path> set_aside;  ///< The damaged parts, as they were.
  std::vector<std::string> remarks;
  std::vector<Damage> left;  ///< What VerifyAll finds afterwards; empty in a dry run.
  std::uint64_t total_left = 0;

  bool complete() const { return total_left == 0 && (lost.empty() || given_up); }
};

/// Takes the lock, asks no network and pays nothing. The new store and ledger are made beside the
/// old ones and put in their place by renames; a process that dies on the way leaves either the old
/// ones or a state that nothing else opens and the next call finishes. The damaged parts are never
/// removed. Memory: about 250 bytes a vector and 150 a document. kLocked, kNotFound: nothing is
/// there. kIncompatible: a newer version's. kWriteFailed: no space; what was there is as it was.
/// kCorruption: store and ledger are of two different stores.
EMBSTORE_API Result<RecoverReport> Recover(const std::filesystem::path& directory,
                                           const RecoverOptions& options);

}  // namespace embstore
