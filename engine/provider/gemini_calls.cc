// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_calls.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/http/url.h"
#include "engine/provider/gemini_error.h"
#include "engine/provider/gemini_json.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

constexpr std::uint64_t kMaxAnswerBytes = 16 << 20;
constexpr std::size_t kMaxPages = 1000;
constexpr std::size_t kExcerptBytes = 200;

constexpr GeminiVerdict kPerhapsMade = {
    Code::kInDoubt, "the job may have been made all the same: look for it in the list"};

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

EmbeddingCall CallOf(const GeminiEndpoint& endpoint) {
  EmbeddingCall call;
  call.host = endpoint.host;
  call.key = endpoint.key;
  return call;
}

// For files that are gone, or never were, the server also answers 403 and says so in words.
bool SaysGone(const GeminiError& error) {
  return error.http_status == 403 && Has(error.message, "may not exist");
}

GeminiVerdict JudgeFreeCall(const GeminiError& error) {
  if (error.http_status == 404 || SaysGone(error)) {
    return {Code::kNotFound, "the server does not have it, or not any more"};
  }
  const GeminiVerdict verdict = JudgeGeminiError(error);
  if (verdict.code == Code::kInDoubt || verdict.code == Code::kUnavailable) {
    return {Code::kUnavailable, "it is asked again later; this call costs nothing"};
  }
  if (verdict.code == Code::kInvalidReply) {
    return {Code::kInvalidReply, "this is no answer to the call"};
  }
  return verdict;
}

GeminiVerdict JudgeCreateCall(const GeminiError& error) {
  const int status = error.http_status;
  if (status < 300 || status >= 500 || status == 408 || status == 499) {
    return kPerhapsMade;
  }
  const bool about_file = Has(error.message, "file") || Has(error.message, "File");
  if (SaysGone(error) || (status == 404 && about_file && !Has(error.message, "models/"))) {
    return {Code::kNotFound, "no job was made: the input file is not on the server any more"};
  }
  const GeminiVerdict verdict = JudgeGeminiError(error);
  if (verdict.code == Code::kRateLimited) {
    return {Code::kRateLimited, "no job was made: the queue is full, wait for room"};
  }
  if (status == 400 && error.status == "FAILED_PRECONDITION") {
    return {Code::kPermissionDenied,
            "no job was made: the free tier has no batch jobs; enable billing for the key's "
            "project, or embed without them"};
  }
  return verdict;
}

/// What is wrong with a page, or "".
std::string PageFault(const JsonValue& page, std::string_view member) {
  if (page.type() != JsonType::kObject) return "no list";
  const auto list = page.Find(member);
  if (list && list->type() != JsonType::kArray) return "a list that is none";
  const auto token = page.Find("nextPageToken");
  // Taken for "no more", it would hide a job that is paid for.
  if (token && !token->AsString()) return "a page token that is no string";
  return "";
}

Result<bool> VisitPage(const JsonValue& page, std::string_view member,
                       const std::function<Result<bool>(const JsonValue&)>& visit) {
  Result<bool> more = true;
  const auto list = page.Find(member);
  if (!list) return more;
  list->ForEachElement([&](JsonValue entry) {
    more = visit(entry);
    return more.ok() && *more;
  });
  return more;
}

}  // namespace

HttpRequest MakeGeminiRequest(const GeminiEndpoint& endpoint, std::string_view method,
                              const std::string& path) {
  HttpRequest request;
  request.method = method;
  request.url = endpoint.base + path;
  request.headers = {{"Accept", "application/json"}};
  if (method == "POST") request.headers.emplace_back("Content-Type", "application/json");
  request.secret_header = "x-goog-api-key";
  request.secret = endpoint.key;
  request.max_response_bytes = kMaxAnswerBytes;
  request.connect_timeout = endpoint.connect_timeout;
  request.total_timeout = endpoint.request_timeout;
  return request;
}

Result<HttpResponse> SendFreeCall(const GeminiEndpoint& endpoint, HttpRequest request) {
  request.repeatable = true;
  Result<HttpResponse> response = endpoint.transport->Send(request);
  if (response.ok() && response->status != 200) return FreeCallStatus(*response, endpoint);
  return response;
}

Status FreeCallStatus(const HttpResponse& response, const GeminiEndpoint& endpoint) {
  const GeminiError error = ParseGeminiError(response);
  return GeminiStatus(JudgeFreeCall(error), error, response, CallOf(endpoint));
}

Status CreateCallStatus(const HttpResponse& response, const GeminiEndpoint& endpoint,
                        std::string_view model) {
  const GeminiError error = ParseGeminiError(response);
  EmbeddingCall call = CallOf(endpoint);
  call.model = model;
  GeminiVerdict verdict = JudgeCreateCall(error);
  if (response.status < 300 && verdict.code == Code::kUnavailable) verdict = kPerhapsMade;
  return GeminiStatus(verdict, error, response, call);
}

Status BadGeminiAnswer(std::string_view fault, const HttpResponse& response,
                       const GeminiEndpoint& endpoint) {
  std::string message = endpoint.host + ": invalid reply: ";
  message += fault;
  message += "; it begins \"" + KeylessExcerpt(response.body, endpoint.key, kExcerptBytes) + "\"";
  return Status(Code::kInvalidReply, std::move(message));
}

bool IsGeminiName(std::string_view name, std::string_view collection) {
  constexpr std::size_t kMaxBytes = 200;
  if (!name.starts_with(collection)) return false;
  name.remove_prefix(collection.size());
  if (name.empty() || name.size() > kMaxBytes || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

Status ForEachListed(const GeminiEndpoint& endpoint, const std::string& path,
                     std::string_view member,
                     const std::function<Result<bool>(const JsonValue&)>& visit) {
  JsonParser parser;
  std::set<std::string> tokens = {""};
  std::string query = "?pageSize=100";
  while (tokens.size() <= kMaxPages) {
    const Result<HttpResponse> response =
        SendFreeCall(endpoint, MakeGeminiRequest(endpoint, "GET", path + query));
    if (!response.ok()) return response.status();
    const Result<JsonValue> page = parser.Parse(response->body);
    if (!page.ok()) return BadGeminiAnswer(page.status().message(), *response, endpoint);
    if (FindGeminiError(*page)) return FreeCallStatus(*response, endpoint);
    const std::string fault = PageFault(*page, member);
    if (!fault.empty()) return BadGeminiAnswer(fault, *response, endpoint);
    const std::string token = FindString(*page, "nextPageToken");
    const Result<bool> more = VisitPage(*page, member, visit);
    if (!more.ok()) return more.status();
    if (!*more || token.empty()) return Status();
    if (!tokens.insert(token).second) {
      return BadGeminiAnswer("a list whose pages go in a circle", *response, endpoint);
    }
    query = "?pageSize=100&pageToken=" + UrlEncode(token);
  }
  return Status(Code::kInvalidReply, endpoint.host + ": a list of more than 1000 pages");
}

}  // namespace embstore
