// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <algorithm>
#include <charconv>

namespace embstore::tool {

std::string FormatFacts(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::size_t width = 0;
  for (const auto& [name, value] : facts) width = std::max(width, name.size());
  std::string out;
  for (const auto& [name, value] : facts) {
    out += name + std::string(width - name.size() + 2, ' ') + value + "\n";
  }
  return out;
}

void WriteLabel(const std::optional<std::string>& label, JsonWriter* json) {
  if (!label) {
    json->Null();
    return;
  }
  std::int64_t integer = 0;
  const char* const end = label->data() + label->size();
  const auto parsed = std::from_chars(label->data(), end, integer);
  if (parsed.ec == std::errc() && parsed.ptr == end) {
    json->Int(integer);
  } else {
    json->String(*label);
  }
}

Status WriteText(const Store& store, const TextKey& key, JsonWriter* json) {
  auto text = store.GetText(key);
  if (text.ok()) {
    json->String(*text);
  } else if (text.code() == Code::kNotFound) {
    json->Null();
  } else {
    return text.status();
  }
  return {};
}

}  // namespace embstore::tool
