// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/model_endpoints.h"

#include <nlohmann/json.hpp>
#include <string>

#include "tools/simulator/embed_request.h"
#include "tools/simulator/reply_json.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson Describe(const ModelInfo& model) {
  return {{"name", "models/" + std::string(model.id)},
          {"version", model.id.substr(model.id.rfind('-') + 1)},
          {"displayName", model.display_name},
          {"description", model.description},
          {"inputTokenLimit", model.max_tokens},
          {"outputTokenLimit", 1},
          {"supportedGenerationMethods",
           {"embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"}}};
}

}  // namespace

HttpReply ListModels() {
  OrderedJson list = OrderedJson::array();
  for (const ModelInfo& model : Models()) list.push_back(Describe(model));
  return JsonReply(OrderedJson{{"models", std::move(list)}});
}

HttpReply GetModel(const ModelInfo& model) { return JsonReply(Describe(model)); }

HttpReply CountTokensCall(std::string_view body) {
  std::size_t tokens = 0;
  for (const std::string& text : ParseCountTokens(body)) tokens += CountTokens(text);
  HttpReply reply;
  reply.body = CountTokensJson(tokens);
  return reply;
}

}  // namespace embstore::simulator
