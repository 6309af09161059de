// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/local_tokens.h"

#include <algorithm>
#include <array>

namespace embstore {
namespace {

constexpr std::size_t kMaxTagBytes = 512;

/// What a byte becomes in a word; 0 where it ends one.
constexpr std::array<char, 256> MakeFolding() {
  std::array<char, 256> folding{};
  for (std::size_t i = 0x80; i < 256; ++i) folding[i] = static_cast<char>(i);
  for (char c = '0'; c <= '9'; ++c) folding[static_cast<std::size_t>(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c) {
    folding[static_cast<std::size_t>(c)] = c;
    folding[static_cast<std::size_t>(c - 'a' + 'A')] = c;
  }
  return folding;
}
constexpr std::array<char, 256> kFolding = MakeFolding();

char Fold(char c) { return kFolding[static_cast<unsigned char>(c)]; }
bool IsAsciiLetter(char c) { return Fold(c) >= 'a' && Fold(c) <= 'z'; }

/// Length of the tag that starts `rest` and is written with these brackets, or 0.
std::size_t TagLength(std::string_view rest, std::string_view open, std::string_view close) {
  if (!rest.starts_with(open) || rest.size() == open.size()) return 0;
  const char first = rest[open.size()];
  if (!IsAsciiLetter(first) && first != '/') return 0;
  const std::size_t end = rest.substr(0, kMaxTagBytes).find(close, open.size());
  return end == std::string_view::npos ? 0 : end + close.size();
}

/// Length of a character reference at the start of `rest`, its '&' optional, or 0.
std::size_t EntityLength(std::string_view rest) {
  const std::size_t name = rest.starts_with('&') ? 1 : 0;
  if (rest.substr(name).starts_with('#')) {
    std::size_t end = name + 1;
    while (end < rest.size() && end < name + 8 && Fold(rest[end]) != 0) ++end;
    return end > name + 1 && end < rest.size() && rest[end] == ';' ? end + 1 : 0;
  }
  for (const std::string_view known : {"quot;", "amp;", "lt;", "gt;", "apos;", "nbsp;"}) {
    if (rest.substr(name).starts_with(known)) return name + known.size();
  }
  return 0;
}

/// Length of a space or punctuation mark beyond ASCII at the start of `rest`, or 0.
std::size_t WideGapLength(std::string_view rest) {
  if (rest.starts_with("\xC2\xA0")) return 2;
  if (rest.size() < 3) return 0;
  const std::string_view lead = rest.substr(0, 2);
  if (lead == "\xE2\x80" || lead == "\xE2\x81") return 3;
  return lead == "\xE3\x80" && static_cast<unsigned char>(rest[2]) <= 0x82 ? 3 : 0;
}

/// Bytes at the start of `rest` that belong to no word although some look as if; `inside` tells
/// whether a word is open.
std::size_t SkippedLength(std::string_view rest, bool inside) {
  switch (rest[0]) {
    case '<':
      return TagLength(rest, "<", ">");
    case '&':
      if (const std::size_t tag = TagLength(rest, "&lt;", "&gt;"); tag > 0) return tag;
      return EntityLength(rest);
    case '#':
      return EntityLength(rest);
    case 'q':
    case 'a':
    case 'l':
    case 'g':
    case 'n':
      return inside ? 0 : EntityLength(rest);
    case '\xC2':
    case '\xE2':
    case '\xE3':
      return WideGapLength(rest);
    default:
      return 0;
  }
}

}  // namespace

void LocalTokens::EndWord() {
  if (folded_.size() == open_) return;
  starts_.push_back(open_);
  lengths_.push_back(folded_.size() - open_);
  folded_ += ' ';
  open_ = folded_.size();
}

void LocalTokens::Assign(std::string_view text) {
  folded_.assign(1, ' ');
  open_ = folded_.size();
  starts_.clear();
  lengths_.clear();
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t skipped = SkippedLength(text.substr(at), folded_.size() != open_);
    if (skipped > 0) {
      EndWord();
      at += skipped;
      continue;
    }
    const char folded = Fold(text[at++]);
    if (folded == 0) {
      EndWord();
    } else {
      folded_ += folded;
    }
  }
  EndWord();
}

}  // namespace embstore
