// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_error.h"

#include <doctest/doctest.h>

namespace embstore {
namespace {

using std::chrono::milliseconds;

const Secret& Canary() {
  static const Secret key("canary-key-0123456789");
  return key;
}

Status Of(int http_status, std::string body, HttpResponse response = {}) {
  EmbeddingCall call;
  call.host = "example.com";
  call.model = "gemini-embedding-001";
  call.key = &Canary();
  response.status = http_status;
  response.body = std::move(body);
  return GeminiErrorStatus(response, call);
}

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

std::string Error(int code, const std::string& status, const std::string& message) {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message +
         R"(","status":")" + status + "\"}}";
}

constexpr const char* kBadKey = R"({
  "error": {
    "code": 400,
    "message": "API key not valid. Please pass a valid API key.",
    "status": "INVALID_ARGUMENT",
    "details": [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": { "service": "generativelanguage.googleapis.com" }
      },
      {
        "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
        "locale": "en-US",
        "message": "API key not valid. Please pass a valid API key."
      }
    ]
  }
}
)";

constexpr const char* kQuota =
    R"({"error":{"code":429,
 "message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: https://ai.dev/rate-limit. \n* Quota exceeded for metric: generativelanguage.googleapis.com/embed_content_free_tier_requests, limit: 100, model: gemini-embedding-1.0\nPlease retry in 48.2s.",
 "status":"RESOURCE_EXHAUSTED",
 "details":[
  {"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Learn more about Gemini API quotas","url":"https://ai.google.dev/gemini-api/docs/rate-limits"}]},
  {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[
    {"quotaMetric":"generativelanguage.googleapis.com/embed_content_free_tier_requests",
     "quotaId":"EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier",
     "quotaDimensions":{"location":"global","model":"gemini-embedding-1.0"},
     "quotaValue":"100"}]},
  {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"48s"}]}})";

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string Violations(const std::string& list) {
  return R"({"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[)"
         R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[)" +
         list + "]}]}}";
}

}  // namespace

TEST_CASE("gemini: a bad key comes with status 400 and is a permission matter") {
  CHECK(Of(400, kBadKey).code() == Code::kPermissionDenied);
  CHECK(Of(400, Error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."))
            .code() == Code::kPermissionDenied);
  CHECK(Of(400,
           R"({"error":{"code":400,"message":"?","details":[)"
           R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}})")
            .code() == Code::kPermissionDenied);
  CHECK(Of(400, "[" + std::string(kBadKey) + "]").code() == Code::kPermissionDenied);
}

TEST_CASE("gemini: accounts and regions that may not use the service are a permission matter") {
  const Status status =
      Of(400, Error(400, "FAILED_PRECONDITION", "User location is not supported"));
  CHECK(status.code() == Code::kPermissionDenied);
  CHECK(Has(status, "billing"));
  const Status no_key =
      Of(403, Error(403, "PERMISSION_DENIED",
                    "Method doesn't allow unregistered callers (callers without established "
                    "identity). Please use API Key or other form of API consumer identity to call "
                    "this API."));
  CHECK(no_key.code() == Code::kPermissionDenied);
  CHECK(Has(no_key, "unregistered callers"));
  CHECK(Of(401, Error(401, "UNAUTHENTICATED", "no")).code() == Code::kPermissionDenied);
}

TEST_CASE("gemini: input that the server refuses is rejected") {
  for (const char* message :
       {"* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\\n",
        "EmbedContentRequest.content contains an empty Part.",
        "Request payload size exceeds the limit: 4194304 bytes.",
        "Invalid JSON payload received. Unknown name \\\"x\\\": Cannot find field."}) {
    CHECK(Of(400, Error(400, "INVALID_ARGUMENT", message)).code() == Code::kRejected);
  }
  CHECK(Of(400, "").code() == Code::kRejected);
  CHECK(Of(413, "<html>too large</html>").code() == Code::kRejected);
  CHECK(Of(422, "{}").code() == Code::kRejected);
}

TEST_CASE("gemini: an unknown model is a matter of the configuration") {
  const Status status =
      Of(404, Error(404, "NOT_FOUND",
                    "models/NAME is not found for API version v1beta, or is not supported for "
                    "embedContent. Call ListModels to see the list of available models and their "
                    "supported methods."));
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(Has(status, "gemini-embedding-001"));
  CHECK(Has(status, "check the model's name"));
}

TEST_CASE("gemini: a server in trouble is asked again, and its word is that it charges nothing") {
  for (const int code : {500, 503, 529}) {
    const Status status = Of(code, Error(code, "X", "The model is overloaded."));
    CHECK(status.code() == Code::kUnavailable);
    CHECK(Has(status, "HTTP " + std::to_string(code)));
    CHECK(Has(status, "The model is overloaded."));
    CHECK(Has(status, "not charged"));
  }
}

TEST_CASE("gemini: timeouts and gateways say nothing about the work, so the call is in doubt") {
  for (const int code : {408, 499, 502, 504, 520, 599}) {
    const Status status = Of(code, Error(code, "X", "Deadline expired."));
    CHECK(status.code() == Code::kInDoubt);
    CHECK(Has(status, "may have been billed"));
  }
  CHECK(Of(200, Error(504, "DEADLINE_EXCEEDED", "x")).code() == Code::kInDoubt);
}

TEST_CASE("gemini: a wait that the server asks for is kept, in doubt or not") {
  HttpResponse response;
  response.retry_after = milliseconds(2000);
  CHECK(Of(503, "", response).backoff().retry_after == milliseconds(2000));
  CHECK(Of(504, "", response).backoff().retry_after == milliseconds(2000));
}

TEST_CASE("gemini: the recorded 429 says how long to wait and which quota it was") {
  const Status status = Of(429, kQuota);
  CHECK(status.code() == Code::kRateLimited);
  CHECK(status.backoff().retry_after == milliseconds(48'000));
  CHECK(status.backoff().texts_per_minute == 100);
  CHECK(status.backoff().tokens_per_minute == 0);
  CHECK(Has(status, "HTTP 429 RESOURCE_EXHAUSTED"));
}

TEST_CASE("gemini: the wait is the longest of header and body") {
  HttpResponse response;
  response.retry_after = milliseconds(60'000);
  CHECK(Of(429, kQuota, response).backoff().retry_after == milliseconds(60'000));
  response.retry_after = milliseconds(1000);
  CHECK(Of(429, kQuota, response).backoff().retry_after == milliseconds(48'000));
  CHECK(Of(429, "", response).backoff().retry_after == milliseconds(1000));
  const std::string precise = Replaced(kQuota, "\"48s\"", "\"29.057856327s\"");
  CHECK(Of(429, precise).backoff().retry_after == milliseconds(29'058));
  const std::string in_message = Replaced(kQuota, "retryDelay", "other");
  CHECK(Of(429, in_message).backoff().retry_after == milliseconds(48'200));
  const Status none = Of(429, Error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"));
  CHECK(none.code() == Code::kRateLimited);
  CHECK(none.backoff().retry_after == milliseconds(0));
}

TEST_CASE("gemini: a daily quota ends the run in spite of a short retry delay") {
  const Status status = Of(429, Replaced(kQuota, "RequestsPerMinute", "RequestsPerDay"));
  CHECK(status.code() == Code::kQuotaExhausted);
  CHECK(Has(status, "midnight Pacific"));
  CHECK(Has(status, "same command"));
  CHECK(status.backoff().retry_after == milliseconds(0));
  const Status both = Of(429, Violations(R"({"quotaId":"XPerMinute","quotaValue":"5"},)"
                                         R"({"quotaId":"XRequestsPerDayY"})"));
  CHECK(both.code() == Code::kQuotaExhausted);
}

TEST_CASE("gemini: quotas of texts and tokens are told apart and the lowest counts") {
  const Status status = Of(
      429, Violations(R"({"quotaMetric":"g/embed_content_free_tier_input_token_count",)"
                      R"("quotaId":"EmbedContentInputTokensPerMinutePerProjectPerModel-FreeTier",)"
                      R"("quotaValue":"30000"},)"
                      R"({"quotaMetric":"g/embed_content_paid_tier_requests",)"
                      R"("quotaId":"EmbedContentPerMinutePerProjectPerUserPerModel-PaidTier",)"
                      R"("quotaValue":"3000"},)"
                      R"({"quotaMetric":"g/x_requests","quotaId":"XPerMinute","quotaValue":200},)"
                      R"({"quotaMetric":"g/odd","quotaId":"Concurrent","quotaValue":"7"},)"
                      R"({"quotaMetric":"g/x_requests","quotaId":"XPerMinute","quotaValue":"x"})"));
  CHECK(status.code() == Code::kRateLimited);
  CHECK(status.backoff().tokens_per_minute == 30'000);
  CHECK(status.backoff().texts_per_minute == 200);
}

TEST_CASE("gemini: a quota in the older ErrorInfo form is understood") {
  const Status status = Of(
      429, R"({"error":{"code":429,"message":"m","details":[)"
           R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED",)"
           R"("metadata":{"quota_metric":"generativelanguage.googleapis.com/model_requests",)"
           R"("quota_limit":"ModelRequestsPerMinutePerProjectPerRegion",)"
           R"("quota_limit_value":"200"}}]}})");
  CHECK(status.code() == Code::kRateLimited);
  CHECK(status.backoff().texts_per_minute == 200);
}

TEST_CASE("gemini: a spending cap without a daily quota is a matter of waiting") {
  CHECK(Of(429, Error(429, "RESOURCE_EXHAUSTED", "Your billing account hit its spending cap"))
            .code() == Code::kRateLimited);
}

TEST_CASE("gemini: a redirect is never followed and names the other host only") {
  HttpResponse response;
  response.location = "https://evil.example/path?key=canary-key-0123456789";
  for (const int code : {301, 302, 303, 307, 308}) {
    const Status status = Of(code, "<html>moved</html>", response);
    CHECK(status.code() == Code::kInvalidArgument);
    CHECK(Has(status, "evil.example"));
    CHECK_FALSE(Has(status, "/path"));
    CHECK(Has(status, "base_url"));
    CHECK_FALSE(Has(status, "canary"));
  }
  CHECK(Of(302, Error(400, "X", "y")).code() == Code::kInvalidArgument);
}

TEST_CASE("gemini: errors in any wrapping are read, and what is no JSON is quoted") {
  CHECK(Of(429, "[" + std::string(kQuota) + "]").backoff().texts_per_minute == 100);
  CHECK(Has(Of(502, "<html>Bad Gateway \x1b[1m</html>"), "<html>Bad Gateway \\x1b[1m</html>"));
  for (const char* body : {"", "null", "[]", "{}", "[null]", R"({"error":null})", R"({"error":[]})",
                           R"({"error":{"details":{}}})", R"({"error":{"details":[null,1,{}]}})",
                           R"({"error":{"message":5,"status":{},"code":"x"}})"}) {
    CHECK(Of(500, body).code() == Code::kUnavailable);
    CHECK(Of(429, body).code() == Code::kRateLimited);
  }
}

TEST_CASE("gemini: other statuses have a meaning too") {
  CHECK(Of(402, "").code() == Code::kQuotaExhausted);
  CHECK(Of(405, "").code() == Code::kInvalidArgument);
  CHECK(Of(409, "").code() == Code::kUnavailable);
  CHECK(Of(204, "").code() == Code::kInvalidReply);
}

TEST_CASE("gemini: the key is never in a message, wherever the server echoes it") {
  const std::string key = Canary().Reveal();
  HttpResponse response;
  response.location = "https://" + key + ".example/" + key;
  for (const int code : {204, 302, 400, 401, 403, 404, 405, 413, 429, 500, 503}) {
    for (const std::string& body :
         {Error(code, key, "your key " + key + " and " + key), key, std::string(290, 'x') + key,
          Error(code, "X", std::string(290, 'x') + key)}) {
      const Status status = Of(code, body, response);
      CHECK_FALSE(Has(status, "canary-k"));
      CHECK(status.message().size() < 800);
    }
  }
}

}  // namespace embstore
