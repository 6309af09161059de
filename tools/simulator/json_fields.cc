// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/json_fields.h"

#include <algorithm>

#include "tools/simulator/api_error.h"

namespace embstore::simulator {
namespace {

std::string CamelCase(std::string_view name) {
  std::string camel;
  bool upper_next = false;
  for (const char c : name) {
    if (c == '_') {
      upper_next = true;
      continue;
    }
    camel += upper_next && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper_next = false;
  }
  return camel;
}

// Errors name fields in the snake_case of the schema, whatever the client wrote.
std::string SnakeCase(std::string_view name) {
  std::string snake;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper) snake += '_';
    snake += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return snake;
}

std::string Join(std::string_view path, std::string_view field) {
  return path.empty() ? std::string(field) : std::string(path) + "." + std::string(field);
}

}  // namespace

std::string At(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

void RefuseValue(std::string_view path, std::string_view type, const Json& value) {
  throw InvalidField(path, "Invalid value at '" + std::string(path) + "' (" + std::string(type) +
                               "), " + value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Fields::Fields(const Json& object, std::string path, std::initializer_list<std::string_view> known)
    : path_(std::move(path)) {
  if (!object.is_object()) {
    throw InvalidField(path_,
                       "Invalid JSON payload received. Expected an object at '" + path_ + "'.");
  }
  for (const auto& [name, value] : object.items()) {
    const std::string camel = CamelCase(name);
    if (std::find(known.begin(), known.end(), camel) == known.end()) RefuseName(name);
    if (!value.is_null()) values_[camel] = &value;
  }
}

const Json* Fields::Find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : found->second;
}

const Json* Fields::FindArray(std::string_view name) const {
  const Json* value = Find(name);
  if (value != nullptr && !value->is_array()) RefuseValue(PathOf(name), "TYPE_MESSAGE", *value);
  return value;
}

void Fields::ReadString(std::string_view name, std::string* out) const {
  const Json* value = Find(name);
  if (value == nullptr) return;
  if (!value->is_string()) RefuseValue(PathOf(name), "TYPE_STRING", *value);
  *out = value->get<std::string>();
}

void Fields::ReadBool(std::string_view name, bool* out) const {
  const Json* value = Find(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) RefuseValue(PathOf(name), "TYPE_BOOL", *value);
  *out = value->get<bool>();
}

std::string Fields::PathOf(std::string_view name) const { return Join(path_, SnakeCase(name)); }

void Fields::RefuseName(const std::string& name) const {
  const std::string place = path_.empty() ? "" : " at '" + path_ + "'";
  throw InvalidField(path_, "Invalid JSON payload received. Unknown name \"" + name + "\"" + place +
                                ": Cannot find field.");
}

Json ParseBody(std::string_view body, std::size_t max_bytes) {
  if (body.size() > max_bytes) {
    throw InvalidArgument("Request payload size exceeds the limit: " + std::to_string(max_bytes) +
                          " bytes.");
  }
  if (body.empty()) return Json::object();
  Json document = Json::parse(body, nullptr, false);
  if (document.is_discarded()) {
    throw InvalidField("", "Invalid JSON payload received. Unexpected token.");
  }
  return document;
}

}  // namespace embstore::simulator
