// SPDX-License-Identifier: Apache-2.0
#include "engine/base/text.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <numeric>
#include <vector>

namespace embstore {
namespace {

/// Length of the valid UTF-8 sequence that starts at `at`, or 0.
std::size_t SequenceLength(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[at + i]); };
  const auto continues = [&](std::size_t i) {
    return at + i < bytes.size() && (byte(i) & 0xC0) == 0x80;
  };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return continues(1) ? 2 : 0;
  if (first < 0xF0) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first < 0xF5) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

/// Whether `piece`, one character or one stray byte, is safe to show. Terminals also obey the C1
/// control characters, U+0080 to U+009F, which are valid UTF-8.
bool IsPrintable(std::string_view piece) {
  const auto first = static_cast<std::uint8_t>(piece[0]);
  if (piece.size() == 1) return first >= 0x20 && first < 0x7F;
  return first != 0xC2 || static_cast<std::uint8_t>(piece[1]) >= 0xA0;
}

std::string Escaped(std::string_view piece) {
  std::string out;
  for (const char c : piece) {
    const auto byte = static_cast<std::uint8_t>(c);
    out += "\\x";
    out += HexString({&byte, 1});
  }
  return out;
}

bool IsAsciiWord(std::uint64_t word) { return (word & 0x8080808080808080ULL) == 0; }

}  // namespace

std::string Printable(std::string_view bytes, std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t length = std::max<std::size_t>(SequenceLength(bytes, at), 1);
    std::string piece(bytes.substr(at, length));
    if (!IsPrintable(piece)) piece = Escaped(piece);
    if (out.size() + piece.size() > limit) return out + "...";
    out += piece;
    at += length;
  }
  return out;
}

std::string_view NearestName(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(word.size() / 2, 1) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < best_distance && distance < 4) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::size_t FindInvalidUtf8(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (at + 8 <= bytes.size()) {
      std::uint64_t word = 0;
      std::copy_n(bytes.data() + at, 8, reinterpret_cast<char*>(&word));
      if (IsAsciiWord(word)) {
        at += 8;
        continue;
      }
    }
    const std::size_t length = SequenceLength(bytes, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

bool IsSafeName(std::string_view name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string HexString(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string FormatUtc(std::int64_t unix_micros) {
  const std::time_t seconds = static_cast<std::time_t>(unix_micros / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> out{};
  const std::size_t length = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {out.data(), length};
}

}  // namespace embstore
