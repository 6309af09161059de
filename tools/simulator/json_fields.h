// SPDX-License-Identifier: Apache-2.0
// Reads JSON the way the service does: lowerCamelCase or snake_case names, unknown ones refused.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace embstore::simulator {

using Json = nlohmann::json;

/// All functions here throw ApiError for what the service refuses.

/// A body of at most `max_bytes`. An empty one is an empty object.
Json ParseBody(std::string_view body, std::size_t max_bytes);

/// "PATH[INDEX]".
std::string At(std::string_view path, std::size_t index);

/// Refuses `value` for not being of `type`.
[[noreturn]] void RefuseValue(std::string_view path, std::string_view type, const Json& value);

/// The fields of one JSON object under their lowerCamelCase names; null counts as absent. Borrows
/// the object.
class Fields {
 public:
  /// `path` is the object's place in the body; `known` are all names it may have.
  Fields(const Json& object, std::string path, std::initializer_list<std::string_view> known);

  /// The field, or nullptr.
  const Json* Find(std::string_view name) const;
  const Json* FindArray(std::string_view name) const;

  /// Leave `*out` alone when the field is absent.
  void ReadString(std::string_view name, std::string* out) const;
  void ReadBool(std::string_view name, bool* out) const;

  /// The place of the field in the body, as messages name it.
  std::string PathOf(std::string_view name) const;

 private:
  [[noreturn]] void RefuseName(const std::string& name) const;

  std::string path_;
  std::map<std::string, const Json*, std::less<>> values_;
};

}  // namespace embstore::simulator
