// SPDX-License-Identifier: Apache-2.0
// The formats' names, which configuration and readers share.
#include <array>
#include <utility>

#include "embstore/dataset.h"

namespace embstore {
namespace {

constexpr std::array<std::pair<DatasetFormat, std::string_view>, 3> kFormatNames = {{
    {DatasetFormat::kAgNews, "ag_news"},
    {DatasetFormat::kCsv, "csv"},
    {DatasetFormat::kJsonl, "jsonl"},
}};

}  // namespace

std::optional<DatasetFormat> ParseDatasetFormat(std::string_view name) {
  for (const auto& [format, format_name] : kFormatNames) {
    if (format_name == name) return format;
  }
  return std::nullopt;
}

std::string_view DatasetFormatName(DatasetFormat format) {
  for (const auto& [known, name] : kFormatNames) {
    if (known == format) return name;
  }
  return "";
}

}  // namespace embstore
