// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/batch_request.h"

#include <algorithm>

#include "tools/simulator/api_error.h"
#include "tools/simulator/json_fields.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

Json ParseLine(std::string_view line) {
  Json document = Json::parse(line, nullptr, false);
  if (document.is_discarded() || !document.is_object()) {
    throw InvalidArgument("Invalid JSON payload received. Unexpected token.");
  }
  return document;
}

bool IsCamelCase(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void RefuseCamelCaseIn(const Json& value, const std::string& path) {
  if (!value.is_structured()) return;
  for (const auto& [name, member] : value.items()) {
    if (value.is_object() && IsCamelCase(name)) {
      throw InvalidArgument("Invalid JSON payload received. Unknown name \"" + name + "\" at '" +
                            path + "': no such field.");
    }
    RefuseCamelCaseIn(member, value.is_object() ? path + "." + name : path + "[" + name + "]");
  }
}

void CheckModel(const EmbedRequest& request, std::string_view model_id) {
  const std::string expected = "models/" + std::string(model_id);
  if (request.model.empty() || request.model == expected) return;
  throw InvalidArgument("* EmbedContentRequest.model: expected " + expected + ", got " +
                        request.model + "\n");
}

// The whole call is refused for what is no valid request by its form. A text the model cannot
// take makes an error of its row only.
std::string ReadInlined(const Json& json, const std::string& path) {
  const Fields fields(json, path, {"request", "metadata"});
  const Json* request = fields.Find("request");
  if (request == nullptr) {
    throw InvalidArgument("* InlinedEmbedContentRequest.request: request is not specified\n");
  }
  try {
    ReadEmbedRequest(*request, fields.PathOf("request"));
  } catch (const ApiError& error) {
    if (error.message().starts_with("Invalid ")) throw;
  }
  OrderedJson line{{"request", *request}};
  if (const Json* metadata = fields.Find("metadata")) line["metadata"] = *metadata;
  return line.dump();
}

void ReadRequests(const Json& json, const std::string& path, BatchCreate* create) {
  const Fields fields(json, path, {"requests"});
  const Json* list = fields.FindArray("requests");
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    create->requests.push_back(ReadInlined((*list)[i], At(fields.PathOf("requests"), i)));
  }
}

}  // namespace

BatchCreate ParseBatchCreate(std::string_view body, std::string_view model_id) {
  const Json document = ParseBody(body, kMaxInlineBytes);
  const Fields root(document, "", {"batch"});
  const Json* batch_json = root.Find("batch");
  if (batch_json == nullptr) {
    throw InvalidArgument("* AsyncBatchEmbedContentRequest.batch: batch is not specified\n");
  }
  const Fields batch(*batch_json, "batch", {"model", "displayName", "inputConfig", "priority"});
  BatchCreate create;
  EmbedRequest named;
  batch.ReadString("model", &named.model);
  CheckModel(named, model_id);
  batch.ReadString("displayName", &create.display_name);
  if (const Json* input_json = batch.Find("inputConfig")) {
    const Fields input(*input_json, batch.PathOf("inputConfig"), {"fileName", "requests"});
    input.ReadString("fileName", &create.file_name);
    if (const Json* requests = input.Find("requests")) {
      ReadRequests(*requests, input.PathOf("requests"), &create);
    }
  }
  if (create.file_name.empty() == create.requests.empty()) {
    throw InvalidArgument(
        "* EmbedContentBatch.input_config: one of file_name and requests must be specified\n");
  }
  return create;
}

EmbedRequest ParseBatchLine(std::string_view line, std::string_view model_id) {
  const Json document = ParseLine(line);
  const auto request_json = document.find("request");
  if (request_json == document.end()) {
    throw InvalidArgument("* EmbedContentBatch: no such field, or no request in the line\n");
  }
  EmbedRequest request = ReadEmbedRequest(*request_json, "request");
  CheckModel(request, model_id);
  return request;
}

void RefuseCamelCase(std::string_view line) {
  const Json document = Json::parse(line, nullptr, false);
  if (!document.is_object() || !document.contains("request")) return;
  RefuseCamelCaseIn(document["request"], "request");
}

OrderedJson EchoOf(std::string_view line) {
  OrderedJson document = OrderedJson::parse(line, nullptr, false);
  if (!document.is_object()) return OrderedJson::object();
  document.erase("request");
  for (auto& [name, value] : document.items()) {
    if (value.is_array()) value = OrderedJson::array();
  }
  return document;
}

}  // namespace embstore::simulator
