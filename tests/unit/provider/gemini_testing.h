// SPDX-License-Identifier: Apache-2.0
// A Gemini server without a network: answers in the order in which a test gives them.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/transport.h"
#include "engine/provider/gemini_batch.h"
#include "engine/provider/gemini_calls.h"

namespace embstore {

inline const Secret& CanaryKey() {
  static const Secret key("canary-key-0123456789");
  return key;
}

inline HttpResponse Answer(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

inline std::string ErrorBody(int code, const std::string& status, const std::string& message) {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message +
         R"(","status":")" + status + "\"}}";
}

/// A request as it was sent, with its own copy of the body.
struct SentRequest {
  HttpRequest request;
  std::string body;

  std::string Header(std::string_view name) const {
    for (const auto& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return "";
  }
};

/// Gives the next answer to each request. A body of a 2xx answer goes to the request's sink.
class ScriptedTransport : public HttpTransport {
 public:
  Result<HttpResponse> Send(const HttpRequest& request) override {
    REQUIRE(request.secret != nullptr);
    CHECK(request.secret->Reveal() == CanaryKey().Reveal());
    CHECK(request.secret_header == "x-goog-api-key");
    sent.push_back({request, std::string(request.body)});
    sent.back().request.body = {};
    REQUIRE_FALSE(answers.empty());
    Result<HttpResponse> answer = std::move(answers.front());
    answers.pop_front();
    if (!answer.ok() || answer->status >= 300 || !request.sink) return answer;
    const std::string body = std::exchange(answer->body, "");
    for (std::size_t at = 0; at < body.size(); at += 10) {
      if (Status status = request.sink(std::string_view(body).substr(at, 10)); !status.ok()) {
        return status;
      }
    }
    return answer;
  }

  std::deque<Result<HttpResponse>> answers;
  std::vector<SentRequest> sent;
};

/// A batch API of 4 dimensions on a scripted transport.
struct BatchFixture {
  BatchFixture() : batch(Endpoint(), Identity(), "application/jsonl") {}

  GeminiEndpoint Endpoint() {
    GeminiEndpoint endpoint;
    endpoint.base = "https://example.com/api";
    endpoint.host = "example.com";
    endpoint.key = &CanaryKey();
    endpoint.transport = &transport;
    return endpoint;
  }
  static EmbeddingIdentity Identity() {
    EmbeddingIdentity identity;
    identity.model = "gemini-embedding-001";
    identity.dimensions = 4;
    identity.task_type = "CLUSTERING";
    return identity;
  }

  /// The next request is answered so.
  void Expect(int status, std::string body) {
    transport.answers.emplace_back(Answer(status, std::move(body)));
  }
  void Expect(Status status) { transport.answers.emplace_back(std::move(status)); }

  ScriptedTransport transport;
  GeminiBatch batch;
};

}  // namespace embstore
