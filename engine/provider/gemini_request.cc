// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_request.h"

#include "engine/json/json_writer.h"

namespace embstore {

GeminiRequestWriter::GeminiRequestWriter(std::string_view model, std::string_view task_type,
                                         std::uint32_t dimensions)
    : model_("models/" + std::string(model)), task_type_(task_type), dimensions_(dimensions) {
  const std::string_view empty[] = {""};
  const std::uint64_t comma = 1;
  overhead_ = Body(empty).size() - Body({}).size() - JsonStringBytes("") + comma;
}

std::uint64_t GeminiRequestWriter::EncodedBytes(std::string_view text) const {
  return overhead_ + JsonStringBytes(text);
}

std::string GeminiRequestWriter::Body(std::span<const std::string_view> texts) const {
  std::uint64_t size = kEnvelopeBytes;
  for (const std::string_view text : texts) size += EncodedBytes(text);
  std::string body;
  body.reserve(size);
  JsonWriter writer(&body);
  writer.BeginObject().Key("requests").BeginArray();
  for (const std::string_view text : texts) {
    writer.BeginObject().Key("model").String(model_);
    writer.Key("content").BeginObject().Key("parts").BeginArray();
    writer.BeginObject().Key("text").String(text).EndObject();
    writer.EndArray().EndObject();
    if (!task_type_.empty()) writer.Key("taskType").String(task_type_);
    writer.Key("outputDimensionality").Uint(dimensions_).EndObject();
  }
  writer.EndArray().EndObject();
  return body;
}

}  // namespace embstore
