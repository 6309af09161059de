// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/openai_error.h"

#include <nlohmann/json.hpp>

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr milliseconds kFaultRetryDelay{1500};

OrderedJson OrNull(std::string_view text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

std::string Dump(const OrderedJson& document) {
  return document.dump(4, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

// The beginning and the end, as the service shows keys.
std::string Masked(std::string_view key) {
  constexpr std::size_t kShown = 4;
  if (key.size() <= 2 * kShown) return std::string(key.size(), '*');
  return std::string(key.substr(0, kShown)) + std::string(key.size() - 2 * kShown, '*') +
         std::string(key.substr(key.size() - kShown));
}

std::string_view LimitName(QuotaKind kind) {
  switch (kind) {
    case QuotaKind::kRequestsPerMinute:
      return "requests per min (RPM)";
    case QuotaKind::kTokensPerMinute:
      return "tokens per min (TPM)";
    case QuotaKind::kRequestsPerDay:
      break;
  }
  return "requests per day (RPD)";
}

}  // namespace

ApiError OpenAiError(int http_status, std::string_view type, std::string_view code,
                     std::string_view message, std::string_view param) {
  const OrderedJson document{
      {"error",
       {{"message", message}, {"type", type}, {"param", OrNull(param)}, {"code", OrNull(code)}}}};
  return {http_status, std::string(message), Dump(document)};
}

ApiError OpenAiInvalid(std::string_view message, std::string_view param) {
  return OpenAiError(400, "invalid_request_error", "", message, param);
}

ApiError OpenAiInvalidInput() {
  return OpenAiInvalid(
      "'$.input' is invalid. Please check the API reference: "
      "https://platform.openai.com/docs/api-reference.");
}

ApiError OpenAiMissingKey() {
  return OpenAiError(
      401, "invalid_request_error", "",
      "You didn't provide an API key. You need to provide your API key in an "
      "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");
}

ApiError OpenAiBadKey(std::string_view key) {
  return OpenAiError(401, "invalid_request_error", "invalid_api_key",
                     "Incorrect API key provided: " + Masked(key) +
                         ". You can find your API key at "
                         "https://platform.openai.com/account/api-keys.");
}

ApiError OpenAiModelNotFound(std::string_view model) {
  return OpenAiError(
      404, "invalid_request_error", "model_not_found",
      "The model `" + std::string(model) + "` does not exist or you do not have access to it.");
}

ApiError OpenAiPathNotFound(std::string_view method, std::string_view path) {
  return OpenAiError(404, "invalid_request_error", "",
                     "Invalid URL (" + std::string(method) + " " + std::string(path) + ")");
}

ApiError OpenAiRateLimited(std::string_view model, const QuotaVerdict& verdict) {
  const QuotaViolation& violation = verdict.violations.front();
  const bool tokens = violation.kind == QuotaKind::kTokensPerMinute;
  const auto wait = std::chrono::ceil<milliseconds>(verdict.retry_after);
  const std::string message =
      "Rate limit reached for " + std::string(model) + " in organization org-simulator on " +
      std::string(LimitName(violation.kind)) + ": Limit " + std::to_string(violation.limit) +
      ". Please try again in " + std::to_string(wait.count()) + "ms.";
  ApiError error = OpenAiError(429, tokens ? "tokens" : "requests", "rate_limit_exceeded", message);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
  error.AddHeader("retry-after", std::to_string(seconds.count()));
  error.AddHeader("retry-after-ms", std::to_string(wait.count()));
  return error;
}

ApiError OpenAiNoCredit() {
  return OpenAiError(429, "insufficient_quota", "insufficient_quota",
                     "You exceeded your current quota, please check your plan and billing details. "
                     "For more information on this error, read the docs: "
                     "https://platform.openai.com/docs/guides/error-codes/api-errors.");
}

ApiError PlainBackendError() {
  const std::string message = "The backend failed.";
  return {424, message, Dump({{"message", message}, {"code", 424}, {"type", "backend"}})};
}

ApiError OpenAiErrorForStatus(int http_status, std::string_view model) {
  switch (http_status) {
    case 400:
      return OpenAiInvalidInput();
    case 401:
      return OpenAiBadKey("a-key-of-a-fault");
    case 404:
      return OpenAiModelNotFound(model);
    case 429:
      return OpenAiRateLimited(model, {{{QuotaKind::kRequestsPerMinute, 3000}}, kFaultRetryDelay});
    default:
      break;
  }
  return OpenAiError(http_status, http_status >= 500 ? "server_error" : "invalid_request_error", "",
                     "The server had an error while processing your request. Sorry about that!");
}

}  // namespace embstore::simulator
