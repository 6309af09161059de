// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
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

std::string FormatBytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double amount = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; amount >= 999.95 && unit + 1 < kUnits.size(); ++unit) amount /= 1000;
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
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
