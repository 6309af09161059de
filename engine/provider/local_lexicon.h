// SPDX-License-Identifier: Apache-2.0
// What the local provider knows about a word before it sees a text.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace embstore {

constexpr std::size_t kTopics = 32;

/// Immutable after construction.
struct LocalWord {
  std::int64_t weight = 0;  ///< 0 for a word that is everywhere, up to 70.
  bool has_topics = false;
  std::array<std::int8_t, kTopics> topics{};  ///< Where the word stands among the topics.
};

/// Weights and topics of words. Immutable after construction.
class LocalLexicon {
 public:
  /// The lexicon of local_words.cc, built at the first call. Safe for concurrent use.
  static const LocalLexicon& Get();

  /// `word` in lower case. Never fails: unlisted words get a weight by their form.
  const LocalWord& Find(std::string_view word) const;

 private:
  LocalLexicon();

  std::unordered_map<std::string_view, LocalWord> words_;
  LocalWord unlisted_;
  LocalWord number_;
  LocalWord letter_;
};

}  // namespace embstore
