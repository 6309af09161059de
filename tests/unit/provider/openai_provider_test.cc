// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_provider.h"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "tests/unit/http/scripted_server.h"
#include "tests/unit/provider/openai_testing.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

struct Sent {
  HttpRequest request;  // Without what it borrows.
  std::string body;
  std::string secret;
};

/// Keeps what was sent and gives the answers in turn, the last one for ever.
class FakeTransport : public HttpTransport {
 public:
  FakeTransport(std::vector<Sent>* sent, std::deque<Result<HttpResponse>> answers)
      : sent_(sent), answers_(std::move(answers)) {}

  Result<HttpResponse> Send(const HttpRequest& request) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    const std::string secret = request.secret == nullptr ? "" : request.secret->Reveal();
    sent_->push_back({request, std::string(request.body), secret});
    Result<HttpResponse> answer = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();
    return answer;
  }

 private:
  std::mutex mutex_;
  std::vector<Sent>* const sent_;  // Guarded by mutex_, as is the next.
  std::deque<Result<HttpResponse>> answers_;
};

OpenAiOptions Options() {
  OpenAiOptions options;
  options.api_key = Canary();
  options.dimensions = 2;
  return options;
}

std::unique_ptr<Provider> Make(const OpenAiOptions& options, std::vector<Sent>* sent,
                               std::deque<Result<HttpResponse>> answers) {
  auto provider =
      MakeOpenAiProvider(options, std::make_unique<FakeTransport>(sent, std::move(answers)));
  REQUIRE(provider.ok());
  return *std::move(provider);
}

std::unique_ptr<Provider> Make(const OpenAiOptions& options) {
  static std::vector<Sent> nowhere;
  return Make(options, &nowhere, {Answer(500, "")});
}

Status Refusal(const OpenAiOptions& options) { return MakeOpenAiProvider(options).status(); }

HttpResponse Good(std::size_t texts, std::string_view model = "m") {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < texts; ++i) {
    items.push_back(Base64Item(i, std::vector<float>{static_cast<float>(i) + 1, 0.5F}));
  }
  return Answer(200, ReplyBody(items, model));
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

const std::string_view kOne[] = {"one"};
const std::string_view kTwo[] = {"one", "two"};

}  // namespace

TEST_CASE("openai: one call is one POST with the key in a header") {
  std::vector<Sent> sent;
  const OpenAiOptions options = Options();
  const auto provider = Make(options, &sent, {Good(2)});
  const auto reply = provider->Embed(kTwo);
  REQUIRE(reply.ok());
  CHECK(reply->vectors == std::vector<float>{1.0F, 0.5F, 2.0F, 0.5F});
  CHECK(reply->total_tokens == 8);
  REQUIRE(sent.size() == 1);
  const HttpRequest& request = sent[0].request;
  CHECK(request.method == "POST");
  CHECK(request.url == "https://api.openai.com/v1/embeddings");
  CHECK(request.secret_header == "Authorization");
  CHECK(sent[0].secret == "Bearer " + Canary().Reveal());
  CHECK_FALSE(request.allow_plain_http);
  CHECK(request.max_response_bytes == 2 * 2 * 32 + (1 << 20));
  CHECK(request.connect_timeout == options.connect_timeout);
  CHECK(request.total_timeout == options.request_timeout);
  CHECK(request.wanted_headers.size() == 8);
  CHECK(sent[0].body ==
        R"({"model":"text-embedding-3-small","input":["one","two"],"encoding_format":"base64",)"
        R"("dimensions":2})");
  for (const auto& [name, value] : request.headers) CHECK_FALSE(Has(name + value, "canary"));
}

TEST_CASE("openai: dimensions are sent only when the options say so") {
  std::vector<Sent> sent;
  OpenAiOptions options = Options();
  options.send_dimensions = false;
  REQUIRE(Make(options, &sent, {Good(1)})->Embed(kOne).ok());
  CHECK_FALSE(Has(sent[0].body, "dimensions"));
}

TEST_CASE("openai: base addresses are taken as they are, with or without a slash and /v1") {
  const std::pair<std::string, std::string> rows[] = {
      {"https://api.openai.com/v1/", "https://api.openai.com/v1/embeddings"},
      {"https://example.com", "https://example.com/embeddings"},
      {"http://localhost:11434/v1", "http://localhost:11434/v1/embeddings"},
      {"http://[::1]:8080/v1//", "http://[::1]:8080/v1/embeddings"},
      {"https://example.com/v1beta/openai/", "https://example.com/v1beta/openai/embeddings"}};
  for (const auto& [base, url] : rows) {
    std::vector<Sent> sent;
    OpenAiOptions options = Options();
    options.base_url = base;
    REQUIRE(Make(options, &sent, {Good(1)})->Embed(kOne).ok());
    CHECK(sent[0].request.url == url);
  }
}

TEST_CASE("openai: servers on this machine need no key, all others do") {
  for (const std::string base : {"http://127.0.0.1:8080/v1", "http://localhost/v1",
                                 "https://[::1]/v1", "https://localhost/v1"}) {
    CAPTURE(base);
    std::vector<Sent> sent;
    OpenAiOptions options = Options();
    options.base_url = base;
    options.api_key = Secret();
    REQUIRE(Make(options, &sent, {Good(1)})->Embed(kOne).ok());
    CHECK(sent[0].request.secret_header.empty());
    CHECK(sent[0].request.secret == nullptr);
  }
  for (const std::string base :
       {"https://api.openai.com/v1", "https://localhost.example/v1", "https://10.0.0.1/v1"}) {
    CAPTURE(base);
    OpenAiOptions options = Options();
    options.base_url = base;
    options.api_key = Secret();
    CHECK(Refusal(options).code() == Code::kPermissionDenied);
  }
}

TEST_CASE("openai: plain http leaves this machine only when that is asked for") {
  OpenAiOptions options = Options();
  options.base_url = "http://10.0.0.1:8000/v1";
  CHECK(Refusal(options).code() == Code::kInvalidArgument);
  CHECK(Refusal(options).message().find("base_url: ") == 0);
  options.allow_plain_http = true;
  std::vector<Sent> sent;
  REQUIRE(Make(options, &sent, {Good(1)})->Embed(kOne).ok());
  CHECK(sent[0].request.url == "http://10.0.0.1:8000/v1/embeddings");
  CHECK(sent[0].request.allow_plain_http);
  options.api_key = Secret();
  CHECK(Refusal(options).code() == Code::kPermissionDenied);
  for (const std::string base :
       {"http://169.254.169.254/v1", "ftp://example.com", "http://u@example.com",
        "http://example.com/v1?x=1", "", "example.com/v1"}) {
    CAPTURE(base);
    options = Options();
    options.allow_plain_http = true;
    options.base_url = base;
    CHECK(Refusal(options).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("openai: errors of the transport and of the server reach the caller, one attempt each") {
  std::vector<Sent> sent;
  const auto lost = Make(Options(), &sent, {Status(Code::kInDoubt, "lost")});
  CHECK(lost->Embed(kOne).code() == Code::kInDoubt);
  CHECK(sent.size() == 1);
  const auto busy = Make(Options(), &sent, {Answer(503, Canary().Reveal())});
  const auto reply = busy->Embed(kOne);
  CHECK(reply.code() == Code::kUnavailable);
  CHECK_FALSE(Has(reply.status().message(), "canary"));
  CHECK(sent.size() == 2);
  CHECK(Make(Options(), &sent, {Good(2)})->Embed(kOne).code() == Code::kInvalidReply);
  CHECK(Make(Options(), &sent, {Answer(400, "")})->Embed(kTwo).code() == Code::kRejected);
  CHECK(sent.size() == 4);
}

TEST_CASE("openai: texts that the server would refuse are not sent") {
  std::vector<Sent> sent;
  const auto provider = Make(Options(), &sent, {Good(1)});
  const std::string_view empty[] = {"a", ""};
  CHECK(provider->Embed(empty).code() == Code::kRejected);
  const std::string_view invalid[] = {"a\xFF"};
  CHECK(provider->Embed(invalid).code() == Code::kRejected);
  const std::vector<std::string_view> many(101, "a");
  CHECK(provider->Embed(many).code() == Code::kInternal);
  CHECK(provider->Embed({}).code() == Code::kInternal);
  CHECK(sent.empty());
}

TEST_CASE("openai: a refused encoding is asked for once and never again") {
  const Result<HttpResponse> refusal =
      Answer(400, R"({"error":{"message":"Unrecognized field: encoding_format"}})");
  const Result<HttpResponse> floats =
      Answer(200, ReplyBody({FloatItem(0, std::vector<float>{1, 2})}, "m"));
  std::vector<Sent> sent;
  const auto provider = Make(Options(), &sent, {refusal, floats});
  for (int call = 0; call < 3; ++call) {
    const auto reply = provider->Embed(kOne);
    REQUIRE(reply.ok());
    CHECK(reply->vectors == std::vector<float>{1, 2});
  }
  REQUIRE(sent.size() == 4);
  CHECK(Has(sent[0].body, "encoding_format"));
  for (std::size_t i = 1; i < sent.size(); ++i) CHECK_FALSE(Has(sent[i].body, "encoding_format"));
  sent.clear();
  CHECK(Make(Options(), &sent, {refusal})->Embed(kTwo).code() == Code::kInvalidArgument);
  CHECK(sent.size() == 2);
}

TEST_CASE("openai: what the server says about its pace comes with the vectors") {
  HttpResponse good = Good(1);
  good.headers = {
      {"x-ratelimit-limit-requests", "3000"},     {"x-ratelimit-remaining-requests", "0"},
      {"x-ratelimit-reset-requests", "1m0s"},     {"x-ratelimit-limit-tokens", "1000000"},
      {"x-ratelimit-remaining-tokens", "999500"}, {"x-ratelimit-reset-tokens", "30ms"}};
  std::vector<Sent> sent;
  OpenAiOptions options = Options();
  auto reply = Make(options, &sent, {good})->Embed(kOne);
  REQUIRE(reply.ok());
  CHECK(reply->pace.requests_per_minute == 3000);
  CHECK(reply->pace.tokens_per_minute == 1'000'000);
  CHECK(reply->pace.retry_after == milliseconds(60'000));
  // What was configured is not learned; 0 means that there is no quota.
  options.requests_per_minute = 0;
  options.tokens_per_minute = 5;
  const auto provider = Make(options, &sent, {good});
  reply = provider->Embed(kOne);
  REQUIRE(reply.ok());
  CHECK(reply->pace.requests_per_minute == 0);
  CHECK(reply->pace.tokens_per_minute == 0);
  CHECK(reply->pace.retry_after == milliseconds(60'000));
  CHECK(provider->limits().requests_per_minute == 0);
  CHECK(provider->limits().tokens_per_minute == 5);
}

TEST_CASE("openai: a model may have another name than asked for; nothing is sent after a change") {
  std::vector<Sent> sent;
  const Result<HttpResponse> nameless = Answer(200, R"({"data":[{"embedding":[1,2]}]})");
  const auto provider =
      Make(Options(), &sent,
           {nameless, Good(1, "m-2024"), nameless, Good(1, "m-2024"), Good(1, "m-2025")});
  for (int call = 0; call < 4; ++call) CHECK(provider->Embed(kOne).ok());
  const auto changed = provider->Embed(kOne);
  CHECK(changed.code() == Code::kHeld);
  CHECK(Has(changed.status().message(), "from \"m-2024\" to \"m-2025\""));
  const auto echo = Make(Options(), &sent, {Good(1), Good(1, Canary().Reveal())});
  CHECK(echo->Embed(kOne).ok());
  CHECK_FALSE(Has(echo->Embed(kOne).status().message(), "canary"));
}

TEST_CASE("openai: the identity is the model as given and its dimensions") {
  OpenAiOptions options = Options();
  options.model = "BAAI/bge-m3";
  options.dimensions = 1024;
  const auto provider = Make(options);
  CHECK(provider->name() == "openai");
  CHECK(provider->identity() == EmbeddingIdentity{"BAAI/bge-m3", 1024, "", 1});
  CHECK(provider->batch() == nullptr);
}

TEST_CASE("openai: limits are those of the options") {
  OpenAiOptions options = Options();
  const ProviderLimits limits = Make(options)->limits();
  CHECK(limits.max_texts == 100);
  CHECK(limits.max_request_tokens == 300'000);
  CHECK(limits.max_request_bytes <= 8'000'000);
  CHECK(limits.max_request_bytes > 7'999'800);
  CHECK(limits.max_text_tokens == 8192);
  CHECK(limits.texts_per_minute == 0);
  CHECK(limits.requests_per_minute == 0);
  CHECK(limits.tokens_per_minute == 0);
  CHECK(limits.concurrency == 4);
  options.max_text_tokens = 512;
  options.max_request_tokens = 0;
  options.requests_per_minute = 60;
  CHECK(Make(options)->limits().max_text_tokens == 512);
  CHECK(Make(options)->limits().max_request_tokens == 0);
  CHECK(Make(options)->limits().requests_per_minute == 60);
}

TEST_CASE("openai: a body of texts within the limits stays within the configured bytes") {
  OpenAiOptions options = Options();
  options.max_request_bytes = 5000;
  options.max_texts = 2048;
  std::vector<Sent> sent;
  const auto provider = Make(options, &sent, {Answer(500, "")});
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
  CHECK(sent[0].body.size() == 4999);
}

TEST_CASE("openai: options that cannot work are refused at once, without the key in a message") {
  for (const std::string key : {"canary\n", "can ary", "canary\xC3\xA4"}) {
    OpenAiOptions options = Options();
    options.api_key = Secret(key);
    CHECK(Refusal(options).code() == Code::kPermissionDenied);
    CHECK_FALSE(Has(Refusal(options).message(), "can"));
  }
  const std::function<void(OpenAiOptions*)> faults[] = {
      [](OpenAiOptions* o) { o->model = ""; },
      [](OpenAiOptions* o) { o->model = "a b"; },
      [](OpenAiOptions* o) { o->model = "m\xC3\xA4"; },
      [](OpenAiOptions* o) { o->model = std::string(201, 'a'); },
      [](OpenAiOptions* o) { o->dimensions = 0; },
      [](OpenAiOptions* o) { o->dimensions = 16'385; },
      [](OpenAiOptions* o) { o->max_texts = 0; },
      [](OpenAiOptions* o) { o->max_texts = 2049; },
      [](OpenAiOptions* o) { o->max_request_bytes = 100; },
      [](OpenAiOptions* o) { o->concurrency = 0; },
      [](OpenAiOptions* o) { o->concurrency = 1000; },
      [](OpenAiOptions* o) { o->connect_timeout = milliseconds(0); },
      [](OpenAiOptions* o) { o->request_timeout = milliseconds(-1); }};
  for (const auto& fault : faults) {
    OpenAiOptions options = Options();
    fault(&options);
    CHECK(Refusal(options).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("openai: several threads may embed at the same time") {
  std::vector<Sent> sent;
  const auto provider =
      Make(Options(), &sent,
           {Answer(400, R"({"error":{"param":"encoding_format","message":"x"}})"), Good(1)});
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < 50; ++call) good += provider->Embed(kOne).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 200);
}

TEST_CASE("openai: a call over a real connection brings vectors and the pace back") {
  std::string head;
  std::string body;
  ScriptedServer server([&](ScriptedConnection& connection) {
    head = connection.ReadHead();
    body = connection.ReadBody(head).value_or("");
    connection.Write(ChunkedReply(Gzip(Good(2).body),
                                  "Content-Encoding: gzip\r\n"
                                  "X-RateLimit-Limit-Requests: 100\r\n"
                                  "X-RateLimit-Remaining-Requests: 0\r\n"
                                  "X-RateLimit-Reset-Requests: 1m0s\r\n"));
  });
  OpenAiOptions options = Options();
  options.base_url = server.url("/v1");
  const auto provider = MakeOpenAiProvider(options);
  REQUIRE(provider.ok());
  const auto reply = provider.value()->Embed(kTwo);
  CAPTURE(reply.status().message());
  REQUIRE(reply.ok());
  CHECK(reply->vectors == std::vector<float>{1.0F, 0.5F, 2.0F, 0.5F});
  CHECK(reply->pace.requests_per_minute == 100);
  CHECK(reply->pace.retry_after == milliseconds(60'000));
  server.Stop();
  CHECK(head.find("POST /v1/embeddings HTTP/1.1\r\n") == 0);
  CHECK(Has(head, "\r\nAuthorization: Bearer canary-key-0123456789\r\n"));
  CHECK(Has(body, "\"input\":[\"one\",\"two\"]"));
}

TEST_CASE("openai: a redirect is not followed, so the key goes nowhere else") {
  std::atomic<int> visits{0};
  ScriptedServer other([&](ScriptedConnection&) { ++visits; });
  ScriptedServer server([&](ScriptedConnection& connection) {
    connection.ReadBody(connection.ReadHead());
    connection.Write(PlainReply("", "Location: " + other.url("/v1/embeddings") + "\r\n",
                                "307 Temporary Redirect"));
  });
  OpenAiOptions options = Options();
  options.base_url = server.url("/v1");
  const auto provider = MakeOpenAiProvider(options);
  REQUIRE(provider.ok());
  const auto reply = provider.value()->Embed(kOne);
  CHECK(reply.code() == Code::kInvalidArgument);
  CHECK(Has(reply.status().message(), other.url("/v1/embeddings")));
  server.Stop();
  other.Stop();
  CHECK(visits == 0);
}

}  // namespace embstore
