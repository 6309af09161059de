// SPDX-License-Identifier: Apache-2.0
#include "engine/exporter/row_writer.h"

#include <charconv>

namespace embstore {

std::optional<std::int64_t> IntegerLabel(const std::optional<std::string>& label) {
  if (!label || label->empty()) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = label->data() + label->size();
  const auto parsed = std::from_chars(label->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace embstore
