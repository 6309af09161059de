// SPDX-License-Identifier: Apache-2.0
// Tells a vector that was paid for and is gone from one that was never there.
#pragma once

#include <span>
#include <vector>

#include "engine/store/store_impl.h"

namespace embstore {

/// kCorruption: one of `texts` that is not `found` was bought and stored in `space` by the ledger,
/// and not removed on purpose. Only readers are checked: a writer asks the ledger before it sends.
Status CheckNotLost(const Store::Impl& impl, SpaceId space, std::span<const TextKey> texts,
                    const std::vector<bool>& found);

}  // namespace embstore
