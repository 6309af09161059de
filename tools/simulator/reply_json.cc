// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/reply_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

namespace embstore::simulator {
namespace {

void AppendValues(const std::vector<float>& values, std::size_t indent, std::string* out) {
  const std::size_t start = out->size();
  out->resize(start + values.size() * (indent + kMaxFloatBytes + 2));
  char* p = out->data() + start;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::memset(p, ' ', indent);
    p = FormatFloat(values[i], p + indent);
    if (i + 1 < values.size()) *p++ = ',';
    *p++ = '\n';
  }
  out->resize(static_cast<std::size_t>(p - out->data()));
}

// {"values": [...]} with its opening brace already placed by the caller's indentation.
void AppendEmbedding(const std::vector<float>& values, std::size_t indent, std::string* out) {
  const std::string margin(indent, ' ');
  *out += "{\n" + margin + "  \"values\": [\n";
  AppendValues(values, indent + 4, out);
  *out += margin + "  ]\n" + margin + "}";
}

std::string TokenDetails(std::string_view name, std::size_t tokens, std::size_t indent) {
  const std::string margin(indent, ' ');
  return margin + "\"" + std::string(name) + "\": [\n" + margin + "  {\n" + margin +
         "    \"modality\": \"TEXT\",\n" + margin +
         "    \"tokenCount\": " + std::to_string(tokens) + "\n" + margin + "  }\n" + margin + "]\n";
}

std::string Usage(std::size_t tokens) {
  return "  \"usageMetadata\": {\n    \"promptTokenCount\": " + std::to_string(tokens) + ",\n" +
         TokenDetails("promptTokenDetails", tokens, 4) + "  }";
}

// Joins the members that are there; an object without any is "{}".
std::string Document(std::string embeddings, std::optional<std::size_t> tokens) {
  if (embeddings.empty() && !tokens) return "{}\n";
  std::string body = "{\n" + std::move(embeddings);
  if (tokens) {
    if (body.size() > 2) body += ",\n";
    body += Usage(*tokens);
  }
  return body + "\n}\n";
}

}  // namespace

char* FormatFloat(float value, char* out) {
  if (std::isnan(value)) {
    std::memcpy(out, "NaN", 3);
    return out + 3;
  }
  return std::to_chars(out, out + kMaxFloatBytes, value, std::chars_format::general).ptr;
}

HttpReply JsonReply(const nlohmann::ordered_json& document) {
  HttpReply reply;
  reply.body = document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return reply;
}

std::string CompactEmbedding(std::span<const float> values) {
  std::string out = "{\"values\":[";
  std::array<char, kMaxFloatBytes> number{};
  for (const float value : values) {
    if (out.back() != '[') out += ',';
    out.append(number.data(), FormatFloat(value, number.data()));
  }
  return out + "]}";
}

std::string WideEmbedding(const std::vector<float>& values, std::size_t indent) {
  std::string out;
  AppendEmbedding(values, indent, &out);
  return out;
}

std::string EmbedContentJson(std::span<const std::vector<float>> vectors,
                             std::optional<std::size_t> tokens) {
  std::string members;
  if (!vectors.empty()) {
    members = "  \"embedding\": ";
    AppendEmbedding(vectors.front(), 2, &members);
  }
  return Document(std::move(members), tokens);
}

std::string BatchEmbedContentsJson(std::span<const std::vector<float>> vectors,
                                   std::optional<std::size_t> tokens) {
  std::string members;
  if (!vectors.empty()) {
    constexpr std::size_t kTypicalValueBytes = 23;
    members.reserve(vectors.size() * (vectors.front().size() * kTypicalValueBytes + 64));
    members += "  \"embeddings\": [\n";
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      members += "    ";
      AppendEmbedding(vectors[i], 4, &members);
      members += i + 1 < vectors.size() ? ",\n" : "\n";
    }
    members += "  ]";
  }
  return Document(std::move(members), tokens);
}

std::string CountTokensJson(std::size_t tokens) {
  return "{\n  \"totalTokens\": " + std::to_string(tokens) + ",\n" +
         TokenDetails("promptTokensDetails", tokens, 2) + "}\n";
}

}  // namespace embstore::simulator
