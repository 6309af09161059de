// SPDX-License-Identifier: Apache-2.0
// The checks of VerifyAll, in the order in which they are made: each needs what the ones before
// found out.
#pragma once

#include <filesystem>

#include "engine/ledger/ledger.h"
#include "engine/store/raw_store.h"
#include "engine/verify/findings.h"

namespace embstore {

/// meta, spaces, splits and coverages, failures, runs, and that the default family is empty.
void CheckSmallRecords(const RawStore& store, Findings* findings);

/// Every block of every table file, against its checksum. `store` is null when it does not open:
/// then, and when it has lost its first records, all table files that are there count.
void CheckTables(const RawStore* store, Findings* findings);

/// The index and the vectors, key for key.
void CheckVectors(const RawStore& store, Findings* findings);

/// Each text against its key.
void CheckTexts(const RawStore& store, Findings* findings);

/// Document lists, the ids that lead into them, and what coverages claim.
void CheckLists(const RawStore& store, Findings* findings);

/// The ledger, what it says the store must have, and the files of open jobs. `before` is the ledger
/// as it was before the store was opened, or null when it could not be read then: a writer at work
/// goes on meanwhile, so only what that one knows must be in the store.
void CheckLedger(const Ledger* before, bool store_was_read, Findings* findings);

/// Exports in `directory`, and what unfinished work left there.
void CheckExports(const std::filesystem::path& directory, Findings* findings);

}  // namespace embstore
