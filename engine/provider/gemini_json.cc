// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_json.h"

#include <charconv>

namespace embstore {

std::string FindString(const JsonValue& object, std::string_view key) {
  const auto value = object.Find(key);
  return std::string(value ? value->AsString().value_or("") : "");
}

std::uint64_t CountOf(const JsonValue& value) {
  if (const auto number = value.AsInt()) {
    return *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
  }
  const std::string_view digits = value.AsString().value_or("");
  std::uint64_t count = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, count);
  return rest == end && error == std::errc() ? count : 0;
}

std::uint64_t FindCount(const JsonValue& object, std::string_view key) {
  const auto value = object.Find(key);
  return value ? CountOf(*value) : 0;
}

}  // namespace embstore
