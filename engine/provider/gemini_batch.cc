// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_batch.h"

#include <utility>

#include "engine/base/text.h"
#include "engine/json/json_writer.h"
#include "engine/provider/gemini_error.h"
#include "engine/provider/gemini_files.h"
#include "engine/provider/gemini_job.h"
#include "engine/provider/gemini_upload.h"

namespace embstore {
namespace {

constexpr std::string_view kJobs = "batches/";

Status BadName(std::string_view name, std::string_view kind) {
  return Status(Code::kInvalidArgument, "\"" + Printable(name, 100) + "\" is no name of a " +
                                            std::string(kind) + " on the server");
}

std::string CreateBody(std::string_view input_file, std::string_view display_name) {
  std::string body;
  JsonWriter writer(&body);
  writer.BeginObject().Key("batch").BeginObject();
  writer.Key("displayName").String(display_name);
  writer.Key("inputConfig").BeginObject().Key("fileName").String(input_file).EndObject();
  writer.EndObject().EndObject();
  return body;
}

/// A transport's error about a creation: only what never went out made no job for sure.
Status LostCreation(const Status& status) {
  const bool answered_badly = status.code() == Code::kInvalidReply;
  const bool stopped = status.code() == Code::kCancelled;
  if (!answered_badly && !stopped) return status;
  return Status(Code::kInDoubt, status.message() + "; the job may have been made all the same");
}

}  // namespace

GeminiBatch::GeminiBatch(GeminiEndpoint endpoint, const EmbeddingIdentity& identity,
                         std::string_view upload_mime_type)
    : endpoint_(std::move(endpoint)),
      model_(identity.model),
      upload_mime_type_(upload_mime_type),
      rows_(identity, endpoint_.key) {}

void GeminiBatch::AppendInputRow(std::string_view key, std::string_view text,
                                 std::string* out) const {
  rows_.AppendInput(key, text, out);
}

Result<BatchInputRow> GeminiBatch::ReadInputRow(std::string_view line) const {
  return rows_.ReadInput(line);
}

Result<BatchResultRow> GeminiBatch::ReadResultRow(std::string_view line) const {
  return rows_.ReadResult(line);
}

Result<std::string> GeminiBatch::Upload(const std::filesystem::path& path,
                                        std::string_view display_name) {
  return UploadGeminiFile(endpoint_, path, display_name, upload_mime_type_);
}

Result<RemoteJob> GeminiBatch::Create(std::string_view input_file, std::string_view display_name) {
  if (!IsGeminiName(input_file, "files/")) return BadName(input_file, "file");
  const std::string body = CreateBody(input_file, display_name);
  HttpRequest request =
      MakeGeminiRequest(endpoint_, "POST", "/v1beta/models/" + model_ + ":asyncBatchEmbedContent");
  request.body = body;
  const Result<HttpResponse> response = endpoint_.transport->Send(request);
  if (!response.ok()) return LostCreation(response.status());
  if (response->status != 200) return CreateCallStatus(*response, endpoint_, model_);
  JsonParser parser;
  const Result<JsonValue> root = parser.Parse(response->body);
  RemoteJob job;
  const std::string fault = root.ok() ? ReadGeminiJob(*root, JobSource::kJob, endpoint_.key, &job)
                                      : root.status().message();
  if (fault.empty()) return job;
  if (root.ok() && FindGeminiError(*root)) return CreateCallStatus(*response, endpoint_, model_);
  return LostCreation(BadGeminiAnswer(fault, *response, endpoint_));
}

Result<RemoteJob> GeminiBatch::Get(std::string_view name) {
  if (!IsGeminiName(name, kJobs)) return BadName(name, "job");
  const Result<HttpResponse> response =
      SendFreeCall(endpoint_, MakeGeminiRequest(endpoint_, "GET", "/v1beta/" + std::string(name)));
  if (!response.ok()) return response.status().Prefixed(name);
  JsonParser parser;
  const Result<JsonValue> root = parser.Parse(response->body);
  RemoteJob job;
  std::string fault = root.ok() ? ReadGeminiJob(*root, JobSource::kJob, endpoint_.key, &job)
                                : root.status().message();
  if (fault.empty() && job.name != name) fault = "another job";
  if (fault.empty()) return job;
  const bool is_error = job.name.empty() && root.ok() && FindGeminiError(*root);
  const Status status = is_error ? FreeCallStatus(*response, endpoint_)
                                 : BadGeminiAnswer(fault, *response, endpoint_);
  return status.Prefixed(name);
}

Status GeminiBatch::List(const std::function<bool(const RemoteJob&)>& visit) {
  const auto read = [&](const JsonValue& entry) -> Result<bool> {
    RemoteJob job;
    const std::string fault = ReadGeminiJob(entry, JobSource::kList, endpoint_.key, &job);
    if (fault.empty()) return visit(job);
    // Passed over, it might be the one that is looked for and paid for.
    return Status(Code::kInvalidReply, endpoint_.host + ": invalid reply: a list with " + fault);
  };
  return ForEachListed(endpoint_, "/v1beta/batches", "operations", read);
}

Result<std::vector<std::string>> GeminiBatch::FindUploads(std::string_view display_name) {
  return FindGeminiFiles(endpoint_, display_name);
}

Status GeminiBatch::Download(std::string_view result_file,
                             const std::function<Status(std::string_view)>& sink) {
  return DownloadGeminiFile(endpoint_, result_file, sink);
}

Status GeminiBatch::Cancel(std::string_view name) {
  if (!IsGeminiName(name, kJobs)) return BadName(name, "job");
  HttpRequest request =
      MakeGeminiRequest(endpoint_, "POST", "/v1beta/" + std::string(name) + ":cancel");
  request.body = "{}";
  request.repeatable = true;
  const Result<HttpResponse> response = endpoint_.transport->Send(request);
  if (!response.ok()) return response.status().Prefixed(name);
  if (response->status == 200) return Status();
  // So answers a server about a job that has ended already.
  const bool ended =
      response->status == 400 && ParseGeminiError(*response).status == "FAILED_PRECONDITION";
  return ended ? Status() : FreeCallStatus(*response, endpoint_).Prefixed(name);
}

Status GeminiBatch::DeleteFile(std::string_view file) { return DeleteGeminiFile(endpoint_, file); }

}  // namespace embstore
