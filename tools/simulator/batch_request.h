// SPDX-License-Identifier: Apache-2.0
// Reads the bodies of asyncBatchEmbedContent and the lines of its input files.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/embed_request.h"

namespace embstore::simulator {

inline constexpr std::size_t kMaxInlineBytes = 20971520;

struct BatchCreate {
  std::string display_name;
  std::string file_name;              ///< "files/..."; "" for inline input
  std::vector<std::string> requests;  ///< inline input, each as a line of an input file
};

/// All functions here throw ApiError when the service would refuse the input.

/// Body of asyncBatchEmbedContent for `model_id`.
BatchCreate ParseBatchCreate(std::string_view body, std::string_view model_id);

/// What a line of an input file asks for.
EmbedRequest ParseBatchLine(std::string_view line, std::string_view model_id);

/// Refuses a line with a lowerCamelCase name in its request.
void RefuseCamelCase(std::string_view line);

/// What the result for `line` repeats: all members but the request, lists emptied. An empty
/// object for a line that is none.
nlohmann::ordered_json EchoOf(std::string_view line);

}  // namespace embstore::simulator
