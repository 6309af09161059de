// SPDX-License-Identifier: Apache-2.0
// What the pairing check sees, what it does not, how often it is wrong and what it costs, as
// Markdown. usage: pairing_calibration AG_NEWS_CSV VECTORS_F16 WORDNET_CSV [--blocks N]
// [--right-blocks N] [--more AG_NEWS_CSV]
//
// VECTORS_F16 holds one IEEE half row of 512 values for each document of AG_NEWS_CSV. Blocks are
// drawn without replacement within a block, from a fixed seed.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "embstore/dataset.h"
#include "embstore/provider.h"
#include "engine/pairing/pairing_check.h"
#include "tools/simulator/embedder.h"

namespace {

using embstore::Code;
using embstore::Pairing;
using embstore::PairingVerdict;
using embstore::Result;
using embstore::Status;
using Clock = std::chrono::steady_clock;
using Random = std::mt19937_64;
using Order = std::vector<std::size_t>;
/// Changes which vector stands in which row.
using Mistake = std::function<void(Order*, Random*)>;

constexpr std::size_t kUseDimensions = 512;
constexpr std::size_t kBlock = 100;

struct Options {
  std::vector<std::string> files;
  std::string more;
  std::size_t blocks = 2000;
  std::size_t right_blocks = 100'000;
};

struct Corpus {
  std::string name;
  std::vector<std::string> texts;
  std::vector<float> vectors;
  std::size_t dimensions = 0;
};

struct Counts {
  std::array<std::size_t, 3> by_pairing{};
  std::vector<double> scores;
  std::vector<double> margins;  // Score minus limit, of blocks that have a limit.
};

Result<Options> ParseOptions(int argc, char** argv) {
  Options options;
  bool good = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      options.files.emplace_back(word);
    } else if (i + 1 < argc && word == "--more") {
      options.more = argv[++i];
    } else if (i + 1 < argc && (word == "--blocks" || word == "--right-blocks")) {
      const std::string_view number = argv[++i];
      std::size_t& value = word == "--blocks" ? options.blocks : options.right_blocks;
      good = good && std::from_chars(number.begin(), number.end(), value).ec == std::errc();
    } else {
      good = false;
    }
  }
  if (good && options.files.size() == 3) return options;
  return Status(Code::kInvalidArgument,
                "usage: pairing_calibration AG_NEWS_CSV VECTORS_F16 WORDNET_CSV [--blocks N] "
                "[--right-blocks N] [--more AG_NEWS_CSV]");
}

Result<std::vector<std::string>> ReadTexts(const std::string& file) {
  embstore::FileDatasetOptions source;
  source.path = file;
  auto dataset = embstore::OpenFileDataset(source);
  if (!dataset.ok()) return dataset.status();
  auto reader = (*dataset)->Open();
  if (!reader.ok()) return reader.status();
  std::vector<std::string> texts;
  embstore::Document document;
  while (true) {
    const Result<bool> more = (*reader)->Next(&document);
    if (!more.ok()) return more.status();
    if (!*more) return texts;
    texts.emplace_back(document.text);
  }
}

float FloatOfHalf(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                   : std::ldexp(static_cast<float>(fraction | 1024), exponent - 25);
  return half >> 15 != 0 ? -size : size;
}

Result<std::vector<float>> ReadHalves(const std::string& file, std::size_t count) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<std::uint16_t> halves(count);
  const auto bytes = static_cast<std::streamsize>(count * sizeof(std::uint16_t));
  if (!stream.read(reinterpret_cast<char*>(halves.data()), bytes)) {
    return Status(Code::kInvalidArgument, file + " has fewer rows than there are texts");
  }
  std::vector<float> values(count);
  std::transform(halves.begin(), halves.end(), values.begin(), FloatOfHalf);
  return values;
}

Result<Corpus> WithLocalVectors(std::string name, std::vector<std::string> texts) {
  auto provider = embstore::MakeLocalProvider({});
  if (!provider.ok()) return provider.status();
  Corpus corpus{std::move(name), std::move(texts), {}, (*provider)->identity().dimensions};
  const std::vector<std::string_view> views(corpus.texts.begin(), corpus.texts.end());
  for (std::size_t i = 0; i < views.size(); i += 1000) {
    const auto count = std::min<std::size_t>(1000, views.size() - i);
    const auto reply = (*provider)->Embed(std::span(views).subspan(i, count));
    if (!reply.ok()) return reply.status();
    corpus.vectors.insert(corpus.vectors.end(), reply->vectors.begin(), reply->vectors.end());
  }
  return corpus;
}

Corpus WithSimulatorVectors(std::string name, std::vector<std::string> texts) {
  const embstore::simulator::Embedder embedder(42);
  const auto* const model = embstore::simulator::FindModel("gemini-embedding-001");
  Corpus corpus{std::move(name), std::move(texts), {}, 768};
  for (const std::string& text : corpus.texts) {
    const auto vector = embedder.Embed(*model, {text, "", "CLUSTERING"}, corpus.dimensions);
    corpus.vectors.insert(corpus.vectors.end(), vector.begin(), vector.end());
  }
  return corpus;
}

/// Vectors that have nothing to do with texts.
Corpus WithNoise(std::string name, std::vector<std::string> texts, std::size_t dimensions) {
  Corpus corpus{std::move(name), std::move(texts), {}, dimensions};
  Random random(5);
  std::normal_distribution<float> normal;
  corpus.vectors.resize(corpus.texts.size() * dimensions);
  for (float& value : corpus.vectors) value = normal(random);
  return corpus;
}

Corpus WithAddedNoise(Corpus corpus, double part) {
  corpus.name += " + " + std::to_string(part).substr(0, 3) + " times its length of noise";
  Random random(6);
  std::normal_distribution<float> normal(
      0, static_cast<float>(part / std::sqrt(static_cast<double>(corpus.dimensions))));
  for (float& value : corpus.vectors) value += normal(random);
  return corpus;
}

Corpus WithTexts(const Corpus& corpus, std::string name,
                 const std::function<std::string(const std::string&, std::size_t)>& change) {
  Corpus changed{std::move(name), {}, corpus.vectors, corpus.dimensions};
  for (std::size_t i = 0; i < corpus.texts.size(); ++i) {
    changed.texts.push_back(change(corpus.texts[i], i));
  }
  return changed;
}

std::string FirstWords(const std::string& text, std::size_t count) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < count && end != std::string::npos; ++i) end = text.find(' ', end + 1);
  return text.substr(0, end);
}

std::string ShuffledWords(const std::string& text, std::size_t seed) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  Random random(seed);
  std::shuffle(words.begin(), words.end(), random);
  std::string joined;
  for (const std::string& word : words) joined += word + " ";
  return joined;
}

std::string RandomTokens(std::size_t seed, std::size_t vocabulary) {
  Random random(seed);
  std::string text;
  for (int word = 0; word < 20; ++word) {
    Random letters(random() % vocabulary);
    for (int i = 0; i < 7; ++i) text += static_cast<char>('a' + letters() % 26);
    text += ' ';
  }
  return text;
}

std::string Japanese(std::size_t seed) {
  constexpr std::array<const char*, 12> kParts = {"東京の", "天気は", "晴れで", "明日は",
                                                  "雨です", "株価が", "上昇し", "会社は",
                                                  "新しい", "製品を", "発表し", "ました"};
  Random random(seed);
  std::string text;
  for (int i = 0; i < 12; ++i) text += kParts[random() % kParts.size()];
  return text;
}

void NoMistake(Order*, Random*) {}
void Shuffle(Order* order, Random* random) { std::shuffle(order->begin(), order->end(), *random); }
void Rotate(Order* order, Random* random) {
  const std::size_t by = 1 + (*random)() % (order->size() - 1);
  std::rotate(order->begin(), order->begin() + static_cast<std::ptrdiff_t>(by), order->end());
}
void RotateByOne(Order* order, Random*) {
  std::rotate(order->begin(), order->begin() + 1, order->end());
}
void Reverse(Order* order, Random*) { std::reverse(order->begin(), order->end()); }

/// A circle through `count` rows chosen at random: each of them gets a wrong vector.
Mistake Displace(std::size_t count) {
  return [count](Order* order, Random* random) {
    Order rows(order->size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    std::shuffle(rows.begin(), rows.end(), *random);
    const std::size_t first = (*order)[rows[0]];
    for (std::size_t i = 0; i + 1 < count; ++i) (*order)[rows[i]] = (*order)[rows[i + 1]];
    (*order)[rows[count - 1]] = first;
  };
}

Counts Judge(const Corpus& corpus, std::size_t size, std::size_t blocks, const Mistake& mistake) {
  Random random(7);
  embstore::PairingChecker checker;
  Counts counts;
  Order documents(corpus.texts.size());
  std::iota(documents.begin(), documents.end(), std::size_t{0});
  const std::size_t width = corpus.dimensions;
  std::vector<std::string_view> texts(size);
  std::vector<float> vectors(size * width);
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t i = 0; i < size; ++i) {
      std::swap(documents[i], documents[i + random() % (documents.size() - i)]);
      texts[i] = corpus.texts[documents[i]];
    }
    Order rows(documents.begin(), documents.begin() + static_cast<std::ptrdiff_t>(size));
    mistake(&rows, &random);
    for (std::size_t i = 0; i < size; ++i) {
      std::memcpy(&vectors[i * width], &corpus.vectors[rows[i] * width], width * sizeof(float));
    }
    const auto verdict = checker.Check(texts, vectors, static_cast<std::uint32_t>(width));
    ++counts.by_pairing[static_cast<std::size_t>(verdict.pairing)];
    counts.scores.push_back(verdict.score);
    if (verdict.limit > 0) counts.margins.push_back(verdict.score - verdict.limit);
  }
  return counts;
}

std::array<double, 2> MeanAndDeviation(const std::vector<double>& values) {
  double mean = 0;
  double squares = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / static_cast<double>(values.size()))};
}

void PrintRow(const std::string& name, std::size_t size, const Counts& counts) {
  const auto [mean, deviation] = MeanAndDeviation(counts.scores);
  std::printf("| %s | %zu | %zu | %zu | %zu | %zu | %.3f ± %.3f |\n", name.c_str(), size,
              counts.scores.size(), counts.by_pairing[0], counts.by_pairing[1],
              counts.by_pairing[2], mean, deviation);
  std::fflush(stdout);
}

void PrintHead(const char* title) {
  std::printf(
      "\n## %s\n\n| blocks of | texts | blocks | right | wrong | undecided | score |\n"
      "|---|---|---|---|---|---|---|\n",
      title);
}

void PrintDetection(const Corpus& corpus, std::size_t blocks) {
  PrintHead("Mistakes that change the whole block, or half of it");
  for (const std::size_t size : {32U, 64U, 100U, 128U, 256U}) {
    PrintRow("rotated, any shift", size, Judge(corpus, size, blocks, Rotate));
    PrintRow("rotated by one", size, Judge(corpus, size, blocks, RotateByOne));
    PrintRow("reversed", size, Judge(corpus, size, blocks, Reverse));
    PrintRow("shuffled", size, Judge(corpus, size, blocks, Shuffle));
    PrintRow("half of the rows displaced", size, Judge(corpus, size, blocks, Displace(size / 2)));
  }
}

void PrintDisplaced(const Corpus& corpus, std::size_t blocks) {
  std::printf(
      "\n## Part of the rows displaced: share of blocks found wrong\n\n"
      "| texts | one pair | 5 %% | 10 %% | 20 %% | 30 %% | 40 %% | 50 %% | 75 %% |\n"
      "|---|---|---|---|---|---|---|---|---|\n");
  for (const std::size_t size : {32U, 64U, 100U, 128U, 256U}) {
    std::printf("| %zu |", size);
    for (const std::size_t percent : {0U, 5U, 10U, 20U, 30U, 40U, 50U, 75U}) {
      const std::size_t count = std::max<std::size_t>(2, size * percent / 100);
      const Counts counts = Judge(corpus, size, blocks, Displace(count));
      std::printf(" %.2f %% |",
                  100.0 * static_cast<double>(counts.by_pairing[1]) / static_cast<double>(blocks));
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

/// The chance of a margin below 0, beyond what was seen: once from a normal distribution, once
/// from the mean excess of the lowest thousandth (an exponential tail).
void PrintTail(std::vector<double> margins) {
  if (margins.size() < 10'000) return;
  const auto [mean, deviation] = MeanAndDeviation(margins);
  std::sort(margins.begin(), margins.end());
  const std::size_t tail = margins.size() / 1000;
  const double edge = margins[tail];
  double excess = 0;
  for (std::size_t i = 0; i < tail; ++i) excess += (edge - margins[i]) / static_cast<double>(tail);
  std::printf(
      "\nMargin (score minus limit) of %zu right blocks: %.4f ± %.4f, lowest %.4f. "
      "Chance below 0: normal tail %.1e (%.2f deviations), exponential tail fitted to the "
      "lowest %zu %.1e.\n",
      margins.size(), mean, deviation, margins[0], std::erfc(mean / deviation / std::sqrt(2.0)) / 2,
      mean / deviation, tail, 0.001 * std::exp(-edge / excess));
  std::printf("Deviations below the mean at 1e-2, 1e-3, 1e-4 (normal: 2.33, 3.09, 3.72):");
  for (const std::size_t part : {100U, 1000U, 10'000U}) {
    std::printf(" %.2f", (mean - margins[margins.size() / part]) / deviation);
  }
  std::printf("\n");
}

Status PrintFalseAlarms(const Corpus& use, const std::vector<std::string>& wordnet,
                        const Options& options) {
  PrintHead("Right pairings: every \"wrong\" is a false alarm");
  const Counts many = Judge(use, kBlock, options.right_blocks, NoMistake);
  PrintRow("AG News, USE", kBlock, many);
  for (const std::size_t size : {8U, 16U, 32U, 64U, 128U, 256U}) {
    PrintRow("AG News, USE", size, Judge(use, size, options.blocks, NoMistake));
  }
  std::vector<Corpus> corpora;
  corpora.push_back(WithTexts(use, "AG News words in another order, USE", ShuffledWords));
  corpora.push_back(WithTexts(use, "first 30 bytes, USE of the whole",
                              [](auto& text, auto) { return text.substr(0, 30); }));
  corpora.push_back(WithTexts(use, "first 60 bytes, USE of the whole",
                              [](auto& text, auto) { return text.substr(0, 60); }));
  corpora.push_back(WithTexts(use, "first 3 words, USE of the whole",
                              [](auto& text, auto) { return FirstWords(text, 3); }));
  corpora.push_back(WithTexts(use, "one word, USE of the whole",
                              [](auto& text, auto) { return FirstWords(text, 1); }));
  const std::string common(200, 'x');
  corpora.push_back(WithTexts(use, "200 equal bytes before each text, USE",
                              [&](auto& text, auto) { return common + " " + text; }));
  corpora.push_back(WithTexts(use, "equal texts but for a number, USE of AG News",
                              [](auto&, auto i) { return "Row number " + std::to_string(i); }));
  corpora.push_back(WithTexts(use, "numbers only, USE of AG News",
                              [](auto&, auto i) { return std::to_string(i * 7919); }));
  corpora.push_back(WithTexts(use, "random words out of 300, USE of AG News",
                              [](auto&, auto i) { return RandomTokens(i, 300); }));
  corpora.push_back(WithTexts(use, "random words out of 10^6, USE of AG News",
                              [](auto&, auto i) { return RandomTokens(i, 1'000'000); }));
  corpora.push_back(WithTexts(use, "Japanese phrases, USE of AG News",
                              [](auto&, auto i) { return Japanese(i); }));
  for (const double part : {0.5, 1.0, 1.5, 2.0, 4.0}) corpora.push_back(WithAddedNoise(use, part));
  corpora.push_back(WithNoise("AG News, noise of 768 dimensions", use.texts, 768));
  corpora.push_back(WithNoise("AG News, noise of 4 dimensions", use.texts, 4));
  corpora.push_back(WithSimulatorVectors("AG News, simulator", use.texts));
  corpora.push_back(WithSimulatorVectors("WordNet, simulator", wordnet));
  for (const Corpus& corpus : corpora) {
    PrintRow(corpus.name, kBlock, Judge(corpus, kBlock, options.blocks, NoMistake));
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> local = {
      {"AG News, local", use.texts}, {"WordNet, local", wordnet}};
  for (const char* const text : {"first 3 words, local", "random words out of 300, local",
                                 "Japanese phrases, local", "equal but for a number, local"}) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < use.texts.size(); ++i) {
      texts.push_back(text[0] == 'f'   ? FirstWords(use.texts[i], 3)
                      : text[0] == 'r' ? RandomTokens(i, 300)
                      : text[0] == 'J' ? Japanese(i)
                                       : "Row number " + std::to_string(i));
    }
    local.emplace_back(text, std::move(texts));
  }
  if (!options.more.empty()) {
    auto texts = ReadTexts(options.more);
    if (!texts.ok()) return texts.status();
    local.emplace_back("more AG News, local", std::move(*texts));
  }
  for (auto& [name, texts] : local) {
    const Result<Corpus> corpus = WithLocalVectors(name, std::move(texts));
    if (!corpus.ok()) return corpus.status();
    PrintRow(name, kBlock, Judge(*corpus, kBlock, options.blocks, NoMistake));
  }
  PrintTail(many.margins);
  return Status();
}

Status PrintLexicalModels(const std::vector<std::string>& ag_news,
                          const std::vector<std::string>& wordnet, std::size_t blocks) {
  PrintHead("Mistakes with vectors made of words");
  Result<Corpus> local = WithLocalVectors("WordNet, local", wordnet);
  if (!local.ok()) return local.status();
  for (const Corpus& corpus : {WithSimulatorVectors("WordNet, simulator", wordnet),
                               WithSimulatorVectors("AG News, simulator", ag_news), *local}) {
    PrintRow(corpus.name + ", rotated", kBlock, Judge(corpus, kBlock, blocks, Rotate));
    PrintRow(corpus.name + ", rotated by one", kBlock, Judge(corpus, kBlock, blocks, RotateByOne));
    PrintRow(corpus.name + ", reversed", kBlock, Judge(corpus, kBlock, blocks, Reverse));
    PrintRow(corpus.name + ", shuffled", kBlock, Judge(corpus, kBlock, blocks, Shuffle));
  }
  return Status();
}

/// Lowest time of many rounds over all blocks, in microseconds a text: what the machine can do
/// while nobody else uses it.
double MicrosecondsAText(std::size_t blocks, const std::function<void(std::size_t)>& work) {
  double best = 1e9;
  for (int round = 0; round < 40; ++round) {
    const auto start = Clock::now();
    for (std::size_t block = 0; block < blocks; ++block) work(block);
    const std::chrono::duration<double, std::micro> taken = Clock::now() - start;
    best = std::min(best, taken.count() / static_cast<double>(blocks * kBlock));
  }
  return best;
}

Status PrintCost(const std::vector<std::string>& ag_news) {
  constexpr std::size_t kBlocks = 20;
  const auto end = ag_news.begin() + static_cast<std::ptrdiff_t>(kBlocks * kBlock);
  const Result<Corpus> corpus = WithLocalVectors("", {ag_news.begin(), end});
  if (!corpus.ok()) return corpus.status();
  const std::vector<std::string_view> texts(corpus->texts.begin(), corpus->texts.end());
  const std::size_t values = kBlock * corpus->dimensions;
  embstore::PairingChecker checker;
  double sink = 0;
  const double check = MicrosecondsAText(kBlocks, [&](std::size_t block) {
    sink += checker
                .Check(std::span(texts).subspan(block * kBlock, kBlock),
                       std::span(corpus->vectors).subspan(block * values, values),
                       static_cast<std::uint32_t>(corpus->dimensions))
                .score;
  });
  const double keys = MicrosecondsAText(kBlocks, [&](std::size_t block) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      sink += static_cast<double>(embstore::MakeTextKey(texts[block * kBlock + i]).length);
    }
  });
  std::vector<float> copy(values);
  const double copying = MicrosecondsAText(kBlocks, [&](std::size_t block) {
    std::memcpy(copy.data(), &corpus->vectors[block * values], values * sizeof(float));
    sink += static_cast<double>(copy[block]);
  });
  std::printf(
      "\n## Cost\n\nBlocks of %zu AG News texts with 768 dimensions, one thread: %.3f "
      "microseconds a text; %.2f times MakeTextKey of the text (%.3f), %.1f times a copy "
      "of the vector (%.3f). (%.0f)\n",
      kBlock, check, check / keys, keys, check / copying, copying, sink == 0 ? 0.0 : 1.0);
  return Status();
}

Status Run(int argc, char** argv) {
  const Result<Options> options = ParseOptions(argc, argv);
  if (!options.ok()) return options.status();
  auto ag_news = ReadTexts(options->files[0]);
  if (!ag_news.ok()) return ag_news.status();
  auto halves = ReadHalves(options->files[1], ag_news->size() * kUseDimensions);
  if (!halves.ok()) return halves.status();
  const auto wordnet = ReadTexts(options->files[2]);
  if (!wordnet.ok()) return wordnet.status();
  const Corpus use{"AG News, USE", *ag_news, std::move(*halves), kUseDimensions};
  Status status = PrintCost(*ag_news);
  if (!status.ok()) return status;
  PrintDetection(use, options->blocks);
  PrintDisplaced(use, options->blocks);
  status = PrintLexicalModels(*ag_news, *wordnet, options->blocks);
  if (!status.ok()) return status;
  return PrintFalseAlarms(use, *wordnet, *options);
}

}  // namespace

int main(int argc, char** argv) {
  const Status status = Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "pairing_calibration: %s\n", status.message().c_str());
  return 1;
}
