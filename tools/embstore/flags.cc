// SPDX-License-Identifier: Apache-2.0
#include "flags.h"

#include <charconv>
#include <string>

#include "engine/base/text.h"

namespace embstore::tool {

CLI::Validator WholeNumber(std::uint64_t most) {
  const auto check = [most](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end && value <= most) return "";
    return "'" + Printable(text, 40) + "' is not a whole number from 0 to " + std::to_string(most);
  };
  return CLI::Validator(check, "", "");
}

}  // namespace embstore::tool
