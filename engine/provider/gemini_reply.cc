// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_reply.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/seeded_bug.h"
#include "engine/provider/gemini_error.h"
#include "engine/provider/gemini_json.h"

namespace embstore {
namespace {

/// What is wrong with the answer, or "".
std::string ReadVectors(const JsonValue& root, const EmbeddingCall& call, std::vector<float>* out) {
  const auto embeddings = FindOnly(root, "embeddings");
  if (!embeddings || embeddings->type() != JsonType::kArray) return "no list \"embeddings\"";
  out->reserve(call.texts * call.dimensions);
  std::string fault;
  std::size_t count = 0;
  embeddings->ForEachElement([&](JsonValue embedding) {
    if (++count > call.texts || !fault.empty()) return true;
    const std::size_t before = out->size();
    const auto values = FindOnly(embedding, "values");
    if (!values || !values->AppendFloats(out)) {
      fault = "no list \"values\" of numbers";
    } else {
      fault = VectorFault(std::span(*out).subspan(before), call.dimensions);
    }
    if (!fault.empty()) fault = "embedding " + std::to_string(count - 1) + ": " + fault;
    return true;
  });
  if (count != call.texts && !EMBSTORE_SEEDED_BUG("one-vector-less-accepted")) {
    return std::to_string(count) + " embeddings for " + std::to_string(call.texts) + " texts";
  }
  return fault;
}

std::optional<std::uint64_t> ReadTotalTokens(const JsonValue& root) {
  const auto usage = root.Find("usageMetadata");
  const std::uint64_t count = usage ? FindCount(*usage, "promptTokenCount") : 0;
  return count > 0 ? std::optional(count) : std::nullopt;
}

}  // namespace

Result<EmbedReply> ReadGeminiReply(const HttpResponse& response, const EmbeddingCall& call,
                                   JsonParser* parser) {
  if (response.status != 200) return GeminiErrorStatus(response, call);
  const Result<JsonValue> root = parser->ParseInPlace(response.body);
  if (!root.ok()) {
    return InvalidReply(response.body.empty() ? "empty" : root.status().message(), response, call);
  }
  if (FindGeminiError(*root)) return GeminiErrorStatus(response, call);
  EmbedReply reply;
  const std::string fault = ReadVectors(*root, call, &reply.vectors);
  if (!fault.empty()) return InvalidReply(fault, response, call);
  reply.total_tokens = ReadTotalTokens(*root);
  return reply;
}

}  // namespace embstore
