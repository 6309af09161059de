// SPDX-License-Identifier: Apache-2.0
// Replies as an OpenAI-compatible server writes them.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/transport.h"
#include "engine/json/json_writer.h"
#include "engine/provider/embedding_values.h"

namespace embstore {

inline const Secret& Canary() {
  static const Secret key("canary-key-0123456789");
  return key;
}

inline EmbeddingCall CallFor(std::size_t texts, std::uint32_t dimensions) {
  EmbeddingCall call;
  call.host = "example.com";
  call.model = "text-embedding-3-small";
  call.key = &Canary();
  call.texts = texts;
  call.dimensions = dimensions;
  return call;
}

inline HttpResponse Answer(int status, std::string body,
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return response;
}

/// Bit by bit, so that nothing is shared with the decoder.
inline std::string Base64(std::span<const float> values) {
  std::string bits;
  for (const float value : values) {
    const auto word = std::bit_cast<std::uint32_t>(value);
    for (unsigned byte = 0; byte < 4; ++byte) {
      for (int bit = 7; bit >= 0; --bit) {
        bits += (word >> (8 * byte + static_cast<unsigned>(bit)) & 1) != 0 ? '1' : '0';
      }
    }
  }
  std::string out;
  for (std::size_t at = 0; at < bits.size(); at += 6) {
    std::string digit = bits.substr(at, 6);
    digit.resize(6, '0');
    out += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[std::stoul(
        digit, nullptr, 2)];
  }
  while (out.size() % 4 != 0) out += '=';
  return out;
}

inline std::string Item(const std::string& index, const std::string& embedding) {
  return R"({"object":"embedding")" + (index.empty() ? "" : ",\"index\":" + index) +
         ",\"embedding\":" + embedding + "}";
}

inline std::string Base64Item(std::size_t index, std::span<const float> values) {
  return Item(std::to_string(index), "\"" + Base64(values) + "\"");
}

inline std::string FloatItem(std::size_t index, std::span<const float> values) {
  std::string numbers;
  JsonWriter(&numbers).Floats(values);
  return Item(std::to_string(index), numbers);
}

inline std::string ReplyBody(const std::vector<std::string>& items,
                             std::string_view model = "text-embedding-3-small",
                             std::string_view usage = R"({"prompt_tokens":8,"total_tokens":8})") {
  std::string body = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < items.size(); ++i) body += (i == 0 ? "" : ",") + items[i];
  body.append("],\"model\":\"").append(model).append("\"");
  if (!usage.empty()) body.append(",\"usage\":").append(usage);
  return body + "}";
}

}  // namespace embstore
