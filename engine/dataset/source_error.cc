// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/source_error.h"

#include <algorithm>
#include <cstring>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::size_t kPathBytes = 4096;
constexpr std::size_t kNameBytes = 60;
constexpr std::size_t kListedNames = 20;

/// Where `offset` of a record that starts at the begin of `line` is: its line and the 1-based
/// byte within that line.
struct Place {
  std::uint64_t line;
  std::size_t byte;
};

Place PlaceOf(std::uint64_t line, std::string_view raw, std::size_t offset) {
  const std::string_view before = raw.substr(0, offset);
  const std::size_t feed = before.rfind('\n');
  const std::size_t start = feed == std::string_view::npos ? 0 : feed + 1;
  return {line + CountLineFeeds(before), offset - start + 1};
}

}  // namespace

Status SourceError(std::string_view file, std::uint64_t line, std::string_view what) {
  std::string message = Printable(file, kPathBytes);
  message += ':';
  message += std::to_string(line);
  message += ": ";
  message += what;
  return {Code::kInvalidArgument, std::move(message)};
}

std::uint64_t CountLineFeeds(std::string_view raw) {
  std::uint64_t count = 0;
  for (std::size_t at = raw.find('\n'); at != std::string_view::npos; at = raw.find('\n', at + 1)) {
    ++count;
  }
  return count;
}

Status CheckNoNul(std::string_view file, std::uint64_t line, std::string_view raw) {
  const std::size_t at = raw.find('\0');
  if (at == std::string_view::npos) return {};
  const Place place = PlaceOf(line, raw, at);
  return SourceError(file, place.line,
                     "a NUL byte at byte " + std::to_string(place.byte) +
                         " of the line; the file must be UTF-8 text: convert UTF-16 or UTF-32 "
                         "with iconv, remove NUL from text");
}

Status CheckEncoding(std::string_view file, std::uint64_t line, std::string_view raw) {
  if (Status nul = CheckNoNul(file, line, raw); !nul.ok()) return nul;
  const std::size_t at = FindInvalidUtf8(raw);
  if (at == std::string_view::npos) return {};
  const Place place = PlaceOf(line, raw, at);
  const auto byte = static_cast<std::uint8_t>(raw[at]);
  return SourceError(file, place.line,
                     "invalid UTF-8 at byte " + std::to_string(place.byte) + " of the line (0x" +
                         HexString({&byte, 1}) +
                         "); convert the file to UTF-8, e.g. iconv -f ISO-8859-1 -t UTF-8");
}

std::string FieldHint(std::string_view wanted, std::span<const std::string_view> names) {
  std::string hint = "; ";
  const std::string_view nearest = NearestName(wanted, names);
  if (!nearest.empty()) hint += "did you mean '" + Printable(nearest, kNameBytes) + "'? ";
  if (names.empty()) return hint + "it has no fields";
  hint += "it has: ";
  for (std::size_t i = 0; i < std::min(names.size(), kListedNames); ++i) {
    if (i > 0) hint += ", ";
    hint += Printable(names[i], kNameBytes);
  }
  if (names.size() > kListedNames) hint += ", ...";
  return hint;
}

}  // namespace embstore
