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
#include "engine/provider/embedding_values.h"

namespace embstore {

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

/// What an error means, and what is done about it.
struct GeminiVerdict {
  Code code = Code::kUnavailable;
  std::string_view advice;  ///< Static storage.
};

/// The "error" member of an answer, which may also be wrapped in a list; nothing when it has none.
std::optional<JsonValue> FindGeminiError(JsonValue root);

/// Takes `response` apart, whatever its body is.
GeminiError ParseGeminiError(const HttpResponse& response);

/// The verdict for paid calls: what is not known to be unbilled is kInDoubt.
GeminiVerdict JudgeGeminiError(const GeminiError& error);

/// The Status for `response`, taken apart as `error`. Its message has the HTTP status, the server's
/// own words, the advice, and never the key. Of `call` an empty model is left out.
Status GeminiStatus(const GeminiVerdict& verdict, const GeminiError& error,
                    const HttpResponse& response, const EmbeddingCall& call);

/// The Status for an answer to a paid call that is no success.
Status GeminiErrorStatus(const HttpResponse& response, const EmbeddingCall& call);

}  // namespace embstore
