// SPDX-License-Identifier: Apache-2.0
//
// A text becomes a sparse set of hashed features (words, word pairs, byte trigrams) in
// kBuckets signed buckets. One fast Hadamard transform then spreads every feature over all
// coordinates, which keeps cosines and costs n log n instead of features times dimensions; the
// length of the full vector is therefore cheap even when only its prefix is asked for.
#include "tools/simulator/embedder.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace embstore::simulator {
namespace {

constexpr std::size_t kBuckets = 4096;
constexpr std::size_t kBucketBits = 12;
using Buckets = std::array<float, kBuckets>;

// Unequal shares: equal ones would cancel to exact zeros in the transform.
constexpr std::array<float, 4> kShares{1.0F, 0.83F, 0.71F, 0.59F};

constexpr float kLongWordWeight = 1.0F;
constexpr float kShortWordWeight = 0.35F;
constexpr float kPairWeight = 0.4F;
constexpr float kTrigramWeight = 0.25F;
constexpr float kWholeTextWeight = 0.1F;
constexpr std::size_t kShortWordBytes = 3;

// Every vector of a model shares a direction, as those of real models do; tasks shift it a bit.
constexpr double kModelOffset = 0.5;
constexpr double kTaskOffset = 0.2;

// Scale of coordinates 0..767, 768..1535 and the rest. It gives the recorded prefix lengths of
// gemini-embedding-001: about 0.574 at 768 and 0.685 at 1536 of a unit vector.
constexpr std::size_t kBandEdge = 768;
constexpr std::array<float, 4> kBandScale{1.148F, 0.748F, 1.030F, 1.030F};

enum FeatureKind : std::uint64_t { kWord = 1, kPair, kTrigram, kWholeText, kTitle, kOffset };

constexpr std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

std::uint64_t HashBytes(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
    hash ^= hash >> 29;
  }
  return hash;
}

struct ByteClasses {
  std::array<unsigned char, 256> lower{};
  std::array<bool, 256> in_word{};
};

constexpr ByteClasses MakeByteClasses() {
  ByteClasses classes;
  for (std::size_t i = 0; i < 256; ++i) {
    const bool upper = i >= 'A' && i <= 'Z';
    classes.lower[i] = static_cast<unsigned char>(upper ? i + ('a' - 'A') : i);
    classes.in_word[i] = upper || (i >= 'a' && i <= 'z') || (i >= '0' && i <= '9') || i >= 0x80;
  }
  return classes;
}

constexpr ByteClasses kBytes = MakeByteClasses();

// Fills buckets from text. Features of different `space_key`s are unrelated.
class FeatureSink {
 public:
  FeatureSink(std::uint64_t space_key, Buckets* buckets)
      : space_key_(space_key), buckets_(*buckets) {}

  void Add(std::uint64_t feature, float weight) {
    const std::uint64_t hash = Mix(feature ^ space_key_);
    const float jitter = 0.75F + static_cast<float>(hash & 0xFF) * (0.5F / 256.0F);
    std::uint64_t rest = hash >> 8;
    for (const float share : kShares) {
      const float value = weight * jitter * share;
      const std::size_t bucket = rest & (kBuckets - 1);
      rest >>= kBucketBits;
      buckets_[bucket] += (rest & 1) != 0 ? value : -value;
      rest >>= 1;
    }
  }

  void AddText(std::string_view text) {
    std::uint64_t window = ' ';
    std::uint64_t word = 0;
    std::uint64_t previous_word = 0;
    std::size_t word_bytes = 0;
    for (const char raw : text) {
      const auto byte = static_cast<unsigned char>(raw);
      const std::uint64_t lower = kBytes.lower[byte];
      window = ((window << 8) | lower) & 0xFFFFFF;
      Add((window << 8) | kTrigram, kTrigramWeight);
      if (kBytes.in_word[byte]) {
        word = (word ^ lower) * 0x100000001B3U + 1;
        ++word_bytes;
      } else if (word_bytes != 0) {
        AddWord(word, word_bytes, &previous_word);
        word = word_bytes = 0;
      }
    }
    if (word_bytes != 0) AddWord(word, word_bytes, &previous_word);
    Add((((window << 8) | ' ') & 0xFFFFFF) << 8 | kTrigram, kTrigramWeight);
  }

 private:
  void AddWord(std::uint64_t word, std::size_t word_bytes, std::uint64_t* previous_word) {
    const std::uint64_t key = Mix(word) << 8;
    Add(key | kWord, word_bytes <= kShortWordBytes ? kShortWordWeight : kLongWordWeight);
    if (*previous_word != 0) Add(Mix(*previous_word ^ (key >> 1)) << 8 | kPair, kPairWeight);
    *previous_word = key;
  }

  std::uint64_t space_key_;
  Buckets& buckets_;
};

void HadamardTransform(Buckets* buckets) {
  static_assert(kBuckets == 4096, "the radix-4 loop needs a power of four");
  float* const x = buckets->data();
  for (std::size_t step = 1; step < kBuckets; step *= 4) {
    for (std::size_t base = 0; base < kBuckets; base += 4 * step) {
      float* const p = x + base;
      for (std::size_t i = 0; i < step; ++i) {
        const float a = p[i] + p[i + step];
        const float b = p[i] - p[i + step];
        const float c = p[i + 2 * step] + p[i + 3 * step];
        const float d = p[i + 2 * step] - p[i + 3 * step];
        p[i] = a + c;
        p[i + step] = b + d;
        p[i + 2 * step] = a - c;
        p[i + 3 * step] = b - d;
      }
    }
  }
}

double Length(const float* values, std::size_t count) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) {
      sums[k] += static_cast<double>(values[i + k]) * static_cast<double>(values[i + k]);
    }
  }
  for (; i < count; ++i) sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

void ScaleToUnit(float* values, std::size_t count, double length) {
  const double factor = 1.0 / length;
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(static_cast<double>(values[i]) * factor);
  }
}

// Roughly normal with variance 1: the sum of four uniform 16-bit values.
double NoiseAt(std::uint64_t key, std::size_t index) {
  std::uint64_t bits = Mix(key + index * 0xD1B54A32D192ED03U);
  double sum = 0;
  for (int i = 0; i < 4; ++i, bits >>= 16) sum += static_cast<double>(bits & 0xFFFF) / 65536.0;
  return (sum - 2.0) * std::sqrt(3.0);
}

std::vector<float> MakeOffset(std::uint64_t model_key, std::uint64_t task_key) {
  std::vector<float> offset(kFullDimensions);
  for (std::size_t i = 0; i < offset.size(); ++i) {
    offset[i] = static_cast<float>(kModelOffset * NoiseAt(model_key, i) +
                                   kTaskOffset * NoiseAt(task_key, i));
  }
  return offset;
}

}  // namespace

Embedder::Embedder(std::uint64_t seed) {
  for (const ModelInfo& model : AllModels()) {
    Space space;
    space.key = Mix(Mix(seed) ^ HashBytes(model.id));
    for (const std::string_view task : TaskTypes()) {
      space.task_offsets.push_back(
          MakeOffset(Mix(space.key ^ kOffset), Mix(space.key ^ HashBytes(task))));
    }
    spaces_.push_back(std::move(space));
  }
}

const std::vector<float>& Embedder::OffsetFor(const Space& space, const ModelInfo& model,
                                              std::string_view task_type) const {
  if (!model.uses_task_type) return space.task_offsets.front();
  const auto found = std::find(TaskTypes().begin(), TaskTypes().end(), task_type);
  if (found == TaskTypes().end()) return space.task_offsets.front();
  return space.task_offsets[static_cast<std::size_t>(found - TaskTypes().begin())];
}

std::vector<float> Embedder::Embed(const ModelInfo& model, const EmbedInput& input,
                                   std::size_t dimensions) const {
  const Space& space = spaces_[static_cast<std::size_t>(&model - AllModels().data())];
  Buckets values{};
  FeatureSink sink(space.key, &values);
  sink.AddText(input.text);
  if (!input.title.empty()) {
    sink.AddText(input.title);
    sink.Add(HashBytes(input.title) << 8 | kTitle, kWholeTextWeight);
  }
  sink.Add(HashBytes(input.text) << 8 | kWholeText, kWholeTextWeight);

  const auto feature_scale = static_cast<float>(1.0 / Length(values.data(), kBuckets));
  HadamardTransform(&values);
  const std::vector<float>& offset = OffsetFor(space, model, input.task_type);
  for (std::size_t band = 0; band < kBandScale.size(); ++band) {
    for (std::size_t i = band * kBandEdge; i < (band + 1) * kBandEdge; ++i) {
      values[i] = (values[i] * feature_scale + offset[i]) * kBandScale[band];
    }
  }
  ScaleToUnit(values.data(), kFullDimensions, Length(values.data(), kFullDimensions));
  if (model.unit_after_cut && dimensions < kFullDimensions) {
    ScaleToUnit(values.data(), dimensions, Length(values.data(), dimensions));
  }
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(dimensions)};
}

}  // namespace embstore::simulator
