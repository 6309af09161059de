// SPDX-License-Identifier: Apache-2.0
//
// Words have no table of their own: the hash of a word chooses a slot, and two words that meet in
// one slot count as the same. That happens rarely enough to cost less than telling them apart.
#include "engine/pairing/lexical_likeness.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace embstore {
namespace {

// Read from the beginning, and again from the end, of a text longer than both.
constexpr std::size_t kMaxBytes = 256;
constexpr std::size_t kWordBytes = 5;
constexpr double kMostTexts = 0.3;

constexpr std::size_t kChunk = 64;             // Bytes looked at together, one bit each.
constexpr std::size_t kReadable = kChunk + 8;  // A word is read eight bytes at a time.

constexpr std::uint64_t EveryByte(std::uint64_t value) { return value * 0x0101010101010101U; }

// The first byte in memory becomes the lowest.
std::uint64_t LoadEight(const char* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

// One bit a byte: whether it belongs into a word, as ASCII letters and all beyond ASCII do.
std::uint64_t LetterBits(const char* bytes) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kChunk; i += 8) {
    const std::uint64_t value = LoadEight(bytes + i);
    const std::uint64_t lower = (value | EveryByte(0x20)) & EveryByte(0x7F);
    const std::uint64_t from_a = lower + EveryByte(0x80 - 'a');
    const std::uint64_t beyond_z = lower + EveryByte(0x7F - 'z');
    const std::uint64_t letters = ((from_a & ~beyond_z) | value) & EveryByte(0x80);
    bits |= (letters * 0x0002040810204081U >> 56) << i;
  }
  return bits;
}

// The first kWordBytes bytes at most, in lower case.
std::uint64_t WordKey(const char* word, std::size_t length) {
  const std::size_t unused = 64 - 8 * std::min(length, kWordBytes);
  return (LoadEight(word) | EveryByte(0x20)) << unused;
}

// The members of one set, in order. Answers how many.
std::size_t ListTexts(const std::array<std::uint64_t, 2>& set, std::uint8_t* out) {
  std::size_t count = 0;
  for (std::size_t part = 0; part < set.size(); ++part) {
    for (std::uint64_t bits = set[part]; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
      out[count++] = static_cast<std::uint8_t>(part * 64 + bit);
    }
  }
  return count;
}

void AddToPairs(std::span<const std::uint8_t> texts, float weight, PairTable* table) {
  for (std::size_t a = 0; a + 1 < texts.size(); ++a) {
    float* const row = table->Row(texts[a]);
    for (std::size_t b = a + 1; b < texts.size(); ++b) row[texts[b]] += weight;
  }
}

void Scale(std::span<const float> factors, PairTable* table) {
  for (std::size_t i = 0; i + 1 < factors.size(); ++i) {
    float* const row = table->Row(i);
    for (std::size_t j = i + 1; j < factors.size(); ++j) row[j] *= factors[i] * factors[j];
  }
}

}  // namespace

double LexicalLikeness::Measure(std::span<const std::string_view> texts, PairTable* first,
                                PairTable* second) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = texts[i];
    if (text.size() <= 2 * kMaxBytes) {
      AddWords(text, i);
    } else {
      AddWords(text.substr(0, kMaxBytes), i);
      AddWords(text.substr(text.size() - kMaxBytes), i);
    }
  }
  return AddPairs(texts.size(), first, second);
}

void LexicalLikeness::AddWords(std::string_view text, std::size_t index) {
  std::array<char, kReadable> end{};
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t left = text.size() - begin;
    const char* bytes = text.data() + begin;
    if (left < kReadable) {
      end.fill(' ');
      std::memcpy(end.data(), bytes, left);
      bytes = end.data();
    }
    begin += AddChunk(bytes, left > kChunk, index);
  }
}

// Without branches but those of the loop: what a text holds cannot be predicted.
std::size_t LexicalLikeness::AddChunk(const char* bytes, bool goes_on, std::size_t index) {
  const std::size_t part = index / 64;
  std::uint64_t letters = LetterBits(bytes);
  while (letters != 0) {
    const std::uint64_t first = letters & (~letters + 1);
    const std::uint64_t behind = letters + first;
    const auto start = static_cast<std::size_t>(std::countr_zero(first));
    const auto length = static_cast<std::size_t>(std::countr_zero(behind)) - start;
    if (behind == 0 && start != 0 && goes_on) return start;  // Once more, whole.
    letters &= behind;
    const std::uint64_t counts = (length > 1 ? 1U : 0U) & (~bytes[start] >> 7 & 1U);
    const std::uint64_t slot =
        WordKey(bytes + start, length) * 0x9E3779B97F4A7C15U >> (64 - kSlotBits);
    TextSet& set = texts_with_[slot];
    used_[used_count_] = static_cast<std::uint16_t>(slot);
    used_count_ += (set[0] | set[1]) == 0 ? counts : 0;
    set[part] |= counts << (index % 64);
  }
  return kChunk;
}

// Empties the sets on the way. Leaves the words of several texts in front of `used_`.
std::size_t LexicalLikeness::TakeSingles(std::span<float> own) {
  std::size_t several = 0;
  for (std::size_t i = 0; i < used_count_; ++i) {
    const std::uint16_t slot = used_[i];
    TextSet& set = texts_with_[slot];
    const std::uint64_t behind_first = (set[0] & (set[0] - 1)) | (set[1] & (set[1] - 1));
    const bool single = behind_first == 0 && (set[0] == 0 || set[1] == 0);
    const auto bit = static_cast<std::size_t>(std::countr_zero(set[0] != 0 ? set[0] : set[1]));
    own[bit + (set[0] != 0 ? 0 : 64)] += single ? 1.0F : 0.0F;
    used_[several] = slot;
    several += single ? 0 : 1;
    if (single) set = TextSet{};
  }
  return several;
}

double LexicalLikeness::AddPairs(std::size_t count, PairTable* first, PairTable* second) {
  const auto most = static_cast<std::size_t>(kMostTexts * static_cast<double>(count));
  std::array<std::uint8_t, PairTable::kMaxRows> members{};
  std::array<float, PairTable::kMaxRows> own{};  // Likeness of each text to itself.
  first->Reset(count);
  second->Reset(count);
  const std::size_t several = TakeSingles(own);
  std::size_t words = used_count_ - several;
  for (std::size_t i = 0; i < several; ++i) {
    const std::size_t size = ListTexts(texts_with_[used_[i]], members.data());
    texts_with_[used_[i]] = TextSet{};
    if (size > most) continue;
    const float weight = 1.0F / static_cast<float>(size);
    const std::span<const std::uint8_t> having(members.data(), size);
    for (const std::uint8_t text : having) own[text] += weight;
    words += size;
    AddToPairs(having, weight, used_[i] % 2 == 0 ? first : second);
  }
  used_count_ = 0;
  for (float& value : own) value = value > 0 ? 1.0F / std::sqrt(value) : 0;
  Scale(std::span(own).first(count), first);
  Scale(std::span(own).first(count), second);
  return static_cast<double>(words) / static_cast<double>(count);
}

}  // namespace embstore
