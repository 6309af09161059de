// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/openai_request.h"

#include <algorithm>
#include <array>

#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/json_fields.h"
#include "tools/simulator/openai_error.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

constexpr std::size_t kMaxInputs = 2048;
constexpr std::size_t kMaxTokens = 300000;
constexpr std::array<std::string_view, 5> kFields{"model", "input", "encoding_format", "dimensions",
                                                  "user"};

bool IsLocal(const ModelInfo& model) { return &model == &OpenAiModels().back(); }

void CheckFields(const Json& document) {
  for (const auto& [name, value] : document.items()) {
    if (std::find(kFields.begin(), kFields.end(), name) != kFields.end()) continue;
    throw OpenAiInvalid("Unrecognized request argument supplied: " + name);
  }
}

const ModelInfo& ModelNamed(std::string_view name, OpenAiFlavor flavor) {
  if (flavor == OpenAiFlavor::kGemini) {
    if (name.starts_with("models/")) name.remove_prefix(7);
    const ModelInfo* model = FindModel(name);
    if (model == nullptr) throw ModelNotFound(name, "embedContent");
    return *model;
  }
  const ModelInfo* model = FindOpenAiModel(name);
  if (model == nullptr) throw OpenAiModelNotFound(name);
  return *model;
}

std::vector<std::string> ReadInput(const Json& document) {
  const auto input = document.find("input");
  if (input == document.end()) throw OpenAiInvalidInput();
  std::vector<std::string> texts;
  if (input->is_string()) texts.push_back(input->get<std::string>());
  if (input->is_array()) {
    for (const Json& item : *input) {
      // Token numbers would need the tokenizer of the model.
      if (!item.is_string()) throw OpenAiInvalid("Only texts are supported as input.", "input");
      texts.push_back(item.get<std::string>());
    }
  }
  return texts;
}

void CheckInput(const std::vector<std::string>& texts, OpenAiFlavor flavor) {
  const bool gemini = flavor == OpenAiFlavor::kGemini;
  if (gemini && texts.size() > kMaxBatchRequests) {
    throw InvalidArgument(
        "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n");
  }
  const bool empty =
      std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return text.empty(); });
  if (gemini && empty) {
    throw InvalidArgument("EmbedContentRequest.content contains an empty Part.");
  }
  if (texts.empty() || empty || texts.size() > kMaxInputs) throw OpenAiInvalidInput();
}

std::size_t ReadDimensions(const Json& document, const ModelInfo& model, const Options& options) {
  const std::size_t own = IsLocal(model) ? options.local_dimensions : model.dimensions;
  const auto value = document.find("dimensions");
  if (value == document.end() || value->is_null()) return own;
  if (!value->is_number_unsigned() || *value == 0U) {
    throw OpenAiInvalid("Invalid value for 'dimensions': it must be at least 1.", "dimensions");
  }
  const auto dimensions = value->get<std::size_t>();
  if (IsLocal(model) && dimensions != own) {
    throw OpenAiInvalid("This model does not support other dimensions than its own.", "dimensions");
  }
  if (dimensions > own) {
    throw OpenAiInvalid(
        "Invalid value for 'dimensions': it must be at most " + std::to_string(own) + ".",
        "dimensions");
  }
  return dimensions;
}

bool ReadBase64(const Json& document) {
  const auto format = document.find("encoding_format");
  if (format == document.end() || format->is_null() || *format == "float") return false;
  if (*format == "base64") return true;
  throw OpenAiInvalid("Invalid value for 'encoding_format': it must be float or base64.",
                      "encoding_format");
}

std::size_t CountOne(const OpenAiRequest& call, const EmbedRequest& request, OpenAiFlavor flavor,
                     Overlong overlong) {
  if (flavor == OpenAiFlavor::kGemini) return CountAndCheck(*call.model, request, overlong);
  const std::size_t tokens = CountTokens(request.text);
  const std::size_t limit = call.model->max_tokens;
  if (tokens <= limit) return tokens;
  if (IsLocal(*call.model) && overlong == Overlong::kTruncate) return limit;
  throw OpenAiInvalid("This model's maximum context length is " + std::to_string(limit) +
                      " tokens, however you requested " + std::to_string(tokens) + " tokens (" +
                      std::to_string(tokens) +
                      " in your prompt; 0 for the completion). Please reduce your prompt; or "
                      "completion length.");
}

}  // namespace

OpenAiRequest ParseOpenAiRequest(std::string_view body, OpenAiFlavor flavor,
                                 const Options& options) {
  const Json document = Json::parse(body, nullptr, false);
  if (!document.is_object()) {
    throw OpenAiInvalid("We could not parse the JSON body of your request.");
  }
  OpenAiRequest call;
  call.model_name = OpenAiModelName(body);
  if (call.model_name.empty()) throw OpenAiInvalid("you must provide a model parameter");
  call.model = &ModelNamed(call.model_name, flavor);
  if (!IsLocal(*call.model)) CheckFields(document);
  std::vector<std::string> texts = ReadInput(document);
  CheckInput(texts, flavor);
  call.base64 = ReadBase64(document);
  const std::size_t dimensions = ReadDimensions(document, *call.model, options);
  for (std::string& text : texts) {
    EmbedRequest request;
    request.text = std::move(text);
    request.task_type = TaskTypes().front();
    request.dimensions = dimensions;
    call.tokens += CountOne(call, request, flavor, options.overlong);
    call.requests.push_back(std::move(request));
  }
  if (flavor == OpenAiFlavor::kOpenAi && call.tokens > kMaxTokens) {
    throw OpenAiError(
        400, "max_tokens_per_request", "max_tokens_per_request",
        "Requested " + std::to_string(call.tokens) + " tokens, max 300000 tokens per request");
  }
  return call;
}

std::string OpenAiModelName(std::string_view body) {
  const Json document = Json::parse(body, nullptr, false);
  if (!document.is_object()) return {};
  const auto model = document.find("model");
  return model != document.end() && model->is_string() ? model->get<std::string>() : "";
}

}  // namespace embstore::simulator
