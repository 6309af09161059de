// SPDX-License-Identifier: Apache-2.0
// Small facts about text that several modules need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace embstore {

/// `bytes` for a message: control characters (C0, DEL and C1) and invalid UTF-8 as \xHH, at most
/// `limit` bytes of whole characters, then "..." where it was cut. Terminal escapes in documents
/// or replies cannot get through.
std::string Printable(std::string_view bytes, std::size_t limit = 200);

/// The candidate nearest to `word` by edit distance, or "" when none is close enough to be meant.
std::string_view NearestName(std::string_view word, std::span<const std::string_view> candidates);

/// Offset of the first byte that is not valid UTF-8, or npos. Overlong forms, surrogates and
/// values above U+10FFFF are invalid.
std::size_t FindInvalidUtf8(std::string_view bytes);

/// Whether `name` may become part of a file's name: 1 to 64 characters of [A-Za-z0-9._-], not
/// beginning with '.' or '-'.
bool IsSafeName(std::string_view name);

/// Lower-case hex of `bytes`, two digits a byte.
std::string HexString(std::span<const std::uint8_t> bytes);

/// "2026-11-23T02:01:23Z".
std::string FormatUtc(std::int64_t unix_micros);

}  // namespace embstore
