// SPDX-License-Identifier: Apache-2.0
// The model listing and countTokens. Nothing here is billed, limited or struck by faults.
#pragma once

#include <string_view>

#include "tools/simulator/http_message.h"
#include "tools/simulator/models.h"

namespace embstore::simulator {

HttpReply ListModels();
HttpReply GetModel(const ModelInfo& model);

/// Throws ApiError for a body the service refuses.
HttpReply CountTokensCall(std::string_view body);

}  // namespace embstore::simulator
