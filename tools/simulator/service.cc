// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/service.h"

#include <algorithm>

#include "tools/simulator/api_error.h"
#include "tools/simulator/model_endpoints.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kModelsPath = "/v1beta/models";

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
  headers.emplace_back("Server", "scaffolding on HTTPServer2");
  headers.emplace_back("X-XSS-Protection", "0");
  headers.emplace_back("X-Frame-Options", "SAMEORIGIN");
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  headers.emplace_back("Server-Timing", "gfet4t7; dur=" + std::to_string(elapsed.count()));
  headers.emplace_back("Alt-Svc", "h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000");
}

void PackIfAsked(const HttpRequest& request, HttpReply* reply) {
  if (request.Header("accept-encoding").find("gzip") == std::string_view::npos) return;
  if (reply->body.empty() || HasHeader(*reply, "Content-Encoding")) return;
  reply->body = Gzip(reply->body);
  reply->headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace

Service::Service(const Options& options, Clock clock)
    : key_(options.key), latency_(options.latency), embed_(options, std::move(clock)) {}

HttpReply Service::Handle(const HttpRequest& request) {
  ++calls_;
  const auto start = steady_clock::now();
  HttpReply reply;
  try {
    reply = Route(request);
  } catch (const ApiError& error) {
    reply.status = error.http_status();
    reply.body = error.body();
  }
  PackIfAsked(request, &reply);
  reply.delay += latency_;
  AddCommonHeaders(start, &reply);
  return reply;
}

HttpReply Service::Route(const HttpRequest& request) {
  const std::string_view path = request.path;
  if (!path.starts_with(kModelsPath)) throw PathNotFound();
  const std::string_view rest = path.substr(kModelsPath.size());
  if (rest.empty() && request.method == "GET") {
    CheckKey(request);
    return ListModels();
  }
  if (!rest.starts_with('/')) throw PathNotFound();
  return RouteModelCall(request, rest.substr(1));
}

HttpReply Service::RouteModelCall(const HttpRequest& request, std::string_view model_and_method) {
  const std::size_t colon = model_and_method.rfind(':');
  const std::string_view id = model_and_method.substr(0, colon);
  const std::string_view method =
      colon == std::string_view::npos ? std::string_view{} : model_and_method.substr(colon + 1);
  const bool embed = method == "embedContent" || method == "batchEmbedContents";
  const bool count = method == "countTokens";
  const bool get = method.empty() && request.method == "GET";
  if (!get && !((embed || count) && request.method == "POST")) throw PathNotFound();

  CheckKey(request);
  const ModelInfo* model = FindModel(id);
  // The service names embedContent for the batch call too.
  if (model == nullptr) throw ModelNotFound(id, count ? "countTokens" : "embedContent");
  if (get) return GetModel(*model);
  if (count) return CountTokensCall(request.body);
  return method == "embedContent" ? embed_.EmbedContent(*model, request.body)
                                  : embed_.BatchEmbedContents(*model, request.body);
}

void Service::CheckKey(const HttpRequest& request) const {
  std::string key(request.Header("x-goog-api-key"));
  if (key.empty()) key = request.QueryParameter("key");
  if (key.empty()) throw MissingKey();
  const bool valid = key_.empty() ? !key.starts_with("bad") : key == key_;
  if (!valid) throw BadKey();
}

}  // namespace embstore::simulator
