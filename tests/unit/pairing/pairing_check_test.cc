// SPDX-License-Identifier: Apache-2.0
#include "engine/pairing/pairing_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "embstore/dataset.h"
#include "embstore/provider.h"

namespace embstore {
namespace {

constexpr std::uint32_t kDimensions = 768;
using Order = std::vector<std::size_t>;

// Real glosses, with vectors of the built-in provider.
struct Sample {
  std::vector<std::string> texts;
  std::vector<float> vectors;
};

const Sample& WordNet() {
  static const Sample sample = [] {
    Sample out;
    FileDatasetOptions options;
    options.path = EMBSTORE_SOURCE_DIR "/tests/data/wordnet/sample.csv";
    auto dataset = OpenFileDataset(options);
    REQUIRE(dataset.ok());
    auto reader = (*dataset)->Open();
    REQUIRE(reader.ok());
    Document document;
    while (*(*reader)->Next(&document)) out.texts.emplace_back(document.text);
    LocalProviderOptions local;
    local.dimensions = kDimensions;
    auto provider = MakeLocalProvider(local);
    REQUIRE(provider.ok());
    const std::vector<std::string_view> views(out.texts.begin(), out.texts.end());
    for (std::size_t i = 0; i < views.size(); i += 100) {
      const auto part = std::span(views).subspan(i, std::min<std::size_t>(100, views.size() - i));
      auto reply = (*provider)->Embed(part);
      REQUIRE(reply.ok());
      out.vectors.insert(out.vectors.end(), reply->vectors.begin(), reply->vectors.end());
    }
    return out;
  }();
  return sample;
}

struct Block {
  std::vector<std::string> texts;
  std::vector<float> vectors;
  std::uint32_t dimensions = kDimensions;

  std::size_t size() const { return texts.size(); }
  PairingVerdict Check() const {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    return CheckPairing(views, vectors, dimensions);
  }
};

Block Glosses(std::size_t first, std::size_t count) {
  const Sample& sample = WordNet();
  const auto begin = static_cast<std::ptrdiff_t>(first);
  const auto end = static_cast<std::ptrdiff_t>(first + count);
  Block block;
  block.texts.assign(sample.texts.begin() + begin, sample.texts.begin() + end);
  block.vectors.assign(sample.vectors.begin() + begin * kDimensions,
                       sample.vectors.begin() + end * kDimensions);
  return block;
}

// Vectors of few dimensions that know four topics, and texts of 30 words mostly of their topic.
Block Topics(std::size_t count, unsigned seed) {
  constexpr std::uint32_t kTopicDimensions = 16;
  constexpr std::size_t kTopics = 4;
  std::mt19937 random(seed);
  std::normal_distribution<float> noise(0.0F, 0.15F);
  Block block;
  block.dimensions = kTopicDimensions;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> vector(kTopicDimensions);
    for (float& value : vector) value = noise(random);
    std::string text;
    const std::size_t own = random() % kTopics;
    for (int word = 0; word < 30; ++word) {
      const std::size_t topic = word < 20 ? own : random() % kTopics;
      std::mt19937 letters(static_cast<unsigned>(1000 * topic + random() % 60));
      for (int k = 0; k < 8; ++k) text += static_cast<char>('a' + letters() % 26);
      text += ' ';
      vector[topic] += 0.1F;
    }
    block.texts.push_back(text);
    block.vectors.insert(block.vectors.end(), vector.begin(), vector.end());
  }
  return block;
}

Order Identity(std::size_t count) {
  Order order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

// Row i gets the vector of row order[i].
Block WithVectorsIn(const Order& order, const Block& block) {
  Block out = block;
  const std::size_t width = block.dimensions;
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(block.vectors.begin() + static_cast<std::ptrdiff_t>(order[i] * width), width,
                out.vectors.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  return out;
}

Block WithTextsIn(const Order& order, const Block& block) {
  Block out = block;
  for (std::size_t i = 0; i < order.size(); ++i) out.texts[i] = block.texts[order[i]];
  return out;
}

Block Rotated(std::size_t by, const Block& block) {
  Order order = Identity(block.size());
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(by), order.end());
  return WithVectorsIn(order, block);
}

Order Shuffled(std::size_t count, unsigned seed) {
  Order order = Identity(count);
  std::mt19937 random(seed);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

Block WithText(const Block& block, std::string (*text)(std::size_t)) {
  Block out = block;
  for (std::size_t i = 0; i < out.size(); ++i) out.texts[i] = text(i);
  return out;
}

TEST_CASE("pairing: real texts with their own vectors are right, in every block") {
  for (std::size_t first = 0; first + 120 <= WordNet().texts.size(); first += 60) {
    CAPTURE(first);
    const PairingVerdict verdict = Glosses(first, 120).Check();
    CHECK(verdict.pairing != Pairing::kWrong);
    CHECK(verdict.score > 3 * verdict.chance);
  }
  CHECK(Topics(100, 1).Check().pairing == Pairing::kRight);
}

TEST_CASE("pairing: rotated vectors are wrong, and the verdict says by how much") {
  const Block block = Topics(100, 2);
  for (const std::size_t by : {1U, 2U, 50U, 99U}) {
    CAPTURE(by);
    const PairingVerdict verdict = Rotated(by, block).Check();
    CHECK(verdict.pairing == Pairing::kWrong);
    REQUIRE(verdict.shift.has_value());
    CHECK(*verdict.shift == by);
    CHECK_FALSE(verdict.reversed);
  }
}

TEST_CASE("pairing: most rotated blocks of real glosses are found wrong, none right") {
  std::size_t wrong = 0;
  std::size_t blocks = 0;
  for (std::size_t first = 0; first + 120 <= WordNet().texts.size(); first += 60) {
    const PairingVerdict verdict = Rotated(1 + first % 119, Glosses(first, 120)).Check();
    ++blocks;
    CHECK(verdict.pairing != Pairing::kRight);
    if (verdict.pairing == Pairing::kWrong) ++wrong;
  }
  CHECK(2 * wrong > blocks);
}

TEST_CASE("pairing: reversed vectors are wrong, and the verdict says so") {
  const Block block = Topics(100, 3);
  Order order = Identity(block.size());
  std::reverse(order.begin(), order.end());
  const PairingVerdict verdict = WithVectorsIn(order, block).Check();
  CHECK(verdict.pairing == Pairing::kWrong);
  CHECK(verdict.reversed);
  CHECK_FALSE(verdict.shift.has_value());
}

TEST_CASE("pairing: shuffled vectors are wrong although no simple order fits") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    const Block block = Topics(100, 10 + seed);
    const PairingVerdict verdict = WithVectorsIn(Shuffled(100, seed), block).Check();
    CHECK(verdict.pairing == Pairing::kWrong);
    CHECK(verdict.score < verdict.limit);
    CHECK_FALSE(verdict.shift.has_value());
  }
}

TEST_CASE("pairing: in a large block one shuffled part is enough to be wrong") {
  const Block block = Topics(300, 4);
  REQUIRE(block.Check().pairing == Pairing::kRight);
  Order order = Identity(300);
  std::mt19937 random(5);
  std::shuffle(order.begin() + 100, order.begin() + 200, random);
  CHECK(WithVectorsIn(order, block).Check().pairing == Pairing::kWrong);
}

TEST_CASE("pairing: texts and vectors moved together keep their verdict") {
  const Block right = Topics(100, 6);
  const Block wrong = WithVectorsIn(Shuffled(100, 1), right);
  for (unsigned seed = 0; seed < 5; ++seed) {
    const Order order = Shuffled(100, 20 + seed);
    const PairingVerdict still = WithTextsIn(order, WithVectorsIn(order, right)).Check();
    CHECK(still.pairing == Pairing::kRight);
    CHECK(still.score == doctest::Approx(right.Check().score).epsilon(1e-3));
    const Block moved = WithTextsIn(order, WithVectorsIn(order, wrong));
    CHECK(moved.Check().pairing == Pairing::kWrong);
  }
}

TEST_CASE("pairing: the length of the vectors and what they have in common do not matter") {
  const Block block = Topics(100, 7);
  const double score = block.Check().score;
  Block scaled = block;
  for (float& value : scaled.vectors) value *= 1000.0F;
  CHECK(scaled.Check().score == doctest::Approx(score).epsilon(1e-3));
  Block moved = block;
  for (float& value : moved.vectors) value += 2.0F;
  CHECK(moved.Check().score == doctest::Approx(score).epsilon(1e-3));
  CHECK(moved.Check().pairing == Pairing::kRight);
}

TEST_CASE("pairing: a verdict is the same on every call and after other blocks") {
  const Block block = Topics(100, 8);
  const Block other = Rotated(3, Glosses(0, 100));
  PairingChecker checker;
  const std::vector<std::string_view> texts(block.texts.begin(), block.texts.end());
  const std::vector<std::string_view> others(other.texts.begin(), other.texts.end());
  const PairingVerdict first = checker.Check(texts, block.vectors, block.dimensions);
  checker.Check(others, other.vectors, other.dimensions);
  const PairingVerdict second = checker.Check(texts, block.vectors, block.dimensions);
  CHECK(first.score == second.score);
  CHECK(first.limit == second.limit);
  CHECK(first.text_signal == second.text_signal);
  CHECK(block.Check().score == first.score);
}

TEST_CASE("pairing: texts without common words are undecided, whatever their vectors") {
  using Text = std::string (*)(std::size_t);
  const std::array<Text, 7> texts = {
      [](std::size_t) { return std::string("the same text"); },
      [](std::size_t i) { return "row number " + std::to_string(i); },
      [](std::size_t i) { return std::to_string(i * 7919); },
      [](std::size_t) { return std::string(); },
      [](std::size_t i) { return std::string(1 + i, static_cast<char>('a' + i % 26)); },
      [](std::size_t i) { return "東京の天気は晴れ" + std::to_string(i % 5) + "、明日は雨です。"; },
      [](std::size_t i) { return std::string(200, 'x') + " " + std::to_string(i); },
  };
  const Block block = Topics(100, 9);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(i);
    const PairingVerdict verdict = WithText(block, texts[i]).Check();
    CHECK(verdict.pairing == Pairing::kUndecided);
    CHECK(std::isfinite(verdict.score));
  }
}

TEST_CASE("pairing: vectors that tell nothing are undecided") {
  const Block block = Topics(100, 11);
  Block noise = block;
  std::mt19937 random(12);
  std::normal_distribution<float> normal;
  for (float& value : noise.vectors) value = normal(random);
  CHECK(noise.Check().pairing == Pairing::kUndecided);
}

TEST_CASE("pairing: one vector for texts of different words is wrong") {
  for (const float value : {1.0F, -3.5F, 1e-30F, 3e38F}) {
    for (const std::size_t count : {8, 10, 100}) {
      CAPTURE(value);
      CAPTURE(count);
      Block equal = Glosses(0, count);
      std::fill(equal.vectors.begin(), equal.vectors.end(), value);
      const PairingVerdict verdict = equal.Check();
      CHECK(verdict.pairing == Pairing::kWrong);
      CHECK(std::isfinite(verdict.score));
      CHECK(std::isfinite(verdict.limit));
      equal.vectors.back() = value / 2;
      CHECK(equal.Check().pairing == Pairing::kUndecided);
    }
  }
}

TEST_CASE("pairing: one vector for texts of the same words, or of none, is undecided") {
  const std::vector<float> same(20 * kDimensions, 0.5F);
  const std::vector<std::string_view> words(20, "the same words again");
  CHECK(CheckPairing(words, same, kDimensions).pairing == Pairing::kUndecided);
  const std::vector<std::string_view> signs(20, "?!");
  CHECK(CheckPairing(signs, same, kDimensions).pairing == Pairing::kUndecided);
}

TEST_CASE("pairing: small blocks are undecided rather than wrong") {
  CHECK(CheckPairing({}, {}, kDimensions).pairing == Pairing::kUndecided);
  for (std::size_t count = 1; count <= 12; ++count) {
    CAPTURE(count);
    for (std::size_t first = 0; first < 200; first += 10) {
      CHECK(Glosses(first, count).Check().pairing != Pairing::kWrong);
    }
    if (count < 8) CHECK(Glosses(0, count).Check().pairing == Pairing::kUndecided);
  }
}

TEST_CASE("pairing: one exchanged pair is not seen") {
  const Block block = Topics(100, 13);
  Order order = Identity(100);
  std::swap(order[3], order[60]);
  CHECK(WithVectorsIn(order, block).Check().pairing == Pairing::kRight);
}

TEST_CASE("pairing: words are told apart across all lengths and places of a text") {
  // 0 to 200 bytes in front move the words over every boundary at which they are read.
  const Block block = Topics(100, 14);
  const double score = block.Check().score;
  for (std::size_t front = 0; front <= 200; front += 7) {
    CAPTURE(front);
    Block moved = block;
    for (std::string& text : moved.texts) text.insert(0, std::string(front, '.'));
    const PairingVerdict verdict = moved.Check();
    CHECK(verdict.pairing == Pairing::kRight);
    CHECK(verdict.score == doctest::Approx(score));
  }
}

TEST_CASE("pairing: dimensions that are no multiple of anything work") {
  for (const std::uint32_t dimensions : {1U, 2U, 17U, 127U, 129U, 255U, 1001U, 5000U}) {
    CAPTURE(dimensions);
    const Block narrow = Topics(100, 15);
    Block block = narrow;
    block.dimensions = dimensions;
    block.vectors.assign(100 * std::size_t{dimensions}, 0.25F);
    const std::uint32_t common = std::min(dimensions, narrow.dimensions);
    for (std::size_t i = 0; i < 100; ++i) {
      std::copy_n(narrow.vectors.begin() + static_cast<std::ptrdiff_t>(i * narrow.dimensions),
                  common, block.vectors.begin() + static_cast<std::ptrdiff_t>(i * dimensions));
    }
    const PairingVerdict verdict = block.Check();
    CHECK(verdict.pairing != Pairing::kWrong);
    CHECK(std::isfinite(verdict.score));
    if (dimensions >= 17) CHECK(verdict.pairing == Pairing::kRight);
  }
}

}  // namespace
}  // namespace embstore
