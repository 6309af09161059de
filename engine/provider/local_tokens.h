// SPDX-License-Identifier: Apache-2.0
// Words of a text for the local provider.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embstore {

/// The words of one text: runs of ASCII letters (in lower case), ASCII digits and other
/// characters beyond ASCII. Markup is left out: HTML tags and entities, also in the spoilt forms
/// "&lt;b&gt;" and "#39;". A value type.
class LocalTokens {
 public:
  /// Replaces the words by those of `text`.
  void Assign(std::string_view text);

  std::size_t size() const { return starts_.size(); }
  std::string_view word(std::size_t i) const {
    return std::string_view(folded_).substr(starts_[i], lengths_[i]);
  }
  /// The word with one space on either side.
  std::string_view padded(std::size_t i) const {
    return std::string_view(folded_).substr(starts_[i] - 1, lengths_[i] + 2);
  }

 private:
  void EndWord();

  std::string folded_;  ///< All words, a space before, between and after.
  std::size_t open_ = 0;
  std::vector<std::size_t> starts_;
  std::vector<std::size_t> lengths_;
};

}  // namespace embstore
