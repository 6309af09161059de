// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/service.h"

#include <algorithm>
#include <array>
#include <string>

#include "tools/simulator/api_error.h"
#include "tools/simulator/model_endpoints.h"
#include "tools/simulator/reply_faults.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kOpenAiPath = "/v1/";
constexpr std::size_t kRequestIdSize = 32;

struct NameAndMethod {
  std::string_view name;
  std::string_view method;  ///< "" when there is none
};

// "/NAME:METHOD".
NameAndMethod SplitMethod(std::string_view rest) {
  rest.remove_prefix(1);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return {rest, {}};
  return {rest.substr(0, colon), rest.substr(colon + 1)};
}

bool HasHeader(const HttpReply& reply, std::string_view name) {
  return std::any_of(reply.headers.begin(), reply.headers.end(),
                     [name](const auto& header) { return header.first == name; });
}

void AddCommonHeaders(steady_clock::time_point start, HttpReply* reply) {
  using std::chrono::milliseconds;
  const auto elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  auto& headers = reply->headers;
  if (!HasHeader(*reply, "Content-Type")) {
    headers.emplace_back("Content-Type", "application/json; charset=UTF-8");
  }
  for (const char* origin : {"Origin", "X-Origin", "Referer"}) headers.emplace_back("Vary", origin);
  headers.emplace_back("Date", HttpDate(std::chrono::system_clock::now()));
  if (!HasHeader(*reply, "Server")) headers.emplace_back("Server", "scaffolding on HTTPServer2");
  headers.emplace_back("X-XSS-Protection", "0");
  headers.emplace_back("X-Frame-Options", "SAMEORIGIN");
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  headers.emplace_back("Server-Timing", "gfet4t7; dur=" + std::to_string(elapsed.count()));
  headers.emplace_back("Alt-Svc", "h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000");
}

void AddOpenAiHeaders(steady_clock::time_point start, const std::string& request_id,
                      HttpReply* reply) {
  const auto elapsed =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start);
  auto& headers = reply->headers;
  if (!HasHeader(*reply, "Content-Type")) headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Date", HttpDate(std::chrono::system_clock::now()));
  headers.emplace_back("openai-organization", "org-simulator");
  headers.emplace_back("openai-processing-ms", std::to_string(elapsed.count()));
  headers.emplace_back("openai-version", "2020-10-01");
  headers.emplace_back("x-request-id", "req_" + request_id);
}

void PackIfAsked(const HttpRequest& request, HttpReply* reply) {
  if (request.Header("accept-encoding").find("gzip") == std::string_view::npos) return;
  if (reply->body.empty() || HasHeader(*reply, "Content-Encoding")) return;
  reply->body = Gzip(reply->body);
  reply->headers.emplace_back("Content-Encoding", "gzip");
}

// Gemini's v1 and v1beta are one here. OpenAI has a v1 too; the key tells whose is meant.
std::string VersionedPath(const HttpRequest& request) {
  std::string path = request.path;
  const bool gemini =
      !request.Header("x-goog-api-key").empty() || !request.QueryParameter("key").empty();
  for (const std::string_view area : {"/v1/", "/upload/v1/", "/download/v1/"}) {
    if (path.starts_with(area) && (gemini || area != kOpenAiPath)) {
      path.insert(area.size() - 1, "beta");
    }
  }
  return path;
}

}  // namespace

Service::Service(const Options& options, Clock clock)
    : core_(options, std::move(clock)),
      files_(&core_),
      embed_(&core_),
      file_(&core_, &files_),
      batch_(&core_, &files_),
      openai_(&core_) {}

HttpReply Service::Handle(const HttpRequest& request) {
  ++calls_;
  const auto start = steady_clock::now();
  HttpReply reply;
  try {
    reply = Route(request);
  } catch (const ApiError& error) {
    reply.status = error.http_status();
    reply.body = error.body();
    reply.headers = error.headers();
  }
  PackIfAsked(request, &reply);
  reply.delay += core_.options().latency;
  if (VersionedPath(request).starts_with(kOpenAiPath)) {
    AddOpenAiHeaders(start, core_.NewId(kRequestIdSize), &reply);
  } else {
    AddCommonHeaders(start, &reply);
  }
  return reply;
}

HttpReply Service::Route(const HttpRequest& request) {
  struct Area {
    std::string_view prefix;
    HttpReply (Service::*route)(const HttpRequest&, std::string_view);
  };
  static constexpr std::array<Area, 7> kAreas{{{"/v1", &Service::RouteOpenAi},
                                               {"/v1beta/openai", &Service::RouteGeminiOpenAi},
                                               {"/v1beta/models", &Service::RouteModels},
                                               {"/v1beta/batches", &Service::RouteBatches},
                                               {"/v1beta/files", &Service::RouteFiles},
                                               {"/download/v1beta/files", &Service::RouteFiles},
                                               {"/upload/v1beta/files", &Service::RouteUpload}}};
  const std::string versioned = VersionedPath(request);
  const std::string_view path = versioned;
  for (const Area& area : kAreas) {
    if (!path.starts_with(area.prefix)) continue;
    const std::string_view rest = path.substr(area.prefix.size());
    if (rest.empty() || rest.front() == '/') return (this->*area.route)(request, rest);
  }
  throw PathNotFound();
}

HttpReply Service::RouteModels(const HttpRequest& request, std::string_view rest) {
  if (rest.empty()) {
    if (request.method != "GET") throw PathNotFound();
    CheckKey(request);
    return ListModels();
  }
  const auto [id, method] = SplitMethod(rest);
  const bool embed = method == "embedContent" || method == "batchEmbedContents";
  const bool count = method == "countTokens";
  const bool batch = method == "asyncBatchEmbedContent";
  const bool get = method.empty() && request.method == "GET";
  if (!get && !((embed || count || batch) && request.method == "POST")) throw PathNotFound();

  CheckKey(request);
  const ModelInfo* model = FindModel(id);
  // The service names embedContent for the batch call too.
  if (model == nullptr) throw ModelNotFound(id, embed || get ? "embedContent" : method);
  if (get) return GetModel(*model);
  if (count) return CountTokensCall(request.body);
  if (batch) return batch_.Create(*model, request.body);
  return method == "embedContent" ? embed_.EmbedContent(*model, request.body)
                                  : embed_.BatchEmbedContents(*model, request.body);
}

HttpReply Service::RouteBatches(const HttpRequest& request, std::string_view rest) {
  CheckKey(request);
  if (rest.empty() && request.method == "GET") return batch_.List(request);
  if (rest.empty()) throw PathNotFound();
  const auto [id, method] = SplitMethod(rest);
  if (request.method == "GET" && method.empty()) return batch_.Get(id);
  if (request.method == "DELETE" && method.empty()) return batch_.Delete(id);
  if (request.method == "POST" && method == "cancel") return batch_.Cancel(id);
  throw PathNotFound();
}

HttpReply Service::RouteFiles(const HttpRequest& request, std::string_view rest) {
  CheckKey(request);
  if (rest.empty() && request.method == "GET") return file_.List(request);
  if (rest.empty()) throw PathNotFound();
  const auto [id, method] = SplitMethod(rest);
  if (request.method == "DELETE" && method.empty()) return file_.Delete(id);
  if (request.method != "GET") throw PathNotFound();
  if (method.empty()) return file_.Get(id);
  if (method != "download" || request.QueryParameter("alt") != "media") throw PathNotFound();
  return batch_.Download(id);
}

HttpReply Service::RouteUpload(const HttpRequest& request, std::string_view rest) {
  if (!rest.empty() || request.method != "POST") throw PathNotFound();
  if (!FileEndpoints::BeginsUpload(request)) return file_.ContinueUpload(request);
  CheckKey(request);
  return file_.BeginUpload(request);
}

HttpReply Service::RouteOpenAi(const HttpRequest& request, std::string_view rest) {
  return openai_.Handle(request, rest, OpenAiFlavor::kOpenAi);
}

// The service puts the errors of these calls into a list.
HttpReply Service::RouteGeminiOpenAi(const HttpRequest& request, std::string_view rest) {
  try {
    return openai_.Handle(request, rest, OpenAiFlavor::kGemini);
  } catch (const ApiError& error) {
    throw ApiError(error.http_status(), error.message(), InList(error.body()));
  }
}

void Service::CheckKey(const HttpRequest& request) const {
  std::string key(request.Header("x-goog-api-key"));
  if (key.empty()) key = request.QueryParameter("key");
  if (key.empty()) throw MissingKey();
  const std::string& expected = core_.options().key;
  const bool valid = expected.empty() ? !key.starts_with("bad") : key == expected;
  if (!valid) throw BadKey();
}

}  // namespace embstore::simulator
