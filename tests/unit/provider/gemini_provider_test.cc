// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_provider.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "tests/unit/http/scripted_server.h"

namespace embstore {
namespace {

struct Sent {
  HttpRequest request;  // Without what it borrows.
  std::string body;
  std::string key;
};

/// Keeps what was sent and answers with `answer`.
class FakeTransport : public HttpTransport {
 public:
  FakeTransport(std::vector<Sent>* sent, Result<HttpResponse> answer)
      : sent_(sent), answer_(std::move(answer)) {}

  Result<HttpResponse> Send(const HttpRequest& request) override {
    sent_->push_back({request, std::string(request.body), request.secret->Reveal()});
    return answer_;
  }

 private:
  std::vector<Sent>* const sent_;
  const Result<HttpResponse> answer_;
};

HttpResponse Reply(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

GeminiOptions Options(std::uint32_t dimensions = 128) {
  GeminiOptions options;
  options.api_key = Secret("canary-key");
  options.dimensions = dimensions;
  return options;
}

std::unique_ptr<Provider> Make(const GeminiOptions& options, std::vector<Sent>* sent,
                               Result<HttpResponse> answer) {
  auto provider =
      MakeGeminiProvider(options, std::make_unique<FakeTransport>(sent, std::move(answer)));
  REQUIRE(provider.ok());
  return *std::move(provider);
}

std::unique_ptr<Provider> Make(const GeminiOptions& options) {
  static std::vector<Sent> nowhere;
  return Make(options, &nowhere, Reply(200, ""));
}

Status Refusal(const GeminiOptions& options) { return MakeGeminiProvider(options).status(); }

std::string Vectors(std::size_t texts, std::uint32_t dimensions) {
  std::string body = "{\"embeddings\":[";
  for (std::size_t i = 0; i < texts; ++i) {
    body += i == 0 ? "{\"values\":[" : ",{\"values\":[";
    for (std::uint32_t d = 0; d < dimensions; ++d) body += d == 0 ? "0.5" : ",0.25";
    body += "]}";
  }
  return body + "]}";
}

}  // namespace

TEST_CASE("gemini: one call is one POST with the key in a header") {
  std::vector<Sent> sent;
  GeminiOptions options = Options();
  const auto provider = Make(options, &sent, Reply(200, Vectors(2, 128)));
  const std::string_view texts[] = {"one", "two"};
  const auto reply = provider->Embed(texts);
  REQUIRE(reply.ok());
  CHECK(reply->vectors.size() == 256);
  REQUIRE(sent.size() == 1);
  const HttpRequest& request = sent[0].request;
  CHECK(request.method == "POST");
  CHECK(request.url ==
        "https://generativelanguage.googleapis.com/v1beta/models/"
        "gemini-embedding-001:batchEmbedContents");
  CHECK(request.secret_header == "x-goog-api-key");
  CHECK(sent[0].key == "canary-key");
  CHECK(request.max_response_bytes == 2 * 128 * 32 + (1 << 20));
  CHECK(request.connect_timeout == options.connect_timeout);
  CHECK(request.total_timeout == options.request_timeout);
  CHECK(sent[0].body.find("{\"text\":\"one\"}") != std::string::npos);
  CHECK(sent[0].body.find("canary") == std::string::npos);
}

TEST_CASE("gemini: errors of the transport and of the server reach the caller, one attempt each") {
  std::vector<Sent> sent;
  const std::string_view texts[] = {"one"};
  const auto down = Make(Options(), &sent, Status(Code::kUnavailable, "down"));
  CHECK(down->Embed(texts).code() == Code::kUnavailable);
  CHECK(sent.size() == 1);
  const auto busy = Make(Options(), &sent, Reply(503, "canary-key"));
  const auto reply = busy->Embed(texts);
  CHECK(reply.code() == Code::kUnavailable);
  CHECK(reply.status().message().find("canary") == std::string::npos);
  CHECK(sent.size() == 2);
  const auto few = Make(Options(), &sent, Reply(200, Vectors(2, 128)));
  CHECK(few->Embed(texts).code() == Code::kInvalidReply);
}

TEST_CASE("gemini: texts that the server would refuse are not sent") {
  std::vector<Sent> sent;
  const auto provider = Make(Options(), &sent, Reply(200, Vectors(1, 128)));
  const std::string_view empty[] = {"a", ""};
  CHECK(provider->Embed(empty).code() == Code::kRejected);
  const std::string_view invalid[] = {"a\xFF"};
  CHECK(provider->Embed(invalid).code() == Code::kRejected);
  const std::vector<std::string_view> many(101, "a");
  CHECK(provider->Embed(many).code() == Code::kInternal);
  CHECK(provider->Embed({}).code() == Code::kInternal);
  CHECK(sent.empty());
}

TEST_CASE("gemini: the identity is what decides the vector") {
  GeminiOptions options = Options(768);
  options.model = "models/gemini-embedding-001";
  const auto first = Make(options);
  CHECK(first->name() == "gemini");
  CHECK(first->identity() == EmbeddingIdentity{"gemini-embedding-001", 768, "CLUSTERING", 1});
  options.model = "gemini-embedding-2";
  std::vector<Sent> sent;
  const auto second = Make(options, &sent, Reply(500, ""));
  CHECK(second->identity() == EmbeddingIdentity{"gemini-embedding-2", 768, "", 1});
  const std::string_view texts[] = {"one"};
  CHECK_FALSE(second->Embed(texts).ok());
  CHECK(sent[0].body.find("taskType") == std::string::npos);
}

TEST_CASE("gemini: limits are the server's, and quotas those of Tier 1 only at Google") {
  GeminiOptions options = Options();
  const ProviderLimits google = Make(options)->limits();
  CHECK(google.max_texts == 100);
  CHECK(google.max_request_bytes <= 3'500'000);
  CHECK(google.max_request_bytes > 3'499'900);
  CHECK(google.max_text_tokens == 2048);
  CHECK(google.texts_per_minute == 3000);
  CHECK(google.tokens_per_minute == 1'000'000);
  CHECK(google.concurrency == 4);
  options.base_url = "http://127.0.0.1:8080/";
  CHECK(Make(options)->limits().texts_per_minute == 0);
  CHECK(Make(options)->limits().tokens_per_minute == 0);
  options.base_url = "https://generativelanguage.googleapis.com.evil.example";
  CHECK(Make(options)->limits().texts_per_minute == 0);
  options.texts_per_minute = 100;
  options.tokens_per_minute = 30'000;
  options.model = "gemini-embedding-2";
  CHECK(Make(options)->limits().texts_per_minute == 100);
  CHECK(Make(options)->limits().tokens_per_minute == 30'000);
  CHECK(Make(options)->limits().max_text_tokens == 8192);
  options.max_text_tokens = 500;
  CHECK(Make(options)->limits().max_text_tokens == 500);
  options = Options();
  options.texts_per_minute = 0;
  CHECK(Make(options)->limits().texts_per_minute == 0);
}

TEST_CASE("gemini: a body of texts within the limits stays within the configured bytes") {
  GeminiOptions options = Options();
  options.max_request_bytes = 5000;
  std::vector<Sent> sent;
  const auto provider = Make(options, &sent, Reply(500, ""));
  const std::string quotes(20, '"');
  std::vector<std::string_view> texts;
  std::uint64_t sum = 0;
  while (sum + provider->EncodedBytes(quotes) <= provider->limits().max_request_bytes) {
    sum += provider->EncodedBytes(quotes);
    texts.emplace_back(quotes);
  }
  // In place of the last text one that fills the limit to the byte.
  const std::string rest(40 + provider->limits().max_request_bytes - sum, 'x');
  texts.back() = rest;
  CHECK_FALSE(provider->Embed(texts).ok());
  CHECK(sent[0].body.size() <= 5000);
  CHECK(sent[0].body.size() > 4990);
}

TEST_CASE("gemini: models are checked by name and by the dimensions they have") {
  GeminiOptions options = Options();
  for (const char* model : {"", "a b", "a/b", "../x", "a:b", "models/", "m\xC3\xA4"}) {
    options.model = model;
    CHECK(Refusal(options).code() == Code::kInvalidArgument);
  }
  options.model = std::string(101, 'a');
  CHECK(Refusal(options).code() == Code::kInvalidArgument);
  for (const char* model : {"gemini-embedding-001", "gemini-embedding-2"}) {
    options.model = model;
    for (const std::uint32_t dimensions : {0U, 127U, 3073U}) {
      options.dimensions = dimensions;
      CHECK(Refusal(options).code() == Code::kInvalidArgument);
    }
    for (const std::uint32_t dimensions : {128U, 768U, 3072U}) {
      options.dimensions = dimensions;
      CHECK(Make(options)->identity().dimensions == dimensions);
    }
  }
  options.model = "my-own_Model.2";
  options.dimensions = 8;
  CHECK(Make(options)->identity().task_type.empty());
  options.dimensions = 0;
  CHECK(Refusal(options).code() == Code::kInvalidArgument);
}

TEST_CASE("gemini: task types are checked and the nearest one is named") {
  GeminiOptions options = Options();
  options.task_type = "CLUSTERNG";
  const Status status = Refusal(options);
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(status.message().find("did you mean CLUSTERING?") != std::string::npos);
  options.task_type = "nonsense";
  CHECK(Refusal(options).message().find("RETRIEVAL_QUERY") != std::string::npos);
  options.task_type = "";
  CHECK(Make(options)->identity().task_type.empty());
}

TEST_CASE("gemini: addresses, keys and numbers that cannot work are refused at once") {
  GeminiOptions options = Options();
  options.base_url = "http://example.com";
  CHECK(Refusal(options).code() == Code::kInvalidArgument);
  CHECK(Refusal(options).message().find("base_url: ") == 0);
  options = Options();
  options.api_key = Secret();
  CHECK(Refusal(options).code() == Code::kPermissionDenied);
  for (const char* key : {"canary\n", "can ary", "canary\xC3\xA4"}) {
    options.api_key = Secret(key);
    const Status status = Refusal(options);
    CHECK(status.code() == Code::kPermissionDenied);
    CHECK(status.message().find("can") == std::string::npos);
  }
  const std::function<void(GeminiOptions*)> faults[] = {
      [](GeminiOptions* o) { o->max_texts = 0; },
      [](GeminiOptions* o) { o->max_texts = 101; },
      [](GeminiOptions* o) { o->max_request_bytes = 100; },
      [](GeminiOptions* o) { o->concurrency = 0; },
      [](GeminiOptions* o) { o->concurrency = 1000; },
      [](GeminiOptions* o) { o->connect_timeout = std::chrono::milliseconds(0); },
      [](GeminiOptions* o) { o->request_timeout = std::chrono::milliseconds(-1); }};
  for (const auto& fault : faults) {
    options = Options();
    fault(&options);
    CHECK(Refusal(options).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("gemini: a call over a real connection brings vectors back") {
  std::string head;
  ScriptedServer server([&](ScriptedConnection& connection) {
    head = connection.ReadHead();
    connection.ReadBody(head);
    connection.Write(ChunkedReply(Gzip(Vectors(3, 128)), "Content-Encoding: gzip\r\n"));
  });
  GeminiOptions options = Options();
  options.base_url = server.url();
  const auto provider = MakeGeminiProvider(options);
  REQUIRE(provider.ok());
  const std::string_view texts[] = {"one", "two", "three"};
  const auto reply = provider.value()->Embed(texts);
  REQUIRE(reply.ok());
  CHECK(reply->vectors.size() == 3 * 128);
  server.Stop();
  CHECK(head.find("POST /v1beta/models/gemini-embedding-001:batchEmbedContents HTTP/1.1\r\n") == 0);
  CHECK(head.find("\r\nx-goog-api-key: canary-key\r\n") != std::string::npos);
}

}  // namespace embstore
