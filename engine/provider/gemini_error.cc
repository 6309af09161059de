// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_error.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/base/text.h"
#include "engine/http/url.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxDelay = std::chrono::hours(24);
constexpr std::size_t kMinKeyBytes = 8;
constexpr std::size_t kMessageBytes = 300;

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string FindString(const JsonValue& object, std::string_view key) {
  const auto value = object.Find(key);
  return std::string(value ? value->AsString().value_or("") : "");
}

/// Proto3 JSON writes 64-bit numbers as strings.
std::uint64_t FindCount(const JsonValue& object, std::string_view key) {
  const auto value = object.Find(key);
  if (!value) return 0;
  if (const auto number = value->AsInt()) {
    return *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
  }
  const std::string_view digits = value->AsString().value_or("");
  std::uint64_t count = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, count);
  return rest == end && error == std::errc() ? count : 0;
}

void ReadDetail(const JsonValue& detail, GeminiError* error) {
  const std::string type = FindString(detail, "@type");
  if (type.ends_with("google.rpc.RetryInfo")) {
    const auto delay = ParseDuration(FindString(detail, "retryDelay"));
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

/// The delay in "... Please retry in 48.2s."
milliseconds DelayInMessage(std::string_view message) {
  constexpr std::string_view kWords = "retry in ";
  const std::size_t at = message.find(kWords);
  if (at == std::string_view::npos) return milliseconds(0);
  std::string_view rest = message.substr(at + kWords.size());
  rest = rest.substr(0, rest.find_first_not_of("0123456789.hms"));
  while (rest.ends_with('.')) rest.remove_suffix(1);
  return ParseDuration(rest).value_or(milliseconds(0));
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
  if (error->retry_delay == milliseconds(0)) error->retry_delay = DelayInMessage(error->message);
}

struct Verdict {
  Code code;
  std::string_view advice;
};

Verdict JudgeBadRequest(const GeminiError& error) {
  if (error.reason == "API_KEY_INVALID" || Has(error.message, "API key not valid")) {
    return {Code::kPermissionDenied, "the server does not know this API key: check it"};
  }
  if (error.status == "FAILED_PRECONDITION") {
    return {Code::kPermissionDenied,
            "this account may not do that: check its billing and whether the service is offered "
            "in this region"};
  }
  return {Code::kRejected, "the server refuses this input"};
}

Verdict JudgeTooMany(const GeminiError& error) {
  for (const GeminiQuota& quota : error.quotas) {
    if (Has(quota.id, "PerDay")) {
      return {Code::kQuotaExhausted,
              "the daily quota is used up until midnight Pacific time; the same command, run "
              "again after that, goes on where it stopped"};
    }
  }
  return {Code::kRateLimited, "asked faster than the quota allows; it is asked again later"};
}

Verdict Judge(const GeminiError& error) {
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
    case 408:
    case 409:
    case 425:
    case 499:
      break;
    default:
      if (status >= 400 && status < 500) {
        return {Code::kInvalidArgument, "this is no answer of the Gemini API: check base_url"};
      }
      if (status < 400) {
        return {Code::kInvalidReply, "nothing of it is kept; the request may have been billed"};
      }
  }
  return {Code::kUnavailable, "it is asked again later; the request may have been billed"};
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

Status GeminiErrorStatus(const HttpResponse& response, const GeminiCall& call) {
  const GeminiError error = ParseGeminiError(response);
  const Verdict verdict = Judge(error);
  std::string message(call.host);
  message += ": HTTP " + std::to_string(response.status);
  if (error.http_status != response.status) {
    message += " with error " + std::to_string(error.http_status);
  }
  if (!error.status.empty()) message += " " + SafeExcerpt(error.status, call.key, 40);
  if (error.http_status == 404) message += " for model " + std::string(call.model);
  if (response.status >= 300 && response.status < 400) {
    const std::string target = UrlHost(response.location);
    message += " to " + (target.empty() ? "another path" : SafeExcerpt(target, call.key, 100));
  }
  const std::string words = SafeExcerpt(error.message, call.key, kMessageBytes);
  if (!words.empty()) message += ": \"" + words + "\"";
  message += "; ";
  message += verdict.advice;
  const bool waits = verdict.code == Code::kRateLimited || verdict.code == Code::kUnavailable;
  return Status(verdict.code, std::move(message), waits ? BackoffOf(error, response) : Backoff());
}

std::optional<milliseconds> ParseDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || std::isinf(number)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const std::size_t unit_size = text.starts_with("ms") ? 2 : 1;
    const std::string_view unit = text.substr(0, unit_size);
    if (unit == "h") number *= 3'600'000;
    if (unit == "m") number *= 60'000;
    if (unit == "s") number *= 1000;
    if (unit != "h" && unit != "m" && unit != "s" && unit != "ms") return std::nullopt;
    text.remove_prefix(unit_size);
    total += number;
  }
  total = std::min(std::ceil(total), static_cast<double>(kMaxDelay.count()));
  return milliseconds(static_cast<std::int64_t>(total));
}

std::string SafeExcerpt(std::string_view text, const Secret* key, std::size_t limit) {
  // A key shorter than any real one would only garble words that happen to contain it.
  if (key == nullptr || key->Reveal().size() < kMinKeyBytes) return Printable(text, limit);
  const std::string& secret = key->Reveal();
  std::string clean;
  std::size_t at = 0;
  // Before cutting, so that no part of the key is left at the end.
  for (std::size_t hit = text.find(secret); hit != std::string_view::npos;
       hit = text.find(secret, at)) {
    clean.append(text.substr(at, hit - at)).append("[key]");
    at = hit + secret.size();
  }
  clean.append(text.substr(at));
  return Printable(clean, limit);
}

}  // namespace embstore
