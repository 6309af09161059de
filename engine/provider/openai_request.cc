// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_request.h"

#include "engine/json/json_writer.h"

namespace embstore {

OpenAiRequestWriter::OpenAiRequestWriter(std::string_view model, std::uint32_t dimensions)
    : model_(model), dimensions_(dimensions) {
  envelope_bytes_ = Body({}, VectorEncoding::kBase64).size();
}

std::uint64_t OpenAiRequestWriter::EncodedBytes(std::string_view text) {
  const std::uint64_t comma = 1;
  return JsonStringBytes(text) + comma;
}

std::string OpenAiRequestWriter::Body(std::span<const std::string_view> texts,
                                      VectorEncoding encoding) const {
  std::uint64_t size = envelope_bytes_;
  for (const std::string_view text : texts) size += EncodedBytes(text);
  std::string body;
  body.reserve(size);
  JsonWriter writer(&body);
  writer.BeginObject().Key("model").String(model_).Key("input").BeginArray();
  for (const std::string_view text : texts) writer.String(text);
  writer.EndArray();
  if (encoding == VectorEncoding::kBase64) writer.Key("encoding_format").String("base64");
  if (dimensions_ != 0) writer.Key("dimensions").Uint(dimensions_);
  writer.EndObject();
  return body;
}

}  // namespace embstore
