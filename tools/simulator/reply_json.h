// SPDX-License-Identifier: Apache-2.0
// Text form of embedding replies, as the real service lays them out.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/simulator/http_message.h"

namespace embstore::simulator {

/// Room FormatFloat needs at most.
inline constexpr std::size_t kMaxFloatBytes = 16;

/// Writes the shortest decimal that reads back as `value`: plain from 1e-4 up, with a two-digit
/// exponent below. Not-a-number is written NaN. Returns the end of what was written.
/// REQUIRES: `out` has kMaxFloatBytes bytes.
char* FormatFloat(float value, char* out);

/// A reply of 200 with `document`.
HttpReply JsonReply(const nlohmann::ordered_json& document);

/// `values` as a JSON object on one line.
std::string CompactEmbedding(std::span<const float> values);

/// The same over several lines, that begin `indent` places in.
std::string WideEmbedding(const std::vector<float>& values, std::size_t indent);

/// Reply to embedContent; `tokens` adds usageMetadata. Empty without a vector.
std::string EmbedContentJson(std::span<const std::vector<float>> vectors,
                             std::optional<std::size_t> tokens);

/// Reply to batchEmbedContents.
std::string BatchEmbedContentsJson(std::span<const std::vector<float>> vectors,
                                   std::optional<std::size_t> tokens);

/// Reply to countTokens.
std::string CountTokensJson(std::size_t tokens);

}  // namespace embstore::simulator
