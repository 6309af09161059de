// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_error.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "engine/provider/openai_pace.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMessageBytes = 300;

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool HasAny(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](std::string_view part) { return Has(text, part); });
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// A string or a whole number as text; "" for anything else.
std::string Scalar(const JsonValue& value) {
  if (const auto number = value.AsInt()) return std::to_string(*number);
  return std::string(value.AsString().value_or(""));
}

std::string FindScalar(const JsonValue& object, std::string_view key) {
  const auto value = object.Find(key);
  return value ? Scalar(*value) : "";
}

void ReadErrorObject(const JsonValue& object, OpenAiError* error) {
  error->message = FindScalar(object, "message");
  error->type = FindScalar(object, "type");
  error->code = FindScalar(object, "code");
  error->param = FindScalar(object, "param");
}

/// One complaint of a validator: where, and what. The refused value, which it may repeat, is left.
std::string ReadComplaint(const JsonValue& complaint) {
  std::string text;
  if (const auto path = complaint.Find("loc")) {
    path->ForEachElement([&text](JsonValue step) {
      if (!text.empty()) text += '.';
      text += Scalar(step);
      return true;
    });
  }
  if (!text.empty()) text += ": ";
  return text + FindScalar(complaint, "msg");
}

void ReadDetail(const JsonValue& detail, OpenAiError* error) {
  if (detail.type() == JsonType::kObject) return ReadErrorObject(detail, error);
  error->message = Scalar(detail);
  detail.ForEachElement([error](JsonValue complaint) {
    if (!error->message.empty()) error->message += "; ";
    error->message += ReadComplaint(complaint);
    return true;
  });
}

/// False for what some servers write when there is no error.
bool IsError(const JsonValue& value) {
  if (value.type() == JsonType::kNull) return false;
  if (const auto flag = value.AsBool()) return *flag;
  const auto text = value.AsString();
  return !text || !text->empty();
}

/// The HTTP status that an error without one would have come with; 0: cannot be told.
int StatusInWords(const OpenAiError& error) {
  constexpr std::pair<std::string_view, int> kKinds[] = {
      {"insufficient_quota", 429}, {"rate_limit", 429}, {"too_many_requests", 429},
      {"overloaded", 503},         {"api_key", 401},    {"authentication", 401},
      {"permission", 403},         {"not_found", 404},  {"invalid_request", 400},
      {"exceed_context", 400},     {"validation", 422}, {"tokenizer", 422},
      {"server_error", 500},       {"api_error", 500},  {"backend", 424}};
  const std::string kind = Lower(error.code + " " + error.type);
  for (const auto& [words, status] : kKinds) {
    if (Has(kind, words)) return status;
  }
  return HasAny(Lower(error.message), {"rate limit", "too many requests"}) ? 429 : 0;
}

int StatusInside(const OpenAiError& error) {
  int code = 0;
  const char* end = error.code.data() + error.code.size();
  const auto [rest, fault] = std::from_chars(error.code.data(), end, code);
  if (rest == end && fault == std::errc() && code >= 300 && code <= 999) return code;
  return StatusInWords(error);
}

struct Verdict {
  Code code;
  std::string_view advice;
};

constexpr Verdict kRefusedInput = {Code::kRejected, "the server refuses this input"};
constexpr Verdict kRefusedKey = {Code::kPermissionDenied,
                                 "check the API key and what it may be used for"};
constexpr Verdict kNoCredit = {Code::kQuotaExhausted,
                               "the account has no credit left; once it has, the same command goes "
                               "on where it stopped"};
constexpr Verdict kAskLater = {Code::kUnavailable, "it is asked again later"};
constexpr Verdict kGateway = {Code::kInDoubt,
                              "a gateway that says so does not know what the server behind it did: "
                              "the request may have been billed"};
constexpr Verdict kPerhapsDone = {
    Code::kInDoubt, "the server may have done the work, so the request may have been billed"};
constexpr Verdict kNoSuchService = {Code::kInvalidArgument,
                                    "this is no answer of an embeddings service: check base_url, "
                                    "which for most servers ends in /v1"};

bool SpeaksOfCredit(const OpenAiError& error) {
  return HasAny(Lower(error.code + " " + error.type), {"insufficient_quota", "billing"});
}

bool SpeaksOfText(const OpenAiError& error) {
  return Has(error.param, "input") ||
         HasAny(Lower(error.code + " " + error.type), {"context", "max_tokens", "input_too"}) ||
         HasAny(Lower(error.message), {"context length", "context size", "$.input"});
}

bool SpeaksOfModel(const OpenAiError& error) {
  const std::string words = Lower(error.message);
  return error.param == "model" || Has(error.code, "model_not_found") ||
         (Has(words, "model") &&
          HasAny(words, {"not found", "not exist", "unknown", "invalid model", "not support",
                         "not loaded", "not available", "no such"}));
}

bool SpeaksOfSettings(const OpenAiError& error) {
  if (error.param == "dimensions" || error.param == "encoding_format") return true;
  if (SpeaksOfText(error)) return false;
  return SpeaksOfModel(error) ||
         HasAny(Lower(error.message),
                {"encoding_format", "encoding format", "dimension", "matryoshka", "pooling"});
}

Verdict JudgeInput(const OpenAiError& error) {
  if (SpeaksOfCredit(error)) return kNoCredit;
  if (Has(error.code, "api_key") || Has(Lower(error.message), "api key not valid")) {
    return kRefusedKey;
  }
  if (!error.structured || !SpeaksOfSettings(error)) return kRefusedInput;
  return {Code::kInvalidArgument,
          "this is about the settings, not about a text: check model, dimensions and "
          "send_dimensions"};
}

Verdict JudgeNotFound(const OpenAiError& error) {
  if (!error.structured || !Has(Lower(error.code + " " + error.message), "model")) {
    return kNoSuchService;
  }
  return {Code::kInvalidArgument, "check the model's name, and whether the server has it"};
}

Verdict JudgeClientError(const OpenAiError& error) {
  switch (error.http_status) {
    case 400:
    case 422:
      return JudgeInput(error);
    case 401:
    case 403:
      return kRefusedKey;
    case 402:
      return kNoCredit;
    case 404:
      return JudgeNotFound(error);
    case 408:
    case 499:
      return kGateway;
    case 413:
      return kRefusedInput;
    case 409:
    case 424:
    case 425:
      return kAskLater;
    case 429:
      if (SpeaksOfCredit(error)) return kNoCredit;
      return {Code::kRateLimited, "asked faster than the quota allows; it is asked again later"};
    default:
      return kNoSuchService;
  }
}

Verdict JudgeStatus(const OpenAiError& error) {
  const int status = error.http_status;
  if (status < 300) {
    return {Code::kInvalidReply, "nothing of it is kept; the request may have been billed"};
  }
  if (status < 400) {
    return {Code::kInvalidArgument,
            "redirects are not followed, for the key would go along: put the right address into "
            "base_url"};
  }
  if (status < 500) return JudgeClientError(error);
  if (status == 501 || status == 505) return kNoSuchService;
  return status == 500 || status == 503 || status == 529 ? kAskLater : kGateway;
}

Verdict Judge(const OpenAiError& error, const HttpResponse& response) {
  const Verdict verdict = JudgeStatus(error);
  // Who answers with success may put it on the bill.
  if (response.status < 300 && verdict.code == Code::kUnavailable) return kPerhapsDone;
  const bool again = verdict.code == Code::kRateLimited || verdict.code == Code::kUnavailable;
  if (!again || !ForbidsRetry(response)) return verdict;
  return {Code::kQuotaExhausted,
          "the server asks not to be asked again now; the same command, run later, goes on where "
          "it stopped"};
}

Backoff BackoffOf(const OpenAiError& error, const HttpResponse& response) {
  Backoff backoff = ReadOpenAiPace(response);
  const milliseconds named = std::max(ReadRetryAfter(response), WaitInWords(error.message));
  if (named.count() > 0) backoff.retry_after = named;
  return backoff;
}

/// Where a redirect points, without what may be secret in it.
std::string RedirectTarget(const HttpResponse& response, const EmbeddingCall& call) {
  const std::string_view location = response.location;
  if (location.empty() || Has(location, "@")) return "another address";
  return KeylessExcerpt(location.substr(0, location.find_first_of("?#")), call.key, 100);
}

}  // namespace

std::optional<OpenAiError> FindOpenAiError(JsonValue root) {
  if (root.type() == JsonType::kArray) {
    std::optional<JsonValue> first;
    root.ForEachElement([&first](JsonValue element) {
      first = element;
      return false;
    });
    if (!first) return std::nullopt;
    root = *first;
  }
  OpenAiError error;
  error.structured = true;
  if (const auto value = root.Find("error"); value && IsError(*value)) {
    ReadDetail(*value, &error);
    if (error.type.empty()) error.type = FindScalar(root, "error_type");
    return error;
  }
  if (root.Find("data")) return std::nullopt;
  if (const auto detail = root.Find("detail")) {
    ReadDetail(*detail, &error);
    return error;
  }
  ReadErrorObject(root, &error);
  if (error.message.empty()) return std::nullopt;
  return error;
}

OpenAiError ParseOpenAiError(const HttpResponse& response) {
  JsonParser parser;
  const Result<JsonValue> root = parser.Parse(response.body);
  OpenAiError error;
  if (root.ok()) error = FindOpenAiError(*root).value_or(OpenAiError());
  error.http_status = response.status;
  if (response.status < 300) {
    const int inside = StatusInside(error);
    if (inside != 0) error.http_status = inside;
  }
  if (error.message.empty()) error.message = response.body;
  return error;
}

bool RefusesEncoding(const OpenAiError& error) {
  if (error.http_status != 400 && error.http_status != 422) return false;
  return error.param == "encoding_format" ||
         HasAny(Lower(error.message), {"encoding_format", "encoding format", "base64"});
}

Status OpenAiErrorStatus(const OpenAiError& error, const HttpResponse& response,
                         const EmbeddingCall& call) {
  const Verdict verdict = Judge(error, response);
  std::string message(call.host);
  message += ": HTTP " + std::to_string(response.status);
  if (error.http_status != response.status) {
    message += " with error " + std::to_string(error.http_status);
  }
  const std::string& kind = error.code.empty() ? error.type : error.code;
  if (!kind.empty()) message += " " + KeylessExcerpt(kind, call.key, 60);
  if (error.http_status == 404) message += " for model " + std::string(call.model);
  if (response.status >= 300 && response.status < 400) {
    message += " to " + RedirectTarget(response, call);
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
