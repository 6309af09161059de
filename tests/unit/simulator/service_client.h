// SPDX-License-Identifier: Apache-2.0
// A client of the simulated service without a network, and with a clock that stands still.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "tools/simulator/service.h"

namespace embstore::simulator {

using Headers = std::map<std::string, std::string, std::less<>>;

inline Options WithFaults(std::initializer_list<std::string_view> specs) {
  Options options;
  for (const std::string_view spec : specs) options.faults.push_back(ParseFault(spec));
  return options;
}

/// The value of a header of `reply`, or "".
inline std::string HeaderOf(const HttpReply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return "";
}

class ServiceClient {
 public:
  explicit ServiceClient(const Options& options = {})
      : service_(options, [this] { return now_; }) {}

  HttpReply Call(std::string_view method, std::string_view target, std::string_view body = "",
                 const Headers& headers = {{"x-goog-api-key", "k"}}) {
    HttpRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (target.find('?') != std::string_view::npos) {
      request.query = target.substr(target.find('?') + 1);
    }
    request.headers = headers;
    request.headers["host"] = "127.0.0.1:4711";
    request.body = body;
    return service_.Handle(request);
  }

  nlohmann::json Json(std::string_view method, std::string_view target, std::string_view body = "",
                      const Headers& headers = {{"x-goog-api-key", "k"}}) {
    return nlohmann::json::parse(Call(method, target, body, headers).body, nullptr, false);
  }

  /// Begins an upload; answers the path and query of its address.
  std::string BeginUpload(const Headers& more = {}, std::string_view body = "{}") {
    Headers headers{{"x-goog-api-key", "k"},
                    {"x-goog-upload-protocol", "resumable"},
                    {"x-goog-upload-command", "start"},
                    {"x-goog-upload-header-content-type", "application/jsonl"}};
    for (const auto& [name, value] : more) headers[name] = value;
    const std::string url =
        HeaderOf(Call("POST", "/upload/v1beta/files", body, headers), "X-Goog-Upload-URL");
    const std::string host = "http://127.0.0.1:4711";
    return url.starts_with(host) ? url.substr(host.size()) : "";
  }

  HttpReply Send(const std::string& address, std::string_view command, std::size_t offset,
                 std::string_view bytes) {
    return Call("POST", address, bytes,
                {{"x-goog-upload-command", std::string(command)},
                 {"x-goog-upload-offset", std::to_string(offset)}});
  }

  /// Uploads `content` in one piece; answers "files/...".
  std::string Upload(std::string_view content) {
    const HttpReply reply = Send(BeginUpload(), "upload, finalize", 0, content);
    return nlohmann::json::parse(reply.body)["file"]["name"];
  }

  HttpReply Create(std::string_view file, std::string_view model = "gemini-embedding-001") {
    const nlohmann::json body{
        {"batch", {{"displayName", "job"}, {"inputConfig", {{"fileName", file}}}}}};
    return Call("POST", "/v1beta/models/" + std::string(model) + ":asyncBatchEmbedContent",
                body.dump());
  }

  /// Uploads and creates; answers "batches/...".
  std::string MakeJob(std::string_view content, std::string_view model = "gemini-embedding-001") {
    return nlohmann::json::parse(Create(Upload(content), model).body)["name"];
  }

  nlohmann::json Poll(const std::string& job) { return Json("GET", "/v1beta/" + job); }

  HttpReply StartDownload(const std::string& job) {
    const std::string id = job.substr(job.find('/') + 1);
    return Call("GET", "/download/v1beta/files/batch-" + id + ":download?alt=media");
  }

  /// The lines of the job's result file, by the order in the file.
  std::vector<std::string> Download(const std::string& job) {
    HttpReply reply = StartDownload(job);
    std::string content;
    if (reply.source) {
      for (std::string piece; reply.source(&piece);) content += piece;
    }
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < content.size();) {
      const std::size_t end = content.find('\n', begin);
      lines.push_back(content.substr(begin, end - begin));
      begin = end == std::string::npos ? content.size() : end + 1;
    }
    return lines;
  }

  /// The vector the synchronous call has for `text` with the settings of InputLine.
  nlohmann::json SyncVector(std::string_view text,
                            std::string_view model = "gemini-embedding-001") {
    const nlohmann::json body{{"content", {{"parts", {{{"text", text}}}}}},
                              {"taskType", "CLUSTERING"},
                              {"outputDimensionality", 4}};
    return Json("POST", "/v1beta/models/" + std::string(model) + ":embedContent",
                body.dump())["embedding"]["values"];
  }

  void Wait(std::chrono::microseconds duration) { now_ += duration; }
  Service& service() { return service_; }

 private:
  TimePoint now_{std::chrono::hours(480000)};
  Service service_;
};

/// A line of an input file.
inline std::string InputLine(std::string_view key, std::string_view text) {
  const nlohmann::json line{{"key", key},
                            {"request",
                             {{"content", {{"parts", {{{"text", text}}}}}},
                              {"task_type", "CLUSTERING"},
                              {"output_dimensionality", 4}}}};
  return line.dump() + "\n";
}

/// `count` lines with the keys k0, k1, ... and the texts "text 0", "text 1", ...
inline std::string InputLines(std::size_t count) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) {
    lines += InputLine("k" + std::to_string(i), "text " + std::to_string(i));
  }
  return lines;
}

}  // namespace embstore::simulator
