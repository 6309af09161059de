// SPDX-License-Identifier: Apache-2.0
// What the batch and file calls of the Gemini API have in common: where they go, what their errors
// mean, which names of the server's may become part of a URL, lists in pages.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "embstore/provider.h"
#include "embstore/status.h"
#include "engine/http/transport.h"
#include "engine/json/json_reader.h"

namespace embstore {

/// Where calls go. A value type; what it points to is borrowed.
struct GeminiEndpoint {
  std::string base;  ///< As CheckUrl gives it.
  std::string host;
  const Secret* key = nullptr;
  HttpTransport* transport = nullptr;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{120'000};
};

/// A request with the key; `path` begins with '/' and may have a query.
HttpRequest MakeGeminiRequest(const GeminiEndpoint& endpoint, std::string_view method,
                              const std::string& path);

/// Sends a call that costs nothing and may be repeated. Only answers with status 200 come back;
/// others are a FreeCallStatus.
Result<HttpResponse> SendFreeCall(const GeminiEndpoint& endpoint, HttpRequest request);

/// An error answer to a call that costs nothing: kNotFound when the server does not know what the
/// call is about, else as for paid calls, but never kInDoubt.
Status FreeCallStatus(const HttpResponse& response, const GeminiEndpoint& endpoint);

/// An error answer to the creation of a job. kInDoubt unless the server clearly refused.
Status CreateCallStatus(const HttpResponse& response, const GeminiEndpoint& endpoint,
                        std::string_view model);

/// kInvalidReply with `fault` and the beginning of the body, without the key.
Status BadGeminiAnswer(std::string_view fault, const HttpResponse& response,
                       const GeminiEndpoint& endpoint);

/// Whether `name` is `collection` ("batches/", "files/") and then 1 to 200 of [A-Za-z0-9._-], not
/// beginning with '.'. Nothing else from the server gets into a URL.
bool IsGeminiName(std::string_view name, std::string_view collection);

/// Calls `visit` for each entry of the list called `member` that GET `path` answers in pages, until
/// it answers false or an error, which comes back. kInvalidReply: a page that is none, or pages
/// without end.
Status ForEachListed(const GeminiEndpoint& endpoint, const std::string& path,
                     std::string_view member,
                     const std::function<Result<bool>(const JsonValue&)>& visit);

}  // namespace embstore
