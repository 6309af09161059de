// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_error.h"

#include <algorithm>

#include "engine/base/seeded_bug.h"
#include "engine/http/url.h"
#include "engine/provider/gemini_json.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMessageBytes = 300;

constexpr GeminiVerdict kPerhapsDone = {
    Code::kInDoubt, "the server may have done the work, so the request may have been billed"};

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void ReadDetail(const JsonValue& detail, GeminiError* error) {
  const std::string type = FindString(detail, "@type");
  if (type.ends_with("google.rpc.RetryInfo")) {
    const auto delay = ParseWait(FindString(detail, "retryDelay"));
    error->retry_delay = std::max(error->retry_delay, delay.value_or(milliseconds(0)));
  } else if (type.ends_with("google.rpc.ErrorInfo")) {
    error->reason = FindString(detail, "reason");
    const auto metadata = detail.Find("metadata");
    if (metadata && metadata->Find("quota_limit")) {
      error->quotas.push_back({FindString(*metadata, "quota_metric"),
                               FindString(*metadata, "quota_limit"),
                               FindCount(*metadata, "quota_limit_value")});
    }
  } else if (type.ends_with("google.rpc.QuotaFailure")) {
    const auto violations = detail.Find("violations");
    if (!violations) return;
    violations->ForEachElement([error](JsonValue violation) {
      error->quotas.push_back({FindString(violation, "quotaMetric"),
                               FindString(violation, "quotaId"),
                               FindCount(violation, "quotaValue")});
      return true;
    });
  }
}

void ReadErrorObject(const JsonValue& object, GeminiError* error) {
  error->status = FindString(object, "status");
  error->message = FindString(object, "message");
  const std::uint64_t code = FindCount(object, "code");
  // Of errors that come with a status of success.
  if (error->http_status < 300 && code >= 300 && code <= 999) {
    error->http_status = static_cast<int>(code);
  }
  if (const auto details = object.Find("details")) {
    details->ForEachElement([error](JsonValue detail) {
      ReadDetail(detail, error);
      return true;
    });
  }
  if (error->retry_delay == milliseconds(0)) error->retry_delay = WaitInWords(error->message);
}

GeminiVerdict JudgeBadRequest(const GeminiError& error) {
  if (error.reason == "API_KEY_INVALID" || Has(error.message, "API key not valid")) {
    return {Code::kPermissionDenied, "the server does not know this API key: check it"};
  }
  if (error.status == "FAILED_PRECONDITION") {
    return {Code::kPermissionDenied,
            "this account may not do that: check its billing and whether the service is offered "
            "in this region"};
  }
  return {EMBSTORE_SEEDED_BUG("bad-request-retried") ? Code::kUnavailable : Code::kRejected,
          "the server refuses this input"};
}

GeminiVerdict JudgeTooMany(const GeminiError& error) {
  for (const GeminiQuota& quota : error.quotas) {
    if (Has(quota.id, "PerDay")) {
      return {Code::kQuotaExhausted,
              "the daily quota is used up until midnight Pacific time; the same command, run "
              "again after that, goes on where it stopped"};
    }
  }
  if (Has(error.message, "credits are depleted")) {
    return {Code::kQuotaExhausted, "the account has no credit left"};
  }
  return {Code::kRateLimited, "asked faster than the quota allows; it is asked again later"};
}

Backoff BackoffOf(const GeminiError& error, const HttpResponse& response) {
  Backoff backoff;
  backoff.retry_after = std::max(error.retry_delay, response.retry_after.value_or(milliseconds(0)));
  const auto lower = [](std::uint64_t* bound, std::uint64_t value) {
    if (value > 0 && (*bound == 0 || value < *bound)) *bound = value;
  };
  for (const GeminiQuota& quota : error.quotas) {
    if (!Has(quota.id, "PerMinute") && !Has(quota.metric, "per_minute")) continue;
    const bool tokens = Has(quota.metric, "token") || Has(quota.id, "Token");
    lower(tokens ? &backoff.tokens_per_minute : &backoff.texts_per_minute, quota.value);
  }
  return backoff;
}

}  // namespace

std::optional<JsonValue> FindGeminiError(JsonValue root) {
  if (root.type() == JsonType::kArray) {
    std::optional<JsonValue> first;
    root.ForEachElement([&first](JsonValue element) {
      first = element;
      return false;
    });
    if (!first) return std::nullopt;
    root = *first;
  }
  return root.Find("error");
}

GeminiError ParseGeminiError(const HttpResponse& response) {
  GeminiError error;
  error.http_status = response.status;
  JsonParser parser;
  const Result<JsonValue> root = parser.Parse(response.body);
  const auto object = root.ok() ? FindGeminiError(*root) : std::nullopt;
  if (object) ReadErrorObject(*object, &error);
  if (error.message.empty()) error.message = response.body;
  return error;
}

GeminiVerdict JudgeGeminiError(const GeminiError& error) {
  const int status = error.http_status;
  if (status >= 300 && status < 400) {
    return {Code::kInvalidArgument,
            "redirects are not followed, for the key would go along: put the right address into "
            "base_url"};
  }
  switch (status) {
    case 400:
      return JudgeBadRequest(error);
    case 401:
    case 403:
      return {Code::kPermissionDenied, "check the API key and what it may be used for"};
    case 402:
      return {Code::kQuotaExhausted, "the account has no credit left"};
    case 404:
      return {Code::kInvalidArgument, "check the model's name and base_url"};
    case 413:
    case 422:
      return {Code::kRejected, "the server refuses this input"};
    case 429:
      return JudgeTooMany(error);
    case 409:
    case 425:
    case 500:
    case 503:
    case 529:
      return {Code::kUnavailable, "it is asked again later; such a call is not charged"};
    case 408:
    case 499:
      break;  // As a gateway's 502 and 504, they say nothing about the work behind them.
    default:
      if (status >= 400 && status < 500) {
        return {Code::kInvalidArgument, "this is no answer of the Gemini API: check base_url"};
      }
      if (status < 400) {
        return {Code::kInvalidReply, "nothing of it is kept; the request may have been billed"};
      }
  }
  return kPerhapsDone;
}

Status GeminiErrorStatus(const HttpResponse& response, const EmbeddingCall& call) {
  const GeminiError error = ParseGeminiError(response);
  GeminiVerdict verdict = JudgeGeminiError(error);
  // That failures are not charged is said of those with a status of failure.
  if (response.status < 300 && verdict.code == Code::kUnavailable) verdict = kPerhapsDone;
  return GeminiStatus(verdict, error, response, call);
}

Status GeminiStatus(const GeminiVerdict& verdict, const GeminiError& error,
                    const HttpResponse& response, const EmbeddingCall& call) {
  std::string message(call.host);
  message += ": HTTP " + std::to_string(response.status);
  if (error.http_status != response.status) {
    message += " with error " + std::to_string(error.http_status);
  }
  if (!error.status.empty()) message += " " + KeylessExcerpt(error.status, call.key, 40);
  if (error.http_status == 404 && !call.model.empty())
    message += " for model " + std::string(call.model);
  if (response.status >= 300 && response.status < 400) {
    const std::string target = UrlHost(response.location);
    message += " to " + (target.empty() ? "another path" : KeylessExcerpt(target, call.key, 100));
  }
  const std::string words = KeylessExcerpt(error.message, call.key, kMessageBytes);
  if (!words.empty()) message += ": \"" + words + "\"";
  message += "; ";
  message += verdict.advice;
  const bool waits = verdict.code == Code::kRateLimited || verdict.code == Code::kUnavailable ||
                     verdict.code == Code::kInDoubt;
  return Status(verdict.code, std::move(message), waits ? BackoffOf(error, response) : Backoff());
}

}  // namespace embstore
