// SPDX-License-Identifier: Apache-2.0
#include "engine/pairing/pairing_check.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/pairing/lexical_likeness.h"
#include "engine/pairing/pair_table.h"
#include "engine/pairing/vector_likeness.h"

namespace embstore {
namespace {

constexpr std::size_t kFewestRows = 8;

// No single pair, such as two near copies, may decide: likeness beyond this many standard
// deviations counts as this many.
constexpr double kBound = 5.0;

// A score that chance does not reach.
constexpr double kBeyondChance = 4.0;
// Another order must fit beyond any chance of some 200 tries, and better than the given one.
constexpr double kOtherOrderFits = 7.0;
constexpr double kOtherOrderLead = 6.0;

// What the correlation alone may condemn: prose, and vectors that are more than noise.
constexpr double kFewestWords = 6.0;
constexpr double kProseWords = 24.0;
constexpr double kLeastTextSignal = 2.0;  // In units of chance.
constexpr double kMostTextSignal = 0.35;  // Beyond, texts are of few kinds, or of few languages.
constexpr double kLeastVectorSignal = 0.2;
// The score of right pairings of prose, and how far one block may stray from it, times rows.
constexpr double kExpectedScore = 0.277;
constexpr double kSpread = 11.0;

// The score below which a right pairing is out of the question; 0 when no score is.
double LimitOf(const PairingVerdict& block, std::size_t rows) {
  if (block.words < kFewestWords || block.vector_signal < kLeastVectorSignal) return 0;
  const double prose =
      std::clamp((block.words - kFewestWords) / (kProseWords - kFewestWords), 0.0, 1.0);
  if (block.text_signal < kLeastTextSignal * (1 - prose / 2) * block.chance) return 0;
  const double expected = kExpectedScore * std::min(1.0, std::sqrt(block.words / kProseWords)) *
                          std::sqrt(block.vector_signal);
  double limit = expected - kSpread / static_cast<double>(rows);
  if (block.text_signal > kMostTextSignal) limit = std::min(limit, 3 * block.chance);
  return std::max(0.0, limit);
}

bool AllSame(std::span<const float> vectors, std::uint32_t dimensions) {
  return std::equal(vectors.begin() + dimensions, vectors.end(), vectors.begin());
}

double Correlation(double product, double squares_a, double squares_b) {
  const double scale = std::sqrt(squares_a * squares_b);
  return scale > 0 ? product / scale : 0;
}

}  // namespace

struct PairingChecker::Workspace {
  LexicalLikeness lexical;
  VectorLikeness vector;
  PairTable words;   // By one half of the words, then by all.
  PairTable others;  // By the other half of the words.
  PairTable cosines;
  std::vector<float> whole_cosines;  // For TryOtherOrders only.
  std::vector<float> whole_words;

  PairingVerdict Judge(std::span<const std::string_view> texts, std::span<const float> vectors,
                       std::uint32_t dimensions);
  void TryOtherOrders(double scale, PairingVerdict* verdict);
};

PairingVerdict PairingChecker::Workspace::Judge(std::span<const std::string_view> texts,
                                                std::span<const float> vectors,
                                                std::uint32_t dimensions) {
  PairingVerdict verdict;
  const std::size_t rows = texts.size();
  if (rows < kFewestRows || dimensions == 0) return verdict;
  const auto n = static_cast<double>(rows);
  verdict.chance = std::sqrt(2.0 / (n * (n - 3)));
  verdict.vector_signal = vector.Measure(vectors, rows, dimensions, &cosines);
  verdict.words = lexical.Measure(texts, &words, &others);
  words.Standardize(kBound);
  others.Standardize(kBound);
  cosines.Standardize(kBound);
  verdict.text_signal =
      Correlation(PairTable::Product(words, others), PairTable::Product(words, words),
                  PairTable::Product(others, others));
  words.Add(others);
  const double scale =
      std::sqrt(PairTable::Product(words, words)) * std::sqrt(PairTable::Product(cosines, cosines));
  if (AllSame(vectors, dimensions) && PairTable::Product(words, words) > 0) {
    verdict.pairing = Pairing::kWrong;  // Texts of different words, and one vector for all of them.
    return verdict;
  }
  if (!(scale > 0)) return verdict;
  verdict.score = PairTable::Product(words, cosines) / scale;
  verdict.limit = LimitOf(verdict, rows);
  if (verdict.score < kBeyondChance * verdict.chance) TryOtherOrders(scale, &verdict);
  if (verdict.pairing == Pairing::kWrong) return verdict;
  if (verdict.limit > 0 && verdict.score < verdict.limit) {
    verdict.pairing = Pairing::kWrong;
  } else if (verdict.score >= kBeyondChance * verdict.chance) {
    verdict.pairing = Pairing::kRight;
  }
  return verdict;
}

// Both tables are laid out whole, the words twice side by side, so that an order turned by some
// rows is a piece without a seam.
void PairingChecker::Workspace::TryOtherOrders(double scale, PairingVerdict* verdict) {
  const std::size_t rows = words.rows();
  constexpr std::size_t kStride = PairTable::kMaxRows;
  whole_cosines.resize(kStride * kStride);
  whole_words.resize(2 * kStride * kStride);
  cosines.CopyTo(whole_cosines.data(), kStride);
  words.CopyTo(whole_words.data(), 2 * kStride);
  for (std::size_t i = 0; i < rows; ++i) {
    float* const row = whole_words.data() + i * 2 * kStride;
    std::copy_n(row, rows, row + rows);
  }
  double best = std::max(0.0, verdict->score) + kOtherOrderLead * verdict->chance;
  best = std::max(best, kOtherOrderFits * verdict->chance);
  for (std::size_t turn = 1; turn <= rows; ++turn) {
    if (turn == rows) {  // Last, the reverse order.
      for (std::size_t i = 0; i < rows; ++i) {
        float* const row = whole_words.data() + i * 2 * kStride;
        std::reverse(row, row + rows);
      }
    }
    double product = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t text = turn < rows ? (i + turn) % rows : rows - 1 - i;
      const float* const row = whole_words.data() + text * 2 * kStride;
      product += PairTable::DotProduct(whole_cosines.data() + i * kStride, row + turn % rows, rows);
    }
    const double score = product / 2 / scale;  // Each pair was counted twice.
    if (score < best) continue;
    best = score;
    verdict->pairing = Pairing::kWrong;
    verdict->reversed = turn == rows;
    verdict->shift.reset();
    if (turn < rows) verdict->shift = static_cast<std::uint32_t>(turn);
  }
}

PairingChecker::PairingChecker() : workspace_(std::make_unique<Workspace>()) {}
PairingChecker::~PairingChecker() = default;
PairingChecker::PairingChecker(PairingChecker&&) noexcept = default;
PairingChecker& PairingChecker::operator=(PairingChecker&&) noexcept = default;

PairingVerdict PairingChecker::Check(std::span<const std::string_view> texts,
                                     std::span<const float> vectors, std::uint32_t dimensions) {
  PairingVerdict verdict;
  const std::size_t parts = (texts.size() + PairTable::kMaxRows - 1) / PairTable::kMaxRows;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = texts.size() * part / parts;
    const std::size_t count = texts.size() * (part + 1) / parts - begin;
    const PairingVerdict found =
        workspace_->Judge(texts.subspan(begin, count),
                          vectors.subspan(begin * dimensions, count * dimensions), dimensions);
    if (found.pairing == Pairing::kWrong) return found;
    if (part == 0 || verdict.pairing == Pairing::kUndecided) verdict = found;
  }
  return verdict;
}

PairingVerdict CheckPairing(std::span<const std::string_view> texts, std::span<const float> vectors,
                            std::uint32_t dimensions) {
  return PairingChecker().Check(texts, vectors, dimensions);
}

}  // namespace embstore
