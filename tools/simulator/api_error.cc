// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/api_error.h"

#include <nlohmann/json.hpp>

namespace embstore::simulator {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kService = "generativelanguage.googleapis.com";
constexpr std::string_view kRateLimitPage = "https://ai.google.dev/gemini-api/docs/rate-limits";
constexpr std::chrono::milliseconds kFaultRetryDelay{1500};

ApiError Build(int http_status, std::string_view status, std::string_view message,
               Json details = Json::array()) {
  Json error{{"code", http_status}, {"message", message}, {"status", status}};
  if (!details.empty()) error["details"] = std::move(details);
  const Json document{{"error", std::move(error)}};
  return {http_status, std::string(message),
          document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

struct QuotaNames {
  std::string_view metric;
  std::string_view id;
};

QuotaNames NamesOf(QuotaKind kind, Tier tier) {
  const bool paid = tier == Tier::kPaid;
  switch (kind) {
    case QuotaKind::kRequestsPerMinute:
      if (paid) {
        return {"embed_content_paid_tier_requests",
                "EmbedContentPerMinutePerProjectPerUserPerModel-PaidTier"};
      }
      return {"embed_content_free_tier_requests",
              "EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier"};
    case QuotaKind::kTokensPerMinute:
      if (paid) {
        return {"embed_content_paid_tier_input_token_count",
                "EmbedContentInputTokensPerMinutePerProjectPerModel-PaidTier"};
      }
      return {"embed_content_free_tier_input_token_count",
              "EmbedContentInputTokensPerMinutePerProjectPerModel-FreeTier"};
    case QuotaKind::kRequestsPerDay:
      break;
  }
  // Only the free tier has a daily quota.
  return {"embed_content_free_tier_requests",
          "EmbedContentRequestsPerDayPerUserPerProjectPerModel-FreeTier"};
}

std::string QuotaMessage() {
  return "You exceeded your current quota, please check your plan and billing details. For more "
         "information on this error, head to: " +
         std::string(kRateLimitPage) +
         ". To monitor your current usage, head to: https://ai.dev/rate-limit. ";
}

Json TypedDetail(std::string_view type) {
  return {{"@type", "type.googleapis.com/google.rpc." + std::string(type)}};
}

Json HelpDetail() {
  Json help = TypedDetail("Help");
  help["links"] = Json::array(
      {Json{{"description", "Learn more about Gemini API quotas"}, {"url", kRateLimitPage}}});
  return help;
}

}  // namespace

ApiError InvalidArgument(std::string_view message) {
  return Build(400, "INVALID_ARGUMENT", message);
}

ApiError InvalidField(std::string_view field, std::string_view message) {
  Json violation = Json::object();
  if (!field.empty()) violation["field"] = field;
  violation["description"] = message;
  Json detail = TypedDetail("BadRequest");
  detail["fieldViolations"] = Json::array({std::move(violation)});
  return Build(400, "INVALID_ARGUMENT", message, Json::array({std::move(detail)}));
}

ApiError BadKey() {
  constexpr std::string_view kMessage = "API key not valid. Please pass a valid API key.";
  Json info = TypedDetail("ErrorInfo");
  info["reason"] = "API_KEY_INVALID";
  info["domain"] = "googleapis.com";
  info["metadata"] = Json{{"service", kService}};
  Json localized = TypedDetail("LocalizedMessage");
  localized["locale"] = "en-US";
  localized["message"] = kMessage;
  return Build(400, "INVALID_ARGUMENT", kMessage,
               Json::array({std::move(info), std::move(localized)}));
}

ApiError MissingKey() {
  return Build(403, "PERMISSION_DENIED",
               "Method doesn't allow unregistered callers (callers without established identity). "
               "Please use API Key or other form of API consumer identity to call this API.");
}

ApiError ModelNotFound(std::string_view model, std::string_view method) {
  return Build(404, "NOT_FOUND",
               "models/" + std::string(model) +
                   " is not found for API version v1beta, or is not supported for " +
                   std::string(method) +
                   ". Call ListModels to see the list of available models and their supported "
                   "methods.");
}

ApiError PathNotFound() { return Build(404, "NOT_FOUND", "Requested entity was not found."); }

ApiError BatchQueueFull() {
  return Build(429, "RESOURCE_EXHAUSTED", QuotaMessage(), Json::array({HelpDetail()}));
}

ApiError FailedPrecondition(std::string_view message) {
  return Build(400, "FAILED_PRECONDITION", message);
}

ApiError AlreadyExists(std::string_view message) { return Build(409, "ALREADY_EXISTS", message); }

ApiError NoSuchFile(std::string_view id) {
  return Build(
      403, "PERMISSION_DENIED",
      "You do not have permission to access the File " + std::string(id) + " or it may not exist.");
}

ApiError QuotaExceeded(const ModelInfo& model, Tier tier, const QuotaVerdict& verdict) {
  std::string message = QuotaMessage();
  Json violations = Json::array();
  for (const QuotaViolation& violation : verdict.violations) {
    const QuotaNames names = NamesOf(violation.kind, tier);
    const std::string metric = std::string(kService) + "/" + std::string(names.metric);
    const std::string limit = std::to_string(violation.limit);
    message += "\n* Quota exceeded for metric: " + metric + ", limit: " + limit +
               ", model: " + std::string(model.quota_name);
    violations.push_back(
        {{"quotaMetric", metric},
         {"quotaId", names.id},
         {"quotaDimensions", {{"location", "global"}, {"model", model.quota_name}}},
         {"quotaValue", limit}});
  }
  const std::string delay = FormatDuration(verdict.retry_after);
  message += "\nPlease retry in " + delay + ".";
  Json failure = TypedDetail("QuotaFailure");
  failure["violations"] = std::move(violations);
  Json retry = TypedDetail("RetryInfo");
  retry["retryDelay"] = delay;
  return Build(429, "RESOURCE_EXHAUSTED", message,
               Json::array({HelpDetail(), std::move(failure), std::move(retry)}));
}

ApiError ErrorForStatus(int http_status, const ModelInfo& model, Tier tier) {
  switch (http_status) {
    case 400:
      return InvalidArgument("Request contains an invalid argument.");
    case 401:
      return Build(401, "UNAUTHENTICATED",
                   "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                   "login cookie or other valid authentication credential.");
    case 403:
      return Build(403, "PERMISSION_DENIED", "The caller does not have permission");
    case 404:
      return ModelNotFound(model.id, "embedContent");
    case 429: {
      constexpr std::uint64_t kFreeLimit = 100;
      constexpr std::uint64_t kPaidLimit = 3000;
      const std::uint64_t limit = tier == Tier::kFree ? kFreeLimit : kPaidLimit;
      return QuotaExceeded(model, tier,
                           {{{QuotaKind::kRequestsPerMinute, limit}}, kFaultRetryDelay});
    }
    case 499:
      return Build(499, "CANCELLED", "The operation was cancelled.");
    case 500:
      return Build(500, "INTERNAL", "Internal error encountered.");
    case 503:
      return Build(503, "UNAVAILABLE", "The model is overloaded. Please try again later.");
    case 504:
      return Build(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.");
    default:
      return Build(http_status, "UNKNOWN", "HTTP status " + std::to_string(http_status));
  }
}

std::string FormatDuration(std::chrono::microseconds duration) {
  constexpr std::int64_t kMicrosPerSecond = 1'000'000;
  std::string text = std::to_string(duration.count() / kMicrosPerSecond);
  if (const auto fraction = duration.count() % kMicrosPerSecond; fraction != 0) {
    std::string digits = std::to_string(kMicrosPerSecond + fraction).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "s";
}

}  // namespace embstore::simulator
