// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/models.h"

#include <array>

namespace embstore::simulator {
namespace {

constexpr std::size_t kGeminiModels = 2;
constexpr std::string_view kLocalPrefix = "local-";

constexpr std::array<ModelInfo, 5> kModels{{
    {.id = "gemini-embedding-001",
     .display_name = "Gemini Embedding 001",
     .description = "Obtain a distributed representation of a text.",
     .quota_name = "gemini-embedding-1.0",
     .max_tokens = 2048,
     .unit_after_cut = false,
     .reports_usage = false,
     .uses_task_type = true},
    {.id = "gemini-embedding-2",
     .display_name = "Gemini Embedding 2",
     .description = "Obtain a distributed representation of multimodal content.",
     .quota_name = "gemini-embedding-2",
     .max_tokens = 8192,
     .unit_after_cut = true,
     .reports_usage = true,
     .uses_task_type = false},
    {.id = "text-embedding-3-small",
     .display_name = "text-embedding-3-small",
     .description = "",
     .quota_name = "text-embedding-3-small",
     .max_tokens = 8192,
     .unit_after_cut = true,
     .reports_usage = true,
     .uses_task_type = false,
     .dimensions = 1536},
    {.id = "text-embedding-3-large",
     .display_name = "text-embedding-3-large",
     .description = "",
     .quota_name = "text-embedding-3-large",
     .max_tokens = 8192,
     .unit_after_cut = true,
     .reports_usage = true,
     .uses_task_type = false},
    {.id = kLocalPrefix,
     .display_name = "A model on this machine",
     .description = "",
     .quota_name = kLocalPrefix,
     .max_tokens = 8192,
     .unit_after_cut = true,
     .reports_usage = true,
     .uses_task_type = false},
}};

constexpr std::array<std::string_view, 9> kTaskTypes{
    "TASK_TYPE_UNSPECIFIED", "RETRIEVAL_QUERY",   "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",   "CLASSIFICATION",    "CLUSTERING",
    "QUESTION_ANSWERING",    "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"};

}  // namespace

std::span<const ModelInfo> Models() { return AllModels().first(kGeminiModels); }

std::span<const ModelInfo> OpenAiModels() { return AllModels().subspan(kGeminiModels); }

std::span<const ModelInfo> AllModels() { return kModels; }

const ModelInfo* FindModel(std::string_view id) {
  for (const ModelInfo& model : Models()) {
    if (model.id == id) return &model;
  }
  return nullptr;
}

const ModelInfo* FindOpenAiModel(std::string_view id) {
  for (const ModelInfo& model : OpenAiModels()) {
    if (model.id == id) return model.id == kLocalPrefix ? nullptr : &model;
  }
  return id.starts_with(kLocalPrefix) ? &OpenAiModels().back() : nullptr;
}

std::span<const std::string_view> TaskTypes() { return kTaskTypes; }

}  // namespace embstore::simulator
