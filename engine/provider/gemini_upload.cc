// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_upload.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>

#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/hash/hash.h"
#include "engine/http/url.h"
#include "engine/json/json_reader.h"
#include "engine/json/json_writer.h"
#include "engine/provider/gemini_error.h"
#include "engine/provider/gemini_json.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

constexpr std::uint64_t kChunkBytes = 8 << 20;
constexpr std::uint64_t kMaxGranularity = 64 << 20;
constexpr std::chrono::minutes kChunkTimeout{15};
constexpr const char* kStatusHeader = "x-goog-upload-status";
constexpr const char* kUrlHeader = "x-goog-upload-url";
constexpr const char* kGranularityHeader = "x-goog-upload-chunk-granularity";

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileHandle = std::unique_ptr<std::FILE, FileCloser>;

std::string Header(const HttpResponse& response, std::string_view name) {
  const auto found = std::find_if(response.headers.begin(), response.headers.end(),
                                  [name](const auto& header) { return header.first == name; });
  return found == response.headers.end() ? "" : found->second;
}

std::string Base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (at + i < bytes.size() ? bytes[at + i] : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const bool padding = at + i > bytes.size();
      out.push_back(padding ? '=' : kDigits[group >> (18 - 6 * i) & 0x3F]);
    }
  }
  return out;
}

/// The server writes the base64 of the digest's hex text; that of the digest itself is as good.
bool IsDigest(std::string_view text, const Sha256Digest& digest) {
  const std::string hex = HexString(digest);
  const std::span hex_bytes(reinterpret_cast<const std::uint8_t*>(hex.data()), hex.size());
  return text == Base64(hex_bytes) || text == Base64(digest);
}

std::uint64_t ChunkBytes(const std::string& granularity_text) {
  std::uint64_t granularity = 0;
  for (const char c : granularity_text) {
    if (c < '0' || c > '9' || granularity > kMaxGranularity) return kChunkBytes;
    granularity = granularity * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (granularity == 0 || granularity > kMaxGranularity) return kChunkBytes;
  return (kChunkBytes + granularity - 1) / granularity * granularity;
}

std::string_view OriginOf(std::string_view url) {
  const std::size_t host = url.find("://");
  if (host == std::string_view::npos) return {};
  return url.substr(0, url.find_first_of("/?", host + 3));
}

/// One attempt to upload one file. Not thread-safe; one thread at a time.
class Upload {
 public:
  Upload(const GeminiEndpoint& endpoint, const std::filesystem::path& path,
         std::string_view mime_type)
      : endpoint_(endpoint), path_(path), mime_type_(mime_type) {}

  Status Open();
  Status Start(std::string_view display_name);
  Result<std::string> SendAll();

 private:
  Status TakeUrl(const HttpResponse& response);
  Result<HttpResponse> SendChunk(std::string_view bytes, bool last);
  Result<std::string> ReadFinal(const HttpResponse& response);
  std::string FileFault(const JsonValue& file);

  const GeminiEndpoint& endpoint_;
  const std::filesystem::path& path_;
  const std::string mime_type_;
  FileHandle file_;
  std::uint64_t size_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t chunk_bytes_ = kChunkBytes;
  std::string url_;
  Sha256 digest_;
};

Status Upload::Open() {
  std::error_code error;
  size_ = std::filesystem::file_size(path_, error);
  if (error) return ErrnoStatus(Code::kInvalidArgument, "read", path_, error.value());
  file_.reset(std::fopen(path_.c_str(), "rbe"));
  if (!file_) return ErrnoStatus(Code::kInvalidArgument, "read", path_, errno);
  if (size_ > 0) return Status();
  return Status(Code::kInvalidArgument, "'" + path_.string() + "' is empty: nothing to upload");
}

Status Upload::Start(std::string_view display_name) {
  std::string body;
  JsonWriter writer(&body);
  writer.BeginObject().Key("file").BeginObject();
  writer.Key("display_name").String(display_name).EndObject().EndObject();
  HttpRequest request = MakeGeminiRequest(endpoint_, "POST", "/upload/v1beta/files");
  request.body = body;
  request.headers.insert(request.headers.end(),
                         {{"X-Goog-Upload-Protocol", "resumable"},
                          {"X-Goog-Upload-Command", "start"},
                          {"X-Goog-Upload-Header-Content-Length", std::to_string(size_)},
                          {"X-Goog-Upload-Header-Content-Type", mime_type_}});
  request.wanted_headers = {kUrlHeader, kGranularityHeader};
  const Result<HttpResponse> response = SendFreeCall(endpoint_, std::move(request));
  if (!response.ok()) return response.status();
  return TakeUrl(*response);
}

// The key goes along with each piece, so the server does not choose where that is.
Status Upload::TakeUrl(const HttpResponse& response) {
  const std::string given = Header(response, kUrlHeader);
  if (given.empty()) return BadGeminiAnswer("no address to upload to", response, endpoint_);
  const bool plain_http = endpoint_.base.starts_with("http://");
  const Result<CheckedUrl> url = CheckRequestUrl(given, plain_http);
  const std::string_view origin = OriginOf(endpoint_.base);
  if (!url.ok() || OriginOf(url->text) != origin) {
    return Status(Code::kInvalidReply, endpoint_.host + ": the server wants the upload at \"" +
                                           KeylessExcerpt(UrlHost(given), endpoint_.key, 100) +
                                           "\"; nothing is sent to another place than " +
                                           std::string(origin));
  }
  url_ = url->text;
  chunk_bytes_ = ChunkBytes(Header(response, kGranularityHeader));
  return Status();
}

Result<HttpResponse> Upload::SendChunk(std::string_view bytes, bool last) {
  HttpRequest request = MakeGeminiRequest(endpoint_, "POST", "");
  request.url = url_;
  request.body = bytes;
  request.headers = {{"Content-Type", mime_type_},
                     {"X-Goog-Upload-Offset", std::to_string(sent_)},
                     {"X-Goog-Upload-Command", last ? "upload, finalize" : "upload"}};
  request.wanted_headers = {kStatusHeader};
  request.idle_timeout = endpoint_.request_timeout;
  request.total_timeout =
      std::max<std::chrono::milliseconds>(endpoint_.request_timeout, kChunkTimeout);
  Result<HttpResponse> response = SendFreeCall(endpoint_, std::move(request));
  if (!response.ok()) return response;
  JsonParser parser;
  const Result<JsonValue> root = parser.Parse(response->body);
  if (root.ok() && FindGeminiError(*root)) return FreeCallStatus(*response, endpoint_);
  if (Header(*response, kStatusHeader) == (last ? "final" : "active")) return response;
  return Status(Code::kUnavailable, endpoint_.host + ": the upload broke off after " +
                                        std::to_string(sent_) +
                                        " bytes; it costs nothing to "
                                        "repeat it");
}

Result<std::string> Upload::SendAll() {
  std::string chunk;
  chunk.resize(std::min(chunk_bytes_, size_));
  while (true) {
    const std::size_t bytes = std::min(chunk_bytes_, size_ - sent_);
    if (std::fread(chunk.data(), 1, bytes, file_.get()) != bytes) {
      return Status(Code::kInvalidArgument, "cannot read '" + path_.string() + "' to its end");
    }
    const std::string_view piece(chunk.data(), bytes);
    const bool last = sent_ + bytes == size_;
    digest_.Update(piece);
    const Result<HttpResponse> response = SendChunk(piece, last);
    if (!response.ok()) return response.status();
    sent_ += bytes;
    if (last) return ReadFinal(*response);
  }
}

Result<std::string> Upload::ReadFinal(const HttpResponse& response) {
  JsonParser parser;
  const Result<JsonValue> root = parser.Parse(response.body);
  const auto file = root.ok() ? root->Find("file") : std::nullopt;
  if (!file) return BadGeminiAnswer("no \"file\"", response, endpoint_);
  std::string name = FindString(*file, "name");
  if (!IsGeminiName(name, "files/")) {
    return BadGeminiAnswer("a file without a usable name", response, endpoint_);
  }
  const std::string fault = FileFault(*file);
  if (fault.empty()) return name;
  return Status(Code::kUnavailable, endpoint_.host + ": the uploaded " + name + " " + fault +
                                        "; it costs nothing to upload it again");
}

/// How what the server has differs from what was sent, or "".
std::string Upload::FileFault(const JsonValue& file) {
  if (FindString(file, "state") == "FAILED") return "could not be processed";
  const std::uint64_t bytes = FindCount(file, "sizeBytes");
  if (bytes != 0 && bytes != size_) {
    return "has " + std::to_string(bytes) + " bytes instead of " + std::to_string(size_);
  }
  const std::string digest = FindString(file, "sha256Hash");
  if (!digest.empty() && !IsDigest(digest, digest_.Finish())) return "has another SHA-256";
  return "";
}

Result<std::string> UploadOnce(const GeminiEndpoint& endpoint, const std::filesystem::path& path,
                               std::string_view display_name, std::string_view mime_type) {
  Upload upload(endpoint, path, mime_type);
  if (Status status = upload.Open(); !status.ok()) return status;
  if (Status status = upload.Start(display_name); !status.ok()) {
    if (status.code() != Code::kNotFound) return status;
    return Status(Code::kInvalidArgument, status.message() + "; check base_url");
  }
  Result<std::string> name = upload.SendAll();
  if (name.code() != Code::kNotFound) return name;
  return Status(Code::kUnavailable, name.status().message() + "; the upload has to begin again");
}

}  // namespace

Result<std::string> UploadGeminiFile(const GeminiEndpoint& endpoint,
                                     const std::filesystem::path& path,
                                     std::string_view display_name, std::string_view mime_type) {
  constexpr std::string_view kPlain = "text/plain";
  Result<std::string> name = UploadOnce(endpoint, path, display_name, mime_type);
  const bool bad_type =
      !name.ok() && name.status().message().find("Unsupported MIME type") != std::string::npos;
  if (!bad_type || mime_type == kPlain) return name;
  return UploadOnce(endpoint, path, display_name, kPlain);
}

}  // namespace embstore
