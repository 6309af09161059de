// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/server_words.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxWait = std::chrono::hours(24);
constexpr std::size_t kMinKeyBytes = 8;

std::string WithoutKey(std::string_view text, const std::string& secret) {
  std::string clean;
  std::size_t at = 0;
  for (std::size_t hit = text.find(secret); hit != std::string_view::npos;
       hit = text.find(secret, at)) {
    clean.append(text.substr(at, hit - at)).append("[key]");
    at = hit + secret.size();
  }
  return clean.append(text.substr(at));
}

}  // namespace

std::string KeylessExcerpt(std::string_view text, const Secret* key, std::size_t limit) {
  // A key shorter than any real one would only garble words that happen to contain it.
  if (key == nullptr || key->Reveal().size() < kMinKeyBytes ||
      EMBSTORE_SEEDED_BUG("key-in-message"))
    return Printable(text, limit);
  const std::string& secret = key->Reveal();
  // Before cutting, so that no part of the key is left at the end; and again, because the letters
  // that stand for unprintable bytes may complete it.
  return WithoutKey(Printable(WithoutKey(text, secret), limit), secret);
}

std::optional<milliseconds> ParseWait(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || std::isinf(number)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const std::size_t unit_size = text.starts_with("ms") ? 2 : 1;
    const std::string_view unit = text.substr(0, unit_size);
    if (unit == "h") number *= 3'600'000;
    if (unit == "m") number *= 60'000;
    if (unit == "s") number *= 1000;
    if (unit != "h" && unit != "m" && unit != "s" && unit != "ms") return std::nullopt;
    text.remove_prefix(unit_size);
    total += number;
  }
  total = std::min(std::ceil(total), static_cast<double>(kMaxWait.count()));
  return milliseconds(static_cast<std::int64_t>(total));
}

milliseconds WaitInWords(std::string_view message) {
  for (const std::string_view words : {"retry in ", "try again in "}) {
    const std::size_t at = message.find(words);
    if (at == std::string_view::npos) continue;
    std::string_view rest = message.substr(at + words.size());
    rest = rest.substr(0, rest.find_first_not_of("0123456789.hms"));
    while (rest.ends_with('.')) rest.remove_suffix(1);
    if (const auto wait = ParseWait(rest)) return *wait;
  }
  return milliseconds(0);
}

}  // namespace embstore
