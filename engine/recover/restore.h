// SPDX-License-Identifier: Apache-2.0
// Which lost vectors come back from exports, and what stays lost.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "embstore/recover.h"
#include "engine/recover/export_vectors.h"
#include "engine/recover/ledger_plan.h"
#include "engine/recover/salvage.h"

namespace embstore {

/// Gives texts without a vector those of exports and adds a run for each export that was used.
/// `report` gets the sources.
Status TakeFromExports(const std::vector<std::unique_ptr<ExportVectors>>& exports,
                       const LedgerPlan& ledger, std::int64_t micros, Salvage* salvage,
                       RecoverReport* report);

/// What was bought, by LedgerKey, and has no vector now.
using LostKeys = std::map<SpaceId, std::vector<std::uint64_t>>;

/// Adds up what is lost for `report`.
LostKeys FindLost(const Salvage& salvage, const LedgerPlan& ledger, RecoverReport* report);

}  // namespace embstore
