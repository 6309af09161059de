// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/embed_request.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "tools/simulator/api_error.h"
#include "tools/simulator/json_fields.h"

namespace embstore::simulator {
namespace {

// Several parts make one text, because several parts in one content make one vector.
std::string ReadContent(const Json& content, const std::string& path) {
  const Fields fields(content, path, {"parts", "role"});
  std::string role;
  fields.ReadString("role", &role);
  const Json* parts = fields.FindArray("parts");
  if (parts == nullptr || parts->empty()) {
    throw InvalidArgument("* EmbedContentRequest.content: contents is not specified\n");
  }
  std::string text;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const Fields part((*parts)[i], At(fields.PathOf("parts"), i), {"text"});
    std::string part_text;
    part.ReadString("text", &part_text);
    if (part_text.empty()) {
      throw InvalidArgument("EmbedContentRequest.content contains an empty Part.");
    }
    if (i > 0) text += '\n';
    text += part_text;
  }
  return text;
}

void ReadTaskType(const Fields& fields, EmbedRequest* request) {
  fields.ReadString("taskType", &request->task_type);
  const auto known = TaskTypes();
  if (std::find(known.begin(), known.end(), request->task_type) == known.end()) {
    RefuseValue(fields.PathOf("taskType"),
                "type.googleapis.com/google.ai.generativelanguage.v1beta.TaskType",
                request->task_type);
  }
}

// Protobuf's JSON form allows a number in quotes.
void ReadDimensions(const Fields& fields, EmbedRequest* request) {
  const Json* value = fields.Find("outputDimensionality");
  if (value == nullptr) return;
  std::int64_t number = 0;
  if (value->is_number_integer()) {
    number = value->get<std::int64_t>();
  } else {
    const std::string text = value->is_string() ? value->get<std::string>() : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
      RefuseValue(fields.PathOf("outputDimensionality"), "TYPE_INT32", *value);
    }
  }
  if (number < 1 || number > static_cast<std::int64_t>(kFullDimensions)) {
    throw InvalidArgument(
        "* EmbedContentRequest.output_dimensionality: must be between 1 and 3072\n");
  }
  request->dimensions = static_cast<std::size_t>(number);
}

void ReadSettings(const Fields& fields, EmbedRequest* request) {
  fields.ReadString("title", &request->title);
  ReadTaskType(fields, request);
  ReadDimensions(fields, request);
}

void CheckModel(const EmbedRequest& request, std::string_view model_id, const std::string& field) {
  if (!request.model.starts_with("models/")) {
    throw InvalidArgument("* " + field + ": unexpected model name format\n");
  }
  if (request.model != "models/" + std::string(model_id)) {
    throw InvalidArgument("* " + field + ": expected models/" + std::string(model_id) + ", got " +
                          request.model + "\n");
  }
}

}  // namespace

EmbedRequest ReadEmbedRequest(const Json& json, const std::string& path) {
  const Fields fields(
      json, path,
      {"model", "content", "taskType", "title", "outputDimensionality", "embedContentConfig"});
  EmbedRequest request;
  request.task_type = TaskTypes().front();
  fields.ReadString("model", &request.model);
  ReadSettings(fields, &request);
  if (const Json* config = fields.Find("embedContentConfig")) {
    const Fields nested(*config, fields.PathOf("embedContentConfig"),
                        {"taskType", "title", "outputDimensionality", "autoTruncate", "documentOcr",
                         "audioTrackExtraction"});
    ReadSettings(nested, &request);
    nested.ReadBool("autoTruncate", &request.auto_truncate);
  }
  const Json* content = fields.Find("content");
  if (content == nullptr) {
    throw InvalidArgument("* EmbedContentRequest.content: contents is not specified\n");
  }
  request.text = ReadContent(*content, fields.PathOf("content"));
  return request;
}

std::vector<EmbedRequest> ParseEmbedContent(std::string_view body, std::string_view model_id) {
  const Json document = ParseBody(body, kMaxBodyBytes);
  EmbedRequest request = ReadEmbedRequest(document, "");
  if (!request.model.empty()) CheckModel(request, model_id, "EmbedContentRequest.model");
  std::vector<EmbedRequest> requests;
  requests.push_back(std::move(request));
  return requests;
}

std::vector<EmbedRequest> ParseBatchEmbedContents(std::string_view body,
                                                  std::string_view model_id) {
  const Json document = ParseBody(body, kMaxBodyBytes);
  const Fields fields(document, "", {"model", "requests"});
  const Json* list = fields.FindArray("requests");
  if (list == nullptr || list->empty()) {
    throw InvalidArgument("* BatchEmbedContentsRequest.requests: requests is not specified\n");
  }
  if (list->size() > kMaxBatchRequests) {
    throw InvalidArgument(
        "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n");
  }
  std::vector<EmbedRequest> requests;
  for (std::size_t i = 0; i < list->size(); ++i) {
    requests.push_back(ReadEmbedRequest((*list)[i], At("requests", i)));
    CheckModel(requests.back(), model_id, At("BatchEmbedContentsRequest.requests", i) + ".model");
  }
  return requests;
}

std::vector<std::string> ParseCountTokens(std::string_view body) {
  const Json document = ParseBody(body, kMaxBodyBytes);
  const Fields fields(document, "", {"model", "contents"});
  const Json* contents = fields.FindArray("contents");
  if (contents == nullptr || contents->empty()) {
    throw InvalidArgument("* CountTokensRequest.contents: contents is not specified\n");
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < contents->size(); ++i) {
    texts.push_back(ReadContent((*contents)[i], At("contents", i)));
  }
  return texts;
}

}  // namespace embstore::simulator
