// SPDX-License-Identifier: Apache-2.0
// Answers that an earlier run paid for and could not store, stored when the store is opened again.
#pragma once

#include "embstore/status.h"
#include "embstore/store.h"

namespace embstore {

/// Settles what a run that died or could not write has left, in this order: answers that it kept
/// are stored, those in quarantine are known to the ledger as such, and every other request that is
/// open ends in doubt. A kept file that is damaged is left where it is. kWriteFailed: they cannot
/// be stored now; they stay kept. REQUIRES: `impl` is the inside of `store`, which was opened for
/// writing just now, and nothing was sent since.
Status SettleEarlierRuns(Store* store, Store::Impl* impl);

}  // namespace embstore
