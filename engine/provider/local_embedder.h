// SPDX-License-Identifier: Apache-2.0
// The vector of one text in the local provider. Sums are integers, so that the order of features
// and the machine make no difference.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/provider/local_lexicon.h"
#include "engine/provider/local_tokens.h"

namespace embstore {

/// Where every feature goes. Immutable after construction.
struct LocalProjection {
  LocalProjection(std::uint64_t seed_value, std::uint32_t dimension_count);

  std::uint64_t seed;
  std::uint32_t dimensions;
  /// Per coordinate, which topic it carries, and with which sign.
  std::vector<std::uint8_t> topic_of;
  std::vector<std::int8_t> topic_sign;
};

/// Working memory for embedding texts one after the other; the outcome does not depend on what
/// came before. Not thread-safe; one thread at a time.
class LocalEmbedder {
 public:
  explicit LocalEmbedder(const LocalProjection& projection);

  /// Fills `out` (one float per dimension) with a unit vector, whatever `text` is.
  void Embed(std::string_view text, std::span<float> out);

 private:
  void AddFeature(std::uint64_t feature, std::int64_t amount);
  void AddWord(std::string_view padded, std::uint64_t hash, std::size_t count);
  void AddGrams(std::string_view padded, std::int64_t amount);
  void AddTopics();
  void Write(std::span<float> out);

  const LocalProjection& projection_;
  const LocalLexicon& lexicon_;
  LocalTokens tokens_;
  std::vector<std::pair<std::uint64_t, std::size_t>> words_;  ///< Hash and index, sorted.
  std::vector<std::int64_t> sums_;
  std::vector<std::int64_t> topics_;
};

}  // namespace embstore
