// SPDX-License-Identifier: Apache-2.0
// {"text": ..., "embedding": [...]} a line.
#include <optional>
#include <string>
#include <utility>

#include "embstore/import.h"
#include "engine/importer/line_rows.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

/// A string, or a whole number as ids often are.
std::optional<std::string> FindWord(const JsonValue& object, std::string_view name) {
  const auto value = FindOnly(object, name);
  if (!value) return std::nullopt;
  if (const auto text = value->AsString()) return std::string(*text);
  if (const auto number = value->AsInt()) return std::to_string(*number);
  return std::nullopt;
}

Result<RowKey> FindKey(const JsonValue& object) {
  const auto text = FindOnly(object, "text");
  if (text && text->AsString()) return RowKey::OfText(*text->AsString());
  if (const auto id = FindWord(object, "id")) return RowKey::OfId(*id);
  return Status(Code::kInvalidArgument, "neither \"text\" nor \"id\"");
}

class JsonlRows final : public LineRows {
 public:
  Status Read(std::string_view line, std::uint32_t dimensions,
              std::vector<SourceRow>* rows) override {
    const auto object = parser_.Parse(line);
    if (!object.ok()) return object.status();
    const auto key = FindKey(*object);
    if (!key.ok()) return key.status();
    SourceRow row;
    row.key = *key;
    const auto embedding = FindOnly(*object, "embedding");
    if (!embedding) return {Code::kInvalidArgument, "no \"embedding\""};
    const auto base64 = embedding->AsString();
    row.vector.reserve(dimensions);
    const bool read =
        base64 ? AppendBase64Floats(*base64, &row.vector) : embedding->AppendFloats(&row.vector);
    if (!read || row.vector.empty()) {
      return {Code::kInvalidArgument,
              "its \"embedding\" is neither a list of numbers nor base64 of float32"};
    }
    rows->push_back(std::move(row));
    return {};
  }

 private:
  JsonParser parser_;
};

}  // namespace

Result<std::unique_ptr<VectorSource>> OpenJsonlVectors(const std::filesystem::path& file,
                                                       const std::filesystem::path& scratch) {
  return OpenLineRows(
      file, [] { return std::make_unique<JsonlRows>(); }, scratch);
}

}  // namespace embstore
