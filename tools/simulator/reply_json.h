// SPDX-License-Identifier: Apache-2.0
// Text form of embedding replies, as the real service lays them out.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace embstore::simulator {

/// Room FormatFloat needs at most.
inline constexpr std::size_t kMaxFloatBytes = 16;

/// Writes the shortest decimal that reads back as `value`: plain from 1e-4 up, with a two-digit
/// exponent below. Not-a-number is written NaN. Returns the end of what was written.
/// REQUIRES: `out` has kMaxFloatBytes bytes.
char* FormatFloat(float value, char* out);

/// Reply to embedContent; `tokens` adds usageMetadata. Empty without a vector.
std::string EmbedContentJson(std::span<const std::vector<float>> vectors,
                             std::optional<std::size_t> tokens);

/// Reply to batchEmbedContents.
std::string BatchEmbedContentsJson(std::span<const std::vector<float>> vectors,
                                   std::optional<std::size_t> tokens);

/// Reply to countTokens.
std::string CountTokensJson(std::size_t tokens);

}  // namespace embstore::simulator
