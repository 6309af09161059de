// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/page.h"

#include <algorithm>
#include <charconv>

#include "tools/simulator/api_error.h"

namespace embstore::simulator {
namespace {

// Characters that a client has to encode, because the real tokens are base64.
constexpr std::string_view kTokenStart = "Cj+/";
constexpr std::string_view kTokenEnd = "==";

bool ReadSize(std::string_view text, std::size_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

PageRequest ParsePage(const HttpRequest& request, std::size_t default_size, std::size_t max_size) {
  PageRequest page{.size = default_size};
  const std::string size = request.QueryParameter("pageSize");
  if (!size.empty() && !ReadSize(size, &page.size)) {
    throw InvalidArgument("Invalid value at 'page_size' (TYPE_INT32), \"" + size + "\"");
  }
  page.size = page.size == 0 ? default_size : std::min(page.size, max_size);
  std::string token = request.QueryParameter("pageToken");
  if (token.empty()) return page;
  page.continued = true;
  const std::size_t framing = kTokenStart.size() + kTokenEnd.size();
  if (token.size() <= framing || !token.starts_with(kTokenStart) || !token.ends_with(kTokenEnd) ||
      !ReadSize(token.substr(kTokenStart.size(), token.size() - framing), &page.first)) {
    throw InvalidArgument("Page token is invalid.");
  }
  return page;
}

std::string PageToken(std::size_t first) {
  return std::string(kTokenStart) + std::to_string(first) + std::string(kTokenEnd);
}

}  // namespace embstore::simulator
