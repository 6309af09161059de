// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/dataset/document_readers.h"
#include "engine/dataset/line_reader.h"
#include "engine/dataset/source_error.h"
#include "engine/json/json_reader.h"

namespace embstore {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string_view TypeName(JsonType type) {
  switch (type) {
    case JsonType::kNull:
      return "null";
    case JsonType::kBool:
      return "a boolean";
    case JsonType::kNumber:
      return "a number";
    case JsonType::kString:
      return "a string";
    case JsonType::kArray:
      return "an array";
    case JsonType::kObject:
      break;
  }
  return "an object";
}

class JsonlReader final : public FileDocumentReader {
 public:
  JsonlReader(std::unique_ptr<ByteSource> source, const FileDatasetOptions& options)
      : file_(options.path.string()), lines_(std::move(source), file_, options.max_record_bytes) {
    for (const std::string& name : options.text_fields) texts_.push_back(FieldOf(name));
    if (!options.id_field.empty()) id_ = FieldOf(options.id_field);
    if (!options.label_field.empty()) label_ = FieldOf(options.label_field);
  }

 private:
  struct Field {
    std::string name;
    std::optional<JsonValue> value;  // In the current line.
  };

  /// The place in `fields_` of the field called `name`.
  std::size_t FieldOf(const std::string& name) {
    const auto found = std::find_if(fields_.begin(), fields_.end(),
                                    [&](const Field& field) { return field.name == name; });
    if (found != fields_.end()) return static_cast<std::size_t>(found - fields_.begin());
    fields_.push_back({name, std::nullopt});
    return fields_.size() - 1;
  }

  Result<bool> Read(Document* document) override {
    Result<bool> more = lines_.Next();
    if (!more.ok() || !more.value()) return more;
    Result<JsonValue> line = parser_.Parse(lines_.text());
    if (!line.ok()) return Error(line.status().message() + ListHint());
    if (line.value().type() != JsonType::kObject) {
      return Error("found " + std::string(TypeName(line.value().type())) + " instead of an object" +
                   ListHint());
    }
    document->line = lines_.line();
    if (Status found = FindFields(line.value()); !found.ok()) return found;
    if (Status text = ReadText(&document->text); !text.ok()) return text;
    if (id_) {
      if (Status id = ReadId(&document->id); !id.ok()) return id;
    }
    if (label_) {
      if (Status label = ReadLabel(&document->label.emplace()); !label.ok()) return label;
    }
    return true;
  }

  Status FindFields(JsonValue object) {
    for (Field& field : fields_) field.value.reset();
    const Field* duplicate = nullptr;
    object.ForEachMember([&](std::string_view name, JsonValue value) {
      for (Field& field : fields_) {
        if (field.name != name) continue;
        if (field.value) duplicate = &field;
        field.value = value;
      }
      return duplicate == nullptr;
    });
    if (duplicate != nullptr) {
      return Error("the object has the field " + Shown(duplicate->name) +
                   " twice; remove one of them");
    }
    for (const Field& field : fields_) {
      if (field.value) continue;
      std::vector<std::string_view> names;
      object.ForEachMember([&](std::string_view name, JsonValue) {
        names.push_back(name);
        return true;
      });
      return Error("the object has no field " + Shown(field.name) + FieldHint(field.name, names));
    }
    return {};
  }

  Status ReadText(std::string_view* text) {
    text_.clear();
    for (const std::size_t at : texts_) {
      const Field& field = fields_[at];
      const std::optional<std::string_view> part = field.value->AsString();
      if (!part) return WrongType(field, "a string");
      if (Status nul = CheckNul(field, *part); !nul.ok()) return nul;
      if (texts_.size() == 1) {
        *text = *part;
        return {};
      }
      if (at != texts_[0]) text_ += ' ';
      text_ += *part;
    }
    *text = text_;
    return {};
  }

  Status ReadId(std::string_view* id) {
    const Field& field = fields_[*id_];
    if (const auto number = field.value->AsInt()) {
      id_text_ = std::to_string(*number);
      *id = id_text_;
    } else if (const auto string = field.value->AsString()) {
      *id = *string;
    } else {
      return WrongType(field, "a string or a 64-bit integer");
    }
    const std::string problem = IdProblem(*id);
    return problem.empty() ? Status() : Error(problem);
  }

  Status ReadLabel(std::string_view* label) {
    const Field& field = fields_[*label_];
    if (const auto number = field.value->AsInt()) {
      label_text_ = std::to_string(*number);
      *label = label_text_;
    } else if (const auto boolean = field.value->AsBool()) {
      *label = *boolean ? "true" : "false";
    } else if (const auto string = field.value->AsString()) {
      *label = *string;
      return CheckNul(field, *label);
    } else {
      return WrongType(field, "a string, a 64-bit integer or a boolean");
    }
    return {};
  }

  Status CheckNul(const Field& field, std::string_view value) const {
    if (value.find('\0') == std::string_view::npos) return {};
    return Error("the field " + Shown(field.name) + " holds a NUL (\\u0000); remove it");
  }

  Status WrongType(const Field& field, std::string_view expected) const {
    return Error("the field " + Shown(field.name) + " is " +
                 std::string(TypeName(field.value->type())) + "; it must be " +
                 std::string(expected));
  }

  /// What to do about a line that is no object.
  std::string ListHint() const {
    if (lines_.line() == 1 && lines_.text().starts_with('[')) {
      return "; the file seems to be one JSON array: write one object a line, e.g. jq -c '.[]'";
    }
    return "; each line must be one JSON object";
  }

  Status Error(const std::string& what) const { return SourceError(file_, lines_.line(), what); }

  static std::string Shown(std::string_view name) {
    return "'" + Printable(name, kShownBytes) + "'";
  }

  const std::string file_;
  LineReader lines_;
  JsonParser parser_;
  std::vector<Field> fields_;
  std::vector<std::size_t> texts_;  // Places in `fields_`, as are the next two.
  std::optional<std::size_t> id_;
  std::optional<std::size_t> label_;
  std::string text_;
  std::string id_text_;
  std::string label_text_;
};

}  // namespace

std::unique_ptr<DocumentReader> MakeJsonlReader(std::unique_ptr<ByteSource> source,
                                                const FileDatasetOptions& options) {
  return std::make_unique<JsonlReader>(std::move(source), options);
}

}  // namespace embstore
