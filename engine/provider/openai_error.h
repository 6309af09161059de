// SPDX-License-Identifier: Apache-2.0
// What an error answer of an OpenAI-compatible server means.
#pragma once

#include <optional>
#include <string>

#include "embstore/status.h"
#include "engine/http/transport.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {

/// An error answer taken apart; what is missing is empty.
struct OpenAiError {
  int http_status = 0;      ///< Of the answer, or of the error inside an answer of success.
  bool structured = false;  ///< The body is an error object, not a page of a gateway.
  std::string message;      ///< Of the server, or the body when it is no error object.
  std::string type;         ///< For example "invalid_request_error".
  std::string code;         ///< For example "model_not_found".
  std::string param;        ///< The field of the request that it is about.
};

/// The error in a body: {"error":{..}}, {"error":"..","error_type":".."}, {"detail":..} or a bare
/// {"message":..}, also inside a list. Nothing when it has none, or has "data" and no "error".
std::optional<OpenAiError> FindOpenAiError(JsonValue root);

/// Takes `response` apart, whatever its body is.
OpenAiError ParseOpenAiError(const HttpResponse& response);

/// Whether a server refuses the request for its field "encoding_format".
bool RefusesEncoding(const OpenAiError& error);

/// The Status for an answer that is no success. Its message has the HTTP status, the server's own
/// words, what to do about it, and never the key.
///
/// A refusal that is about the model, its dimensions or the encoding is kInvalidArgument: halving
/// the call would not help; every other 400, 413 or 422 is kRejected. 500, 503 and 529 are
/// kUnavailable; what a gateway says about the server behind it (408, 502, 504 and the like) is
/// kInDoubt. Where the server asks not to be asked again, what would be retried is
/// kQuotaExhausted: the run ends and goes on later.
Status OpenAiErrorStatus(const OpenAiError& error, const HttpResponse& response,
                         const EmbeddingCall& call);

}  // namespace embstore
