// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/local_embedder.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace embstore {
namespace {

// Kinds of features keep apart by the value their hash starts from.
constexpr std::uint64_t kWordKind = 0x517CC1B727220A95ULL;
constexpr std::uint64_t kPrefixKind = 0x2545F4914F6CDD1DULL;
constexpr std::uint64_t kGramKind = 0x9FB21C651E98DF25ULL;
constexpr std::uint64_t kTopicKind = 0xD6E8FEB86659FD93ULL;

constexpr std::size_t kPrefixBytes = 4;
constexpr std::size_t kGramBytes = 4;
constexpr std::size_t kMaxCount = 4096;
constexpr std::int64_t kFixedPoint = 256;
constexpr std::int64_t kPrefixPart = 128;  // 0.5 of a word's amount.
constexpr double kTopicShare = 0.316;      // Length of the topic part against the rest's.
constexpr double kTopicFixedPoint = 1024;

// Sums are shifted below this bit, so that a sum of 8,192 squares stays exact in a double.
constexpr int kMaxBits = 20;

/// 128 / sqrt(n) for a word of n grams, so that together they weigh as much as the prefix. Longer
/// words get the last entry for every gram.
constexpr std::array<std::int64_t, 17> kGramAmount = {0,  128, 91, 74, 64, 57, 52, 48, 45,
                                                      43, 40,  39, 37, 36, 34, 33, 32};

std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  x ^= x >> 32;
  return x;
}

std::uint64_t LoadBytes(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

std::uint64_t HashBytes(std::uint64_t kind, std::string_view bytes) {
  std::uint64_t hash = kind ^ bytes.size();
  while (bytes.size() > 8) {
    hash = Mix(hash ^ LoadBytes(bytes.substr(0, 8)));
    bytes.remove_prefix(8);
  }
  return Mix(hash ^ LoadBytes(bytes));
}

/// Shifts all values right until the largest has at most kMaxBits bits; the sum of their squares.
double Condense(std::span<std::int64_t> values) {
  std::int64_t all = 0;
  for (const std::int64_t value : values) all |= value < 0 ? -value : value;
  int shift = 0;
  while ((all >> shift) >= (std::int64_t{1} << kMaxBits)) ++shift;
  std::int64_t squares = 0;
  for (std::int64_t& value : values) {
    value = value < 0 ? -(-value >> shift) : value >> shift;
    squares += value * value;
  }
  return static_cast<double>(squares);
}

}  // namespace

LocalProjection::LocalProjection(std::uint64_t seed_value, std::uint32_t dimension_count)
    : seed(Mix(seed_value + kTopicKind)), dimensions(dimension_count) {
  // Every topic gets the same number of coordinates, scattered by the seed.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    order.emplace_back(Mix(seed ^ Mix(kTopicKind + i)), i);
  }
  std::sort(order.begin(), order.end());
  topic_of.resize(dimensions);
  topic_sign.resize(dimensions);
  for (std::uint32_t rank = 0; rank < dimensions; ++rank) {
    const auto& [hash, coordinate] = order[rank];
    topic_of[coordinate] = static_cast<std::uint8_t>(rank % kTopics);
    topic_sign[coordinate] = (hash & 1) != 0 ? std::int8_t{-1} : std::int8_t{1};
  }
}

LocalEmbedder::LocalEmbedder(const LocalProjection& projection)
    : projection_(projection),
      lexicon_(LocalLexicon::Get()),
      sums_(projection.dimensions),
      topics_(kTopics) {}

void LocalEmbedder::AddFeature(std::uint64_t feature, std::int64_t amount) {
  std::uint64_t bits = Mix(feature ^ projection_.seed);
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t coordinate = ((bits & 0x7FFF) * projection_.dimensions) >> 15;
    sums_[coordinate] += (bits & 0x8000) != 0 ? -amount : amount;
    bits >>= 16;
  }
}

void LocalEmbedder::AddGrams(std::string_view padded, std::int64_t amount) {
  for (std::size_t i = 0; i + kGramBytes <= padded.size(); ++i) {
    AddFeature(Mix(kGramKind ^ LoadBytes(padded.substr(i, kGramBytes))), amount);
  }
}

void LocalEmbedder::AddWord(std::string_view padded, std::uint64_t hash, std::size_t count) {
  const std::string_view word = padded.substr(1, padded.size() - 2);
  const LocalWord& known = lexicon_.Find(word);
  const double scaled = static_cast<double>(kFixedPoint * std::min(count, kMaxCount));
  const std::int64_t amount = known.weight * static_cast<std::int64_t>(std::sqrt(scaled));
  AddFeature(hash, amount * kFixedPoint);
  const bool number = word[0] >= '0' && word[0] <= '9';
  if (!number) {
    AddFeature(HashBytes(kPrefixKind, word.substr(0, kPrefixBytes)), amount * kPrefixPart);
  }
  if (!number && word.size() >= kGramBytes) {
    const std::size_t grams = padded.size() - kGramBytes + 1;
    AddGrams(padded, amount * kGramAmount[std::min(grams, kGramAmount.size() - 1)]);
  }
  if (known.has_topics) {
    for (std::size_t i = 0; i < kTopics; ++i) topics_[i] += amount * known.topics[i];
  }
}

void LocalEmbedder::AddTopics() {
  const double rest = Condense(sums_);
  const double own = Condense(topics_);
  if (own == 0) return;
  const double copies = static_cast<double>(projection_.dimensions) / kTopics;
  const double scale = kTopicFixedPoint * kTopicShare * std::sqrt(rest / own / copies);
  const auto factor = static_cast<std::int64_t>(scale);
  const auto unit = static_cast<std::int64_t>(kTopicFixedPoint);
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const std::int64_t topic = topics_[projection_.topic_of[i]] * projection_.topic_sign[i];
    sums_[i] = sums_[i] * unit + topic * factor;
  }
}

void LocalEmbedder::Write(std::span<float> out) {
  double squares = Condense(sums_);
  if (squares == 0) {
    sums_[0] = 1;
    squares = 1;
  }
  const double length = std::sqrt(squares);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(static_cast<double>(sums_[i]) / length);
  }
}

void LocalEmbedder::Embed(std::string_view text, std::span<float> out) {
  std::fill(sums_.begin(), sums_.end(), 0);
  std::fill(topics_.begin(), topics_.end(), 0);
  tokens_.Assign(text);
  words_.clear();
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    words_.emplace_back(HashBytes(kWordKind, tokens_.word(i)), i);
  }
  std::sort(words_.begin(), words_.end());
  for (std::size_t i = 0; i < words_.size();) {
    std::size_t end = i + 1;
    while (end < words_.size() && words_[end].first == words_[i].first) ++end;
    AddWord(tokens_.padded(words_[i].second), words_[i].first, end - i);
    i = end;
  }
  if (words_.empty()) {
    std::string padded(2, ' ');
    padded.append(text).append(2, ' ');
    AddGrams(padded, kFixedPoint);
  }
  AddTopics();
  Write(out);
}

}  // namespace embstore
