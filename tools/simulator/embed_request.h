// SPDX-License-Identifier: Apache-2.0
// Reads and validates the bodies of the embedding calls.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/models.h"

namespace embstore::simulator {

inline constexpr std::size_t kMaxBatchRequests = 100;
inline constexpr std::size_t kMaxBodyBytes = 4194304;

/// One text to embed with its own settings.
struct EmbedRequest {
  std::string model;  ///< as sent, "" when absent
  std::string text;   ///< the parts, joined by a line feed
  std::string title;
  std::string task_type;  ///< one of TaskTypes()
  std::size_t dimensions = kFullDimensions;
  bool auto_truncate = true;
};

/// All functions here throw ApiError when the service would refuse the body. Field names may be
/// lowerCamelCase or snake_case.

/// One EmbedContentRequest; `path` is its place in the body, for messages.
EmbedRequest ReadEmbedRequest(const nlohmann::json& json, const std::string& path);

/// Body of embedContent for `model_id`; one element.
std::vector<EmbedRequest> ParseEmbedContent(std::string_view body, std::string_view model_id);

/// Body of batchEmbedContents for `model_id`.
std::vector<EmbedRequest> ParseBatchEmbedContents(std::string_view body, std::string_view model_id);

/// Body of countTokens: the texts of its contents.
std::vector<std::string> ParseCountTokens(std::string_view body);

}  // namespace embstore::simulator
