// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/base/text.h"

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

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  // A character is one column wide, however many bytes it has.
  const auto width_of = [](std::string_view cell) {
    return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
  };
  std::vector<std::size_t> widths(rows.front().size());
  std::vector<std::vector<std::string>> cells = rows;
  std::vector<bool> right;
  for (std::string& head : cells.front()) {
    right.push_back(head.starts_with('>'));
    if (right.back()) head.erase(0, 1);
  }
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string out;
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (right[i] ? space + row[i] : row[i] + space);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string FormatMinute(std::int64_t unix_micros) {
  std::string utc = FormatUtc(unix_micros).substr(0, 16);
  utc[10] = ' ';
  return utc;
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
