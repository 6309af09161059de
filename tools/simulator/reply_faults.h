// SPDX-License-Identifier: Apache-2.0
// The faults that spoil the reply to an accepted call.
#pragma once

#include <span>
#include <vector>

#include "tools/simulator/api_error.h"
#include "tools/simulator/fault.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/models.h"

namespace embstore::simulator {

/// A JSON document as the only element of a list.
std::string InList(std::string document);

/// Throws ApiError when a fault refuses the call before it counts.
void RefuseByFault(std::span<const Fault> faults, const ModelInfo& model, Tier tier);

/// Spoils vectors before they are written.
void SpoilVectors(std::span<const Fault> faults, std::vector<std::vector<float>>* vectors);

/// Spoils a written reply or its delivery. `reply` has no headers yet; those it then has win over
/// the usual ones.
void SpoilReply(std::span<const Fault> faults, const ModelInfo& model, Tier tier, HttpReply* reply);

/// The same, with `error` where an error takes the place of the reply.
void SpoilReply(std::span<const Fault> faults, const ApiError& error, HttpReply* reply);

}  // namespace embstore::simulator
