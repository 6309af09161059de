// SPDX-License-Identifier: Apache-2.0
// What an error answer of the Gemini API means.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/provider.h"
#include "engine/http/transport.h"
#include "engine/json/json_reader.h"

namespace embstore {

/// What was asked, for checks and messages. A view; valid as long as what it points to.
struct GeminiCall {
  std::string_view host;
  std::string_view model;
  const Secret* key = nullptr;
  std::size_t texts = 0;
  std::uint32_t dimensions = 0;
};

/// One exceeded quota, as the server names it.
struct GeminiQuota {
  std::string metric;
  std::string id;
  std::uint64_t value = 0;  ///< 0: not said.
};

/// An error answer taken apart; what is missing is empty.
struct GeminiError {
  int http_status = 0;
  std::string status;   ///< For example RESOURCE_EXHAUSTED.
  std::string message;  ///< Of the server, or the body when it is no error object.
  std::string reason;   ///< For example API_KEY_INVALID.
  std::vector<GeminiQuota> quotas;
  std::chrono::milliseconds retry_delay{0};
};

/// The "error" member of an answer, which may also be wrapped in a list; nothing when it has none.
std::optional<JsonValue> FindGeminiError(JsonValue root);

/// Takes `response` apart, whatever its body is.
GeminiError ParseGeminiError(const HttpResponse& response);

/// The Status for an answer that is no success. Its message has the HTTP status, the server's own
/// words, what to do about it, and never the key.
Status GeminiErrorStatus(const HttpResponse& response, const GeminiCall& call);

/// "48s", "29.05s", "1h2m3s" or "500ms", at most a day. Nothing when it is anything else.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

/// `text` for a message: without the key, printable, at most `limit` bytes.
std::string SafeExcerpt(std::string_view text, const Secret* key, std::size_t limit);

}  // namespace embstore
