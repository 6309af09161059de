// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_files.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/text.h"
#include "engine/provider/gemini_json.h"

namespace embstore {
namespace {

constexpr std::string_view kFiles = "files/";
constexpr std::size_t kMaxIdBytes = 40;  // Of a file that can be got or deleted by name.
// Results may have gigabytes; what ends a dead transfer is its idle time.
constexpr std::chrono::hours kDownloadTimeout{12};

Status BadName(std::string_view name) {
  return Status(Code::kInvalidArgument,
                "\"" + Printable(name, 100) + "\" is no name of a file on the server");
}

Status DownloadFrom(const GeminiEndpoint& endpoint, const std::string& path,
                    const std::function<Status(std::string_view)>& sink) {
  HttpRequest request = MakeGeminiRequest(endpoint, "GET", path);
  request.headers.clear();
  request.sink = sink;
  request.max_response_bytes = 0;
  request.idle_timeout = endpoint.request_timeout;
  request.total_timeout =
      std::max<std::chrono::milliseconds>(endpoint.request_timeout, kDownloadTimeout);
  return SendFreeCall(endpoint, std::move(request)).status();
}

}  // namespace

Result<std::vector<std::string>> FindGeminiFiles(const GeminiEndpoint& endpoint,
                                                 std::string_view display_name) {
  std::vector<std::string> names;
  const auto visit = [&](const JsonValue& file) -> Result<bool> {
    const bool uploaded = FindString(file, "source") != "GENERATED";
    std::string name = FindString(file, "name");
    if (uploaded && FindString(file, "displayName") == display_name && IsGeminiName(name, kFiles)) {
      names.push_back(std::move(name));
    }
    return true;
  };
  const Status status = ForEachListed(endpoint, "/v1beta/files", "files", visit);
  if (!status.ok()) return status;
  return names;
}

Status DownloadGeminiFile(const GeminiEndpoint& endpoint, std::string_view name,
                          const std::function<Status(std::string_view)>& sink) {
  if (!IsGeminiName(name, kFiles)) return BadName(name);
  const std::string path = "/v1beta/" + std::string(name) + ":download?alt=media";
  Status status = DownloadFrom(endpoint, path, sink);
  if (status.code() != Code::kNotFound) return status;
  return DownloadFrom(endpoint, "/download" + path, sink);
}

Status DeleteGeminiFile(const GeminiEndpoint& endpoint, std::string_view name) {
  if (!IsGeminiName(name, kFiles)) return BadName(name);
  if (name.size() > kFiles.size() + kMaxIdBytes) {
    return Status(Code::kInvalidArgument,
                  std::string(name) + ": result files cannot be deleted; they expire");
  }
  const Status status =
      SendFreeCall(endpoint, MakeGeminiRequest(endpoint, "DELETE", "/v1beta/" + std::string(name)))
          .status();
  return status.code() == Code::kNotFound ? Status() : status;
}

}  // namespace embstore
