// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/file_endpoints.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/simulator/api_error.h"
#include "tools/simulator/connection.h"
#include "tools/simulator/json_fields.h"
#include "tools/simulator/page.h"
#include "tools/simulator/reply_faults.h"
#include "tools/simulator/reply_json.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kChunkGranularity = 8388608;
constexpr std::size_t kMaxIdSize = 40;
constexpr std::size_t kMaxDisplayName = 512;
constexpr std::size_t kDefaultPage = 10;
constexpr std::size_t kMaxPage = 100;
constexpr std::string_view kHost = "https://generativelanguage.googleapis.com/v1beta/";

OrderedJson Describe(const StoredFile& file) {
  OrderedJson json{{"name", "files/" + file.id}};
  if (!file.display_name.empty()) json["displayName"] = file.display_name;
  json["mimeType"] = file.mime_type;
  if (file.content->size() > 0) json["sizeBytes"] = std::to_string(file.content->size());
  json["createTime"] = FormatTimestamp(file.created);
  json["updateTime"] = FormatTimestamp(file.created);
  json["expirationTime"] = FormatTimestamp(file.expires);
  json["sha256Hash"] = Base64(file.sha256);
  json["uri"] = std::string(kHost) + "files/" + file.id;
  json["state"] = "ACTIVE";
  json["source"] = "UPLOADED";
  return json;
}

std::optional<std::uint64_t> ReadNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void CheckIdSize(std::string_view id, std::string_view message_name) {
  if (id.size() <= kMaxIdSize) return;
  throw InvalidArgument("* " + std::string(message_name) +
                        ".name: File ID (name excluding 'files/') cannot be more than 40 "
                        "characters.\n");
}

bool IsIdCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

// The id in a name that a client chose.
std::string ChosenId(std::string_view name) {
  if (name.empty()) return {};
  if (name.starts_with("files/")) name.remove_prefix(6);
  CheckIdSize(name, "CreateFileRequest.file");
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsIdCharacter) ||
      name.starts_with('-') || name.ends_with('-')) {
    throw InvalidArgument(
        "* CreateFileRequest.file.name: must be lowercase letters, digits and inner dashes\n");
  }
  return std::string(name);
}

std::shared_ptr<Upload> ParseStart(const HttpRequest& request) {
  auto upload = std::make_shared<Upload>();
  upload->content = std::make_shared<SpoolFile>();
  upload->mime_type = request.Header("x-goog-upload-header-content-type");
  upload->declared_size = ReadNumber(request.Header("x-goog-upload-header-content-length"));
  const Json document = ParseBody(request.body, kMaxHeadBytes);
  const Fields root(document, "", {"file"});
  if (const Json* file_json = root.Find("file")) {
    const Fields file(*file_json, "file",
                      {"name", "displayName", "mimeType", "sizeBytes", "uri", "state", "source"});
    std::string name;
    file.ReadString("name", &name);
    upload->file_id = ChosenId(name);
    file.ReadString("displayName", &upload->display_name);
    if (upload->mime_type.empty()) file.ReadString("mimeType", &upload->mime_type);
  }
  if (upload->display_name.size() > kMaxDisplayName) {
    throw InvalidArgument("* CreateFileRequest.file.display_name: at most 512 characters\n");
  }
  if (upload->declared_size.value_or(0) > kMaxUploadBytes) {
    throw InvalidArgument("* CreateFileRequest.file: at most 2147483648 bytes\n");
  }
  return upload;
}

HttpReply UploadReply(std::string_view status) {
  HttpReply reply;
  reply.sized = true;
  reply.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                   {"Server", "UploadServer"},
                   {"X-Goog-Upload-Status", std::string(status)}};
  return reply;
}

HttpReply RefuseUpload(std::string_view why, const Upload& upload) {
  HttpReply reply = UploadReply(upload.finished ? "final" : "active");
  reply.status = 400;
  reply.headers.emplace_back("X-Goog-Upload-Size-Received", std::to_string(upload.content->size()));
  reply.body = why;
  return reply;
}

std::uint64_t BodySize(const HttpRequest& request) {
  return request.spooled_body ? request.spooled_body->size() : request.body.size();
}

void AppendBody(const HttpRequest& request, Upload* upload) {
  if (!request.spooled_body) return upload->content->Append(request.body);
  if (upload->content->size() == 0) {
    upload->content = request.spooled_body;
  } else {
    upload->content->Append(*request.spooled_body);
  }
}

// The connection breaks in the middle of a chunk; what came before that is kept.
HttpReply LoseHalf(const HttpRequest& request, Upload* upload) {
  const std::size_t half = BodySize(request) / 2;
  upload->content->Append(request.spooled_body ? request.spooled_body->Read(0, half)
                                               : request.body.substr(0, half));
  HttpReply reply = UploadReply("active");
  reply.delivery = Delivery::kReset;
  return reply;
}

bool HasCommand(const HttpRequest& request, std::string_view command) {
  std::string_view commands = request.Header("x-goog-upload-command");
  while (!commands.empty()) {
    const std::size_t comma = commands.find(',');
    std::string_view one = commands.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one == command) return true;
    if (comma == std::string_view::npos) return false;
    commands.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool FileEndpoints::BeginsUpload(const HttpRequest& request) {
  return HasCommand(request, "start");
}

HttpReply FileEndpoints::BeginUpload(const HttpRequest& request) {
  return core_->Guarded(CallKind::kUploadStart, [&] {
    if (request.Header("x-goog-upload-protocol") != "resumable") {
      throw InvalidArgument("Upload protocol is not supported.");
    }
    std::shared_ptr<Upload> upload = ParseStart(request);
    if (upload->mime_type != "text/plain" &&
        !core_->faults().Next(CallKind::kUploadOtherMime).empty()) {
      throw InvalidArgument("Unsupported MIME type: " + upload->mime_type);
    }
    if (!upload->file_id.empty() && files_->Find(upload->file_id)) {
      throw AlreadyExists("Requested entity already exists");
    }
    const std::string id = files_->StartUpload(std::move(upload));
    const std::string url = "http://" + std::string(request.Header("host")) + request.path +
                            "?upload_id=" + id + "&upload_protocol=resumable";
    HttpReply reply = UploadReply("active");
    for (const char* name : {"X-Goog-Upload-URL", "X-Goog-Upload-Control-URL"}) {
      reply.headers.emplace_back(name, url);
    }
    reply.headers.emplace_back("X-Goog-Upload-Chunk-Granularity",
                               std::to_string(kChunkGranularity));
    reply.headers.emplace_back("X-GUploader-UploadID", id);
    return reply;
  });
}

HttpReply FileEndpoints::ContinueUpload(const HttpRequest& request) {
  const std::string id = request.QueryParameter("upload_id");
  const std::shared_ptr<Upload> upload = files_->FindUpload(id);
  if (!upload) {
    HttpReply reply = UploadReply("final");
    reply.status = 404;
    reply.body = "No such upload.";
    return reply;
  }
  const std::lock_guard lock(upload->mutex);
  if (HasCommand(request, "query")) {
    HttpReply reply = UploadReply(upload->finished ? "final" : "active");
    reply.headers.emplace_back("X-Goog-Upload-Size-Received",
                               std::to_string(upload->content->size()));
    return reply;
  }
  if (HasCommand(request, "cancel")) {
    files_->ForgetUpload(id);
    return UploadReply("cancelled");
  }
  const std::vector<Fault> faults = core_->faults().Next(CallKind::kUploadData);
  const Tier tier = core_->options().tier;
  RefuseByFault(faults, Models().front(), tier);
  HttpReply reply = Has(faults, FaultKind::kUploadReset) ? LoseHalf(request, upload.get())
                                                         : Receive(request, upload.get());
  SpoilReply(faults, Models().front(), tier, &reply);
  return reply;
}

HttpReply FileEndpoints::Receive(const HttpRequest& request, Upload* upload) {
  if (upload->finished) return RefuseUpload("The upload is finished.", *upload);
  const bool finalize = HasCommand(request, "finalize");
  if (HasCommand(request, "upload")) {
    const auto offset = ReadNumber(request.Header("x-goog-upload-offset"));
    if (offset != upload->content->size()) {
      return RefuseUpload("The offset is not where the last chunk ended.", *upload);
    }
    if (!finalize && BodySize(request) % kChunkGranularity != 0) {
      return RefuseUpload("The chunk is no multiple of the granularity.", *upload);
    }
    AppendBody(request, upload);
  } else if (!finalize) {
    return RefuseUpload("Unknown upload command.", *upload);
  }
  return finalize ? Finalize(upload) : UploadReply("active");
}

HttpReply FileEndpoints::Finalize(Upload* upload) {
  if (upload->declared_size && *upload->declared_size != upload->content->size()) {
    return RefuseUpload("The size is not the one that was announced.", *upload);
  }
  HttpReply reply = UploadReply("final");
  reply.headers.front().second = "application/json; charset=UTF-8";
  upload->finished = true;
  if (!core_->faults().Next(CallKind::kUploadFinalize).empty()) {
    reply.body = ErrorForStatus(500, Models().front(), core_->options().tier).body();
    return reply;
  }
  reply.body = JsonReply({{"file", Describe(files_->Add(*upload))}}).body;
  return reply;
}

HttpReply FileEndpoints::Get(std::string_view id) {
  return core_->Guarded(CallKind::kFiles, [&] {
    CheckIdSize(id, "GetFileRequest");
    const auto file = files_->Find(id);
    if (!file) throw NoSuchFile(id);
    return JsonReply(Describe(*file));
  });
}

HttpReply FileEndpoints::List(const HttpRequest& request) {
  return core_->Guarded(CallKind::kFiles, [&] {
    const PageRequest page = ParsePage(request, kDefaultPage, kMaxPage);
    const std::vector<StoredFile> files = files_->List();
    OrderedJson reply = OrderedJson::object();
    const std::size_t end = std::min(files.size(), page.first + page.size);
    for (std::size_t i = page.first; i < end; ++i) reply["files"].push_back(Describe(files[i]));
    if (end < files.size()) reply["nextPageToken"] = PageToken(end);
    return JsonReply(reply);
  });
}

HttpReply FileEndpoints::Delete(std::string_view id) {
  return core_->Guarded(CallKind::kFiles, [&] {
    CheckIdSize(id, "DeleteFileRequest");
    if (!files_->Remove(id)) throw NoSuchFile(id);
    return JsonReply(OrderedJson::object());
  });
}

}  // namespace embstore::simulator
