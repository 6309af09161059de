// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_reply.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/seeded_bug.h"
#include "engine/provider/openai_error.h"

namespace embstore {
namespace {

/// The text that `item` belongs to; nothing when its index is no whole number, or there twice.
std::optional<std::uint64_t> ReadIndex(const JsonValue& item) {
  if (!item.Find("index")) return 0;  // Some servers leave out zeros.
  const auto value = FindOnly(item, "index");
  const auto index = value ? value->AsInt() : std::nullopt;
  if (!index || *index < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*index);
}

/// What is wrong with the vector in `item`, or "".
std::string ReadVector(const JsonValue& item, std::uint32_t dimensions, std::vector<float>* out) {
  out->clear();
  const auto embedding = FindOnly(item, "embedding");
  if (!embedding) return "no \"embedding\"";
  if (const auto base64 = embedding->AsString()) {
    if (!AppendBase64Floats(*base64, out)) return "its base64 is broken or no list of float32";
  } else if (!embedding->AppendFloats(out)) {
    return "neither base64 nor a list of numbers";
  }
  const std::string fault = VectorFault(*out, dimensions);
  if (fault.empty() || out->size() == dimensions) return fault;
  const std::string size = std::to_string(out->size());
  return fault + ": set dimensions to " + size +
         " and send_dimensions to false if the model has this one size, or send_dimensions to true "
         "if the server can shorten its vectors";
}

/// Puts the vectors of an answer in order. Not thread-safe; one thread at a time.
class VectorCollector {
 public:
  explicit VectorCollector(const EmbeddingCall& call)
      : call_(call), seen_(call.texts), vectors_(call.texts * call.dimensions) {}

  /// What is wrong with `item`, or "".
  std::string Add(const JsonValue& item) {
    const auto index =
        EMBSTORE_SEEDED_BUG("index-ignored")
            ? static_cast<std::uint64_t>(std::count(seen_.begin(), seen_.end(), true))
            : ReadIndex(item);
    if (!index) return "an \"index\" that is no whole number from 0 on";
    const std::string row = std::to_string(*index);
    if (*index >= call_.texts) {
      return "index " + row + " for " + std::to_string(call_.texts) + " texts";
    }
    if (seen_[*index]) {
      return "index " + row + " twice (none counts as 0), so the order is unknown";
    }
    seen_[*index] = true;
    std::string fault = ReadVector(item, call_.dimensions, &vector_);
    if (!fault.empty()) return "embedding " + row + ": " + fault;
    const auto place = static_cast<std::ptrdiff_t>(*index * call_.dimensions);
    std::copy(vector_.begin(), vector_.end(), vectors_.begin() + place);
    return "";
  }

  std::vector<float> Take() { return std::move(vectors_); }

 private:
  const EmbeddingCall call_;
  std::vector<bool> seen_;
  std::vector<float> vectors_;
  std::vector<float> vector_;
};

/// Zero is what servers write that do not count.
std::optional<std::uint64_t> ReadTotalTokens(const JsonValue& root) {
  const auto usage = root.Find("usage");
  for (const std::string_view key : {"total_tokens", "prompt_tokens"}) {
    const auto count = usage ? usage->Find(key) : std::nullopt;
    const auto number = count ? count->AsInt() : std::nullopt;
    if (number && *number > 0) return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

}  // namespace

std::string ReadOpenAiVectors(const JsonValue& root, const EmbeddingCall& call,
                              std::vector<float>* out) {
  const auto data = FindOnly(root, "data");
  if (!data || data->type() != JsonType::kArray) return "no list \"data\"";
  std::size_t count = 0;
  data->ForEachElement([&count](JsonValue) { return ++count > 0; });
  if (count != call.texts) {
    return std::to_string(count) + " embeddings for " + std::to_string(call.texts) + " texts";
  }
  VectorCollector collector(call);
  std::string fault;
  data->ForEachElement([&](JsonValue item) {
    fault = collector.Add(item);
    return fault.empty();
  });
  *out = collector.Take();
  return fault;
}

Result<OpenAiReply> ReadOpenAiReply(const HttpResponse& response, const EmbeddingCall& call,
                                    JsonParser* parser) {
  if (response.status != 200) {
    return OpenAiErrorStatus(ParseOpenAiError(response), response, call);
  }
  const Result<JsonValue> root = parser->ParseInPlace(response.body);
  if (!root.ok()) {
    return InvalidReply(response.body.empty() ? "empty" : root.status().message(), response, call);
  }
  if (FindOpenAiError(*root)) {
    return OpenAiErrorStatus(ParseOpenAiError(response), response, call);
  }
  OpenAiReply reply;
  const std::string fault = ReadOpenAiVectors(*root, call, &reply.embeddings.vectors);
  if (!fault.empty()) return InvalidReply(fault, response, call);
  reply.embeddings.total_tokens = ReadTotalTokens(*root);
  const auto model = root->Find("model");
  reply.model = model ? model->AsString().value_or("") : "";
  return reply;
}

}  // namespace embstore
