// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_error.h"

#include <doctest/doctest.h>

#include "tests/unit/provider/openai_testing.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

Status Of(const HttpResponse& response) {
  return OpenAiErrorStatus(ParseOpenAiError(response), response, CallFor(4, 768));
}

Status Of(int http_status, const std::string& body) { return Of(Answer(http_status, body)); }

bool Has(const Status& status, std::string_view words) {
  CAPTURE(status.message());
  return status.message().find(words) != std::string::npos;
}

std::string Error(const std::string& message, const std::string& type = "invalid_request_error",
                  const std::string& param = "null", const std::string& code = "null") {
  return R"({"error":{"message":")" + message + R"(","type":")" + type + R"(","param":)" + param +
         ",\"code\":" + code + "}}";
}

const char* const kRateLimit =
    R"({"error":{"message":"Rate limit reached for text-embedding-3-small in organization org-1 on )"
    R"(requests per min (RPM): Limit 3000, Used 3000, Requested 1. Please try again in 20ms.",)"
    R"("type":"requests","param":null,"code":"rate_limit_exceeded"}})";
const char* const kNoQuota =
    R"({"error":{"message":"You exceeded your current quota, please check your plan.",)"
    R"("type":"insufficient_quota","param":null,"code":"insufficient_quota"}})";

}  // namespace

TEST_CASE("openai: errors of all servers are taken apart") {
  struct Row {
    std::string body;
    std::string message;
    std::string kind;  // Code, or else type.
  };
  const Row rows[] = {
      {R"({"error":{"message":"m","type":"t","param":null,"code":"c"}})", "m", "c"},
      {R"({"error":{"message":"m","type":"t","param":null,"code":null}})", "m", "t"},
      {R"({"error":{"code":400,"message":"m","type":"exceed_context_size_error"}})", "m", "400"},
      {R"([{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}])", "m", "400"},
      {R"({"message":"m","code":413,"type":"Validation"})", "m", "413"},
      {R"({"error":"m"})", "m", ""},
      {R"({"error":"m","error_type":"Validation"})", "m", "Validation"},
      {R"({"detail":"m"})", "m", ""},
      {R"({"detail":[{"loc":["body","input",0],"msg":"m","input":"SECRET TEXT"},{"msg":"n"}]})",
       "body.input.0: m; n", ""},
      {R"({"detail":{"message":"m","type":"t"}})", "m", "t"},
      {"<html>m</html>", "<html>m</html>", ""},
      {"", "", ""},
      {"null", "null", ""},
      {"[]", "[]", ""},
      {R"({"error":{}})", R"({"error":{}})", ""},
      {R"({"error":{"message":7,"type":[],"code":{}}})", "7", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const OpenAiError error = ParseOpenAiError(Answer(400, row.body));
    CHECK(error.http_status == 400);
    CHECK(error.message == row.message);
    CHECK((error.code.empty() ? error.type : error.code) == row.kind);
  }
}

TEST_CASE("openai: each HTTP status leads to what the caller does about it") {
  const std::pair<int, Code> rows[] = {
      {301, Code::kInvalidArgument},  {307, Code::kInvalidArgument}, {400, Code::kRejected},
      {401, Code::kPermissionDenied}, {402, Code::kQuotaExhausted},  {403, Code::kPermissionDenied},
      {404, Code::kInvalidArgument},  {405, Code::kInvalidArgument}, {408, Code::kInDoubt},
      {409, Code::kUnavailable},      {413, Code::kRejected},        {422, Code::kRejected},
      {424, Code::kUnavailable},      {425, Code::kUnavailable},     {429, Code::kRateLimited},
      {451, Code::kInvalidArgument},  {500, Code::kUnavailable},     {501, Code::kInvalidArgument},
      {502, Code::kInDoubt},          {503, Code::kUnavailable},     {504, Code::kInDoubt},
      {520, Code::kInDoubt},          {524, Code::kInDoubt},         {529, Code::kUnavailable},
      {599, Code::kInDoubt},          {499, Code::kInDoubt},         {521, Code::kInDoubt},
      {999, Code::kInDoubt},          {201, Code::kInvalidReply},    {204, Code::kInvalidReply}};
  for (const auto& [http_status, code] : rows) {
    for (const std::string body :
         {"", "<html>x</html>", R"({"error":{"message":"x"}})", "{\"detail\":[]}"}) {
      CAPTURE(http_status);
      CAPTURE(body);
      const Status status = Of(http_status, body);
      CHECK(status.code() == code);
      CHECK(Has(status, "example.com: HTTP " + std::to_string(http_status)));
    }
  }
}

TEST_CASE("openai: a text that the server refuses is rejected, so that it can be found") {
  for (const std::string message :
       {"'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs.",
        "Requested 375703 tokens, max 300000 tokens per request",
        "This model's maximum context length is 8192 tokens, however you requested 9000 tokens "
        "(9000 in your prompt). This model does not support more.",
        "Invalid 'input[3]': string too long."}) {
    CAPTURE(message);
    CHECK(Of(400, Error(message)).code() == Code::kRejected);
    CHECK(Has(Of(400, Error(message)), message));
  }
  CHECK(Of(400, Error("the model is unknown", "t", "\"input\"")).code() == Code::kRejected);
  CHECK(Of(400, R"({"error":{"code":400,"message":"request (600 tokens) exceeds the available )"
                R"(context size (512 tokens) here","type":"exceed_context_size_error",)"
                R"("n_prompt_tokens":600,"n_ctx":512}})")
            .code() == Code::kRejected);
  CHECK(Of(413, R"({"message":"batch size 64 > maximum allowed batch size 32","code":413,)"
                R"("type":"Validation"})")
            .code() == Code::kRejected);
  CHECK(Of(422, R"({"error":"Tokenization error","error_type":"Tokenizer"})").code() ==
        Code::kRejected);
}

TEST_CASE("openai: a refusal about the settings is not blamed on a text") {
  for (const std::string body :
       {R"({"error":{"message":"x","type":"t","param":"model","code":null}})",
        R"({"error":{"message":"x","type":"t","param":"dimensions","code":null}})",
        R"({"error":{"message":"x","type":"t","param":"encoding_format","code":null}})",
        R"({"error":{"message":"x","type":"t","param":null,"code":"model_not_found"}})",
        R"({"error":{"message":"This model does not support specifying dimensions."}})",
        R"({"message":"Model \"m\" does not support matryoshka representation","code":400})",
        R"({"error":{"message":"Unknown model: m"}})", R"({"error":"invalid model name"})",
        R"({"error":{"message":"Unrecognized field encoding_format"}})",
        R"({"error":{"code":400,"message":"Pooling type 'none' is not OAI compatible."}})",
        R"({"detail":[{"loc":["body","dimensions"],"msg":"Extra inputs are not permitted"}]})"}) {
    CAPTURE(body);
    CHECK(Of(400, body).code() == Code::kInvalidArgument);
    CHECK(Of(422, body).code() == Code::kInvalidArgument);
    CHECK(Has(Of(400, body), "check model, dimensions and send_dimensions"));
  }
  CHECK(Of(400, "<html>unknown model</html>").code() == Code::kRejected);
}

TEST_CASE("openai: the texts that a validator repeats do not get into a message") {
  const Status status =
      Of(422, R"({"detail":[{"loc":["body","input",0],"msg":"too long","input":"SECRET TEXT"}]})");
  CHECK(Has(status, "body.input.0: too long"));
  CHECK_FALSE(Has(status, "SECRET"));
}

TEST_CASE("openai: keys and accounts that are refused end the run, whatever the status") {
  CHECK(Of(401, Error("Incorrect API key provided: sk-abc*****xyz.", "invalid_request_error",
                      "null", "\"invalid_api_key\""))
            .code() == Code::kPermissionDenied);
  CHECK(Of(400, Error("x", "t", "null", "\"invalid_api_key\"")).code() == Code::kPermissionDenied);
  CHECK(Of(400, R"([{"error":{"code":400,"message":"API key not valid. Please pass a valid API )"
                R"(key.","status":"INVALID_ARGUMENT"}}])")
            .code() == Code::kPermissionDenied);
  CHECK(Of(429, kNoQuota).code() == Code::kQuotaExhausted);
  CHECK(Of(400, kNoQuota).code() == Code::kQuotaExhausted);
  CHECK(Of(400, Error("x", "t", "null", "\"billing_hard_limit_reached\"")).code() ==
        Code::kQuotaExhausted);
}

TEST_CASE("openai: an unknown model is told in the server's words, an unknown path with a hint") {
  const Status model =
      Of(404, Error("The model `x` does not exist or you do not have access to it.",
                    "invalid_request_error", "null", "\"model_not_found\""));
  CHECK(model.code() == Code::kInvalidArgument);
  CHECK(Has(model, "The model `x` does not exist"));
  CHECK(Has(model, "for model text-embedding-3-small"));
  CHECK(Has(model, "check the model's name"));
  const Status pull =
      Of(404, R"({"error":{"message":"model \"x\" not found, try pulling it first",)"
              R"("type":"not_found_error","param":null,"code":null}})");
  CHECK(Has(pull, "try pulling it first"));
  CHECK(Has(pull, "check the model's name"));
  for (const std::string body :
       {"", "404 page not found", "<html>model</html>", R"({"detail":"Not Found"})",
        R"({"error":{"message":"Invalid URL (POST /embeddings) x","code":null}})"}) {
    CAPTURE(body);
    const Status path = Of(404, body);
    CHECK(path.code() == Code::kInvalidArgument);
    CHECK(Has(path, "base_url"));
    CHECK(Has(path, "/v1"));
  }
}

TEST_CASE("openai: the longest trustworthy wait is told with a rate limit") {
  CHECK(Of(429, kRateLimit).code() == Code::kRateLimited);
  CHECK(Of(429, kRateLimit).backoff().retry_after == milliseconds(20));
  CHECK(Of(429, Error("Please try again in 1.5s.")).backoff().retry_after == milliseconds(1500));
  CHECK(Of(429, "").backoff().retry_after == milliseconds(0));
  HttpResponse response = Answer(429, kRateLimit, {{"retry-after-ms", "700"}});
  response.retry_after = milliseconds(1000);
  CHECK(Of(response).backoff().retry_after == milliseconds(700));
  response.headers.clear();
  CHECK(Of(response).backoff().retry_after == milliseconds(1000));
  response.body = Error("Please try again in 3s.");
  CHECK(Of(response).backoff().retry_after == milliseconds(3000));
  const Status quota = Of(Answer(429, "",
                                 {{"x-ratelimit-limit-requests", "3000"},
                                  {"x-ratelimit-remaining-requests", "0"},
                                  {"x-ratelimit-reset-requests", "1m0s"}}));
  CHECK(quota.backoff().requests_per_minute == 3000);
  CHECK(quota.backoff().retry_after == milliseconds(60'000));
}

TEST_CASE("openai: a server that does not want to be asked again is not") {
  const std::vector<std::pair<std::string, std::string>> no = {{"x-should-retry", "false"}};
  for (const int http_status : {429, 500, 503, 529}) {
    CAPTURE(http_status);
    const Status status = Of(Answer(http_status, kRateLimit, no));
    CHECK(status.code() == Code::kQuotaExhausted);
    CHECK(Has(status, "asks not to be asked again"));
  }
  // Money that is in doubt stays so, and what is final stays as it is.
  CHECK(Of(Answer(504, "", no)).code() == Code::kInDoubt);
  CHECK(Of(Answer(400, "", no)).code() == Code::kRejected);
  CHECK(Of(Answer(401, "", no)).code() == Code::kPermissionDenied);
  CHECK(Of(Answer(429, "", {{"x-should-retry", "true"}})).code() == Code::kRateLimited);
}

TEST_CASE("openai: a redirect is told with its target, without what may be secret in it") {
  HttpResponse response = Answer(307, "");
  response.location = "https://other.example/v1/embeddings?token=SECRET#x";
  CHECK(Of(response).code() == Code::kInvalidArgument);
  CHECK(Has(Of(response), "HTTP 307 to https://other.example/v1/embeddings; redirects"));
  CHECK_FALSE(Has(Of(response), "SECRET"));
  response.location = "https://user:SECRET@other.example/";
  CHECK(Has(Of(response), "to another address"));
  CHECK_FALSE(Has(Of(response), "SECRET"));
  response.location = "/" + Canary().Reveal();
  CHECK_FALSE(Has(Of(response), "canary"));
}

TEST_CASE("openai: an error inside an answer of success counts as that error") {
  struct Row {
    std::string body;
    Code code;
  };
  const Row rows[] = {
      {R"({"error":{"message":"m","code":429}})", Code::kRateLimited},
      {R"({"error":{"message":"m","code":"429"}})", Code::kRateLimited},
      {R"({"error":{"message":"m","code":504}})", Code::kInDoubt},
      {R"({"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}})",
       Code::kRateLimited},
      {R"({"error":{"message":"Rate limit reached","code":1302}})", Code::kRateLimited},
      {R"({"code":1302,"message":"Too many requests"})", Code::kRateLimited},
      {R"({"error":{"message":"m","type":"insufficient_quota"}})", Code::kQuotaExhausted},
      {R"({"error":{"message":"m","type":"authentication_error"}})", Code::kPermissionDenied},
      {R"({"error":{"message":"m","code":"model_not_found"}})", Code::kInvalidArgument},
      {R"({"error":{"message":"m","type":"invalid_request_error"}})", Code::kRejected},
      {R"({"error":{"message":"m","type":"server_error"}})", Code::kInDoubt},
      {R"({"error":"m","error_type":"Overloaded"})", Code::kInDoubt},
      {R"({"error":{"message":"m","code":1302}})", Code::kInvalidReply},
      {R"({"error":{"message":"m","code":200}})", Code::kInvalidReply},
      {R"({"error":"?"})", Code::kInvalidReply}};
  for (const Row& row : rows) {
    CAPTURE(row.body);
    CHECK(Of(200, row.body).code() == row.code);
  }
}

TEST_CASE("openai: what is no error is not taken for one") {
  JsonParser parser;
  for (const std::string body :
       {"{}", "null", "[]", "[1]", R"({"error":null})", R"({"error":false})", R"({"error":""})",
        R"({"data":[],"message":"ok"})", R"({"data":[],"detail":"x"})", R"({"message":""})"}) {
    CAPTURE(body);
    const auto root = parser.Parse(body);
    REQUIRE(root.ok());
    CHECK_FALSE(FindOpenAiError(*root).has_value());
  }
}

TEST_CASE("openai: a refused encoding is recognised in all its wordings") {
  const auto refuses = [](int http_status, const char* body) {
    return RefusesEncoding(ParseOpenAiError(Answer(http_status, body)));
  };
  CHECK(refuses(400, R"({"error":{"message":"x","param":"encoding_format"}})"));
  CHECK(refuses(400, R"({"error":{"message":"Unrecognized argument: encoding_format"}})"));
  CHECK(refuses(422, R"({"detail":[{"loc":["body","encoding_format"],"msg":"Extra inputs"}]})"));
  CHECK(refuses(400, R"({"error":"base64 is not supported"})"));
  CHECK_FALSE(refuses(400, R"({"error":{"message":"'$.input' is invalid"}})"));
  CHECK_FALSE(refuses(500, R"({"error":{"message":"encoding_format"}})"));
}

TEST_CASE("openai: the key is in no message, wherever the server puts it") {
  const std::string key = Canary().Reveal();
  for (const int http_status : {200, 307, 400, 401, 404, 413, 429, 500, 504}) {
    for (const std::string& body : {key, "Bearer " + key, Error(key), Error("x", key),
                                    Error("x", "t", "null", "\"" + key + "\""),
                                    R"({"detail":")" + key + "\"}", std::string(290, 'x') + key}) {
      CAPTURE(http_status);
      CAPTURE(body);
      CHECK_FALSE(Has(Of(http_status, body), "canary"));
    }
  }
}

TEST_CASE("openai: messages are short and printable") {
  const Status status = Of(500, "\x1b[31m" + std::string(100'000, 'y'));
  CHECK(status.message().size() < 600);
  CHECK(status.message().find('\x1b') == std::string::npos);
}

}  // namespace embstore
