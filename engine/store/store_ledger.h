// SPDX-License-Identifier: Apache-2.0
// The store and its ledger, held against each other when they are opened.
#pragma once

#include <filesystem>

#include "embstore/status.h"
#include "engine/store/store_impl.h"

namespace embstore {

std::filesystem::path LedgerPath(const std::filesystem::path& directory);

/// Opens the ledger of a store opened for writing, or begins one: for a new store, for one that was
/// made before there were ledgers, and with StoreOptions::new_ledger. A commit that only the store
/// knows is written down; requests of a process that died are ended as in doubt.
/// kCorruption: store and ledger tell different stories.
Status OpenLedgerForWriting(Store::Impl* impl);

/// Opens the ledger of a store opened for reading. A missing or damaged one is remembered for those
/// who ask for money; vectors do not depend on it. Answers whether the ledger is ahead of the
/// store, which a writer at work or a store that lost commits brings about.
bool LedgerIsAhead(Store::Impl* impl);

/// What to say about a store that is behind its ledger.
Status StoreIsOlder(const Store::Impl& impl);

/// Of a directory without a store. Ok: it never had one, for no ledger there knows of paid texts.
Status CheckNoStoreIsLost(const std::filesystem::path& directory);

/// The same before a store is made: a ledger without any request is a leftover and is removed.
Status RemoveUnusedLedger(const std::filesystem::path& directory);

}  // namespace embstore
