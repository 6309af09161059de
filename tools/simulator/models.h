// SPDX-License-Identifier: Apache-2.0
// The embedding models the simulator offers, and the facts in which they differ.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace embstore::simulator {

inline constexpr std::size_t kFullDimensions = 3072;

struct ModelInfo {
  std::string_view id;
  std::string_view display_name;
  std::string_view description;
  std::string_view quota_name;  ///< what quotaDimensions.model calls it
  std::size_t max_tokens;
  bool unit_after_cut;  ///< vectors below full size are scaled to length 1 again
  bool reports_usage;   ///< replies carry usageMetadata
  bool uses_task_type;
  std::size_t dimensions = kFullDimensions;  ///< unless the call says otherwise
};

/// The Gemini models, in listing order.
std::span<const ModelInfo> Models();

/// The models of the OpenAI endpoints, in listing order. The last one stands for all names that
/// begin with "local-".
std::span<const ModelInfo> OpenAiModels();

/// All of them, Gemini's first.
std::span<const ModelInfo> AllModels();

/// The Gemini model called `id` (without "models/"), or nullptr.
const ModelInfo* FindModel(std::string_view id);

/// The OpenAI model for the name `id`, or nullptr.
const ModelInfo* FindOpenAiModel(std::string_view id);

/// The task types the API knows; the first one means "not given".
std::span<const std::string_view> TaskTypes();

}  // namespace embstore::simulator
