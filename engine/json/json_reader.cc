// SPDX-License-Identifier: Apache-2.0
#include "engine/json/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

namespace embstore {
namespace {

namespace dom = simdjson::dom;

struct Handle {
  const void* document;
  std::size_t index;
};
static_assert(sizeof(Handle) == sizeof(dom::element));
static_assert(std::is_trivially_copyable_v<dom::element>);

dom::element Unwrap(const void* document, std::size_t index) {
  return std::bit_cast<dom::element>(Handle{document, index});
}

template <typename T>
std::optional<T> Get(dom::element element) {
  T value{};
  if (element.get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

}  // namespace

struct JsonParser::State {
  dom::parser parser;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

Result<JsonValue> JsonParser::Parse(std::string_view json) {
  if (json.data() == nullptr) json = "";  // parse() copies from it even when nothing is there.
  return Parse(json, /*has_room_behind=*/false);
}

Result<JsonValue> JsonParser::ParseInPlace(const std::string& json) {
  return Parse(json, json.capacity() - json.size() >= simdjson::SIMDJSON_PADDING);
}

Result<JsonValue> JsonParser::Parse(std::string_view json, bool has_room_behind) {
  // parse() itself grows its buffers but never the depth, so that is set first.
  const std::size_t capacity = std::max(state_->parser.capacity(), json.size());
  simdjson::error_code error = state_->parser.allocate(capacity, kMaxDepth);
  dom::element root;
  if (error == simdjson::SUCCESS) {
    error = state_->parser.parse(json.data(), json.size(), !has_room_behind).get(root);
  }
  if (error != simdjson::SUCCESS) {
    return Status(Code::kInvalidArgument,
                  std::string("invalid JSON: ") + simdjson::error_message(error));
  }
  const auto handle = std::bit_cast<Handle>(root);
  JsonValue value;
  value.document_ = handle.document;
  value.index_ = handle.index;
  return value;
}

JsonType JsonValue::type() const {
  switch (Unwrap(document_, index_).type()) {
    case dom::element_type::ARRAY:
      return JsonType::kArray;
    case dom::element_type::OBJECT:
      return JsonType::kObject;
    case dom::element_type::STRING:
      return JsonType::kString;
    case dom::element_type::BOOL:
      return JsonType::kBool;
    case dom::element_type::NULL_VALUE:
      return JsonType::kNull;
    default:
      return JsonType::kNumber;
  }
}

std::optional<std::string_view> JsonValue::AsString() const {
  return Get<std::string_view>(Unwrap(document_, index_));
}

std::optional<bool> JsonValue::AsBool() const { return Get<bool>(Unwrap(document_, index_)); }

std::optional<std::int64_t> JsonValue::AsInt() const {
  return Get<std::int64_t>(Unwrap(document_, index_));
}

std::optional<double> JsonValue::AsDouble() const { return Get<double>(Unwrap(document_, index_)); }

std::optional<JsonValue> JsonValue::Find(std::string_view key) const {
  std::optional<JsonValue> found;
  ForEachMember([&](std::string_view name, JsonValue value) {
    if (name == key) found = value;
    return !found.has_value();
  });
  return found;
}

bool JsonValue::ForEachElement(const std::function<bool(JsonValue)>& visit) const {
  dom::array array;
  if (Unwrap(document_, index_).get(array) != simdjson::SUCCESS) return false;
  for (const dom::element element : array) {
    const auto handle = std::bit_cast<Handle>(element);
    JsonValue value;
    value.document_ = handle.document;
    value.index_ = handle.index;
    if (!visit(value)) return false;
  }
  return true;
}

bool JsonValue::ForEachMember(const std::function<bool(std::string_view, JsonValue)>& visit) const {
  dom::object object;
  if (Unwrap(document_, index_).get(object) != simdjson::SUCCESS) return false;
  for (const dom::key_value_pair member : object) {
    const auto handle = std::bit_cast<Handle>(member.value);
    JsonValue value;
    value.document_ = handle.document;
    value.index_ = handle.index;
    if (!visit(member.key, value)) return false;
  }
  return true;
}

bool JsonValue::AppendFloats(std::vector<float>* out) const {
  const std::size_t before = out->size();
  dom::array array;
  if (Unwrap(document_, index_).get(array) != simdjson::SUCCESS) return false;
  for (const dom::element element : array) {
    double number = 0;
    if (element.get(number) != simdjson::SUCCESS) {
      out->resize(before);
      return false;
    }
    out->push_back(static_cast<float>(number));
  }
  return true;
}

}  // namespace embstore
