// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_reply.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace embstore {
namespace {

constexpr std::size_t kExcerptBytes = 200;

/// The member called `key`; nothing when it is missing or there twice.
std::optional<JsonValue> FindOnly(const JsonValue& object, std::string_view key) {
  std::optional<JsonValue> found;
  int count = 0;
  object.ForEachMember([&](std::string_view name, JsonValue value) {
    if (name != key) return true;
    found = value;
    ++count;
    return true;
  });
  return count == 1 ? found : std::nullopt;
}

/// What is wrong with one vector, or "".
std::string VectorFault(std::span<const float> values, std::uint32_t dimensions) {
  if (values.size() != dimensions) {
    return std::to_string(values.size()) + " values instead of " + std::to_string(dimensions);
  }
  bool all_zero = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return "value " + std::to_string(i) + " is no finite float32";
    }
    all_zero = all_zero && values[i] == 0.0F;
  }
  return all_zero ? "only zeros" : "";
}

/// What is wrong with the answer, or "".
std::string ReadVectors(const JsonValue& root, const GeminiCall& call, std::vector<float>* out) {
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
  if (count != call.texts) {
    return std::to_string(count) + " embeddings for " + std::to_string(call.texts) + " texts";
  }
  return fault;
}

std::optional<std::uint64_t> ReadTotalTokens(const JsonValue& root) {
  const auto usage = root.Find("usageMetadata");
  const auto count = usage ? usage->Find("promptTokenCount") : std::nullopt;
  const auto number = count ? count->AsInt() : std::nullopt;
  if (!number || *number <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

Status InvalidReply(std::string_view fault, const HttpResponse& response, const GeminiCall& call) {
  std::string message(call.host);
  message += ": invalid reply: ";
  message += fault;
  message += "; nothing of it is kept, but it may have been billed; it begins \"" +
             SafeExcerpt(response.body, call.key, kExcerptBytes) + "\"";
  return Status(Code::kInvalidReply, std::move(message));
}

}  // namespace

std::uint64_t MaxGeminiReplyBytes(const GeminiCall& call) {
  constexpr std::uint64_t kBytesPerValue = 32;
  constexpr std::uint64_t kRest = 1 << 20;
  return call.texts * call.dimensions * kBytesPerValue + kRest;
}

Result<EmbedReply> ReadGeminiReply(const HttpResponse& response, const GeminiCall& call,
                                   JsonParser* parser) {
  if (response.status != 200) return GeminiErrorStatus(response, call);
  const Result<JsonValue> root = parser->Parse(response.body);
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
