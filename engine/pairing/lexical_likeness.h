// SPDX-License-Identifier: Apache-2.0
// How alike texts are by the words they share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/pairing/pair_table.h"

namespace embstore {

/// Words are runs of letters, compared by their first five bytes without case, so that endings do
/// not matter. Numbers, punctuation, single letters and words in scripts other than Latin do not
/// count; nor do words that more than 30 % of the texts have. A rare word counts more. Of a text
/// longer than 512 bytes the first and the last 256 are read.
/// Not thread-safe; one thread at a time.
class LexicalLikeness {
 public:
  LexicalLikeness() : texts_with_(kSlots), used_(kSlots + 1) {}

  /// Every word lands in one of two halves by its hash. The likeness of each pair of texts by the
  /// words of one half goes into `first`, by the other into `second`. Answers the mean number of
  /// different words that count in a text. REQUIRES: 2 <= texts.size() <= PairTable::kMaxRows.
  double Measure(std::span<const std::string_view> texts, PairTable* first, PairTable* second);

 private:
  static constexpr int kSlotBits = 13;
  static constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;
  using TextSet = std::array<std::uint64_t, 2>;  // One bit a text.

  void AddWords(std::string_view text, std::size_t index);
  std::size_t AddChunk(const char* bytes, bool goes_on, std::size_t index);  // Bytes done.
  std::size_t TakeSingles(std::span<float> own);
  double AddPairs(std::size_t count, PairTable* first, PairTable* second);

  std::vector<TextSet> texts_with_;  // By slot; all empty between calls.
  std::vector<std::uint16_t> used_;  // Slots that are not empty.
  std::size_t used_count_ = 0;
};

}  // namespace embstore
