// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/local_lexicon.h"

#include <algorithm>

#include "engine/provider/local_words.h"

namespace embstore {
namespace {

constexpr std::int64_t kUnlistedWeight = 70;
constexpr std::int64_t kNumberWeight = 22;
constexpr std::int64_t kLetterWeight = 19;
constexpr std::int64_t kCommonWeight = 12;
constexpr std::size_t kCodeLength = 12;
constexpr std::int8_t kSmallTopic = 3;
constexpr std::int8_t kLargeTopic = 10;

std::uint64_t Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint64_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint64_t>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<std::uint64_t>(c - '0') + 52;
  return c == '-' ? 62 : 63;
}

LocalWord DecodeWord(std::string_view code) {
  LocalWord word;
  word.weight = static_cast<std::int64_t>(Base64Digit(code[0]));
  word.has_topics = true;
  std::uint64_t bits = 0;
  for (std::size_t i = 1; i < code.size(); ++i) bits |= Base64Digit(code[i]) << (6 * (i - 1));
  for (std::size_t i = 0; i < kTopics; ++i) {
    const std::uint64_t pair = (bits >> (2 * i)) & 3;
    const int size = (pair & 2) != 0 ? kLargeTopic : kSmallTopic;
    word.topics[i] = static_cast<std::int8_t>((pair & 1) != 0 ? -size : size);
  }
  return word;
}

LocalWord PlainWord(std::int64_t weight) {
  LocalWord word;
  word.weight = weight;
  return word;
}

template <typename Visit>
void ForEachItem(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (end > 0) visit(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

}  // namespace

const LocalLexicon& LocalLexicon::Get() {
  static const LocalLexicon lexicon;
  return lexicon;
}

LocalLexicon::LocalLexicon()
    : unlisted_(PlainWord(kUnlistedWeight)),
      number_(PlainWord(kNumberWeight)),
      letter_(PlainWord(kLetterWeight)) {
  words_.reserve(kTopicWords.size() / 16);
  ForEachItem(kTopicWords, [this](std::string_view item) {
    words_.emplace(item.substr(kCodeLength), DecodeWord(item.substr(0, kCodeLength)));
  });
  ForEachItem(kCommonWords, [this](std::string_view item) {
    words_.insert_or_assign(item, PlainWord(kCommonWeight));
  });
}

const LocalWord& LocalLexicon::Find(std::string_view word) const {
  if (const auto found = words_.find(word); found != words_.end()) return found->second;
  if (!word.empty() && word[0] >= '0' && word[0] <= '9') return number_;
  return word.size() == 1 ? letter_ : unlisted_;
}

}  // namespace embstore
