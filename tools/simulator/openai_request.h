// SPDX-License-Identifier: Apache-2.0
// Reads and validates the body of the OpenAI embeddings call.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/embed_request.h"
#include "tools/simulator/models.h"
#include "tools/simulator/options.h"

namespace embstore::simulator {

struct OpenAiRequest {
  std::string model_name;
  const ModelInfo* model = nullptr;
  std::vector<EmbedRequest> requests;
  std::size_t tokens = 0;  ///< of all texts
  bool base64 = false;
};

/// Who answers the call: OpenAI, or Gemini under OpenAI's field names.
enum class OpenAiFlavor { kOpenAi, kGemini };

/// Throws ApiError, in the form of the flavor, when the service would refuse the body.
OpenAiRequest ParseOpenAiRequest(std::string_view body, OpenAiFlavor flavor,
                                 const Options& options);

/// The name of the model in `body`, or "". Never throws.
std::string OpenAiModelName(std::string_view body);

}  // namespace embstore::simulator
