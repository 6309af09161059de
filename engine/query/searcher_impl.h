// SPDX-License-Identifier: Apache-2.0
// The inside of Searcher: made by searcher_load.cc, searched by exact_search.cc and
// sketch_search.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "embstore/query.h"
#include "engine/query/kernels.h"
#include "engine/query/top_k.h"
#include "engine/sketch/sketch.h"

namespace embstore {

/// A position and the first bytes of its content hash, which decide most comparisons.
struct HashedPosition {
  std::uint64_t prefix = 0;
  std::uint64_t position = 0;
};

struct Searcher::Impl {
  Impl(const Store& s, SpaceId id, std::uint32_t dimensions, const SearcherOptions& o)
      : store(s), space(id), options(o), sketcher(dimensions), words(sketcher.bits() / 64) {}

  // Constant once it is loaded.
  const Store& store;
  const SpaceId space;
  const SearcherOptions options;
  const Sketcher sketcher;
  const std::size_t words;              // Of a sketch.
  std::vector<TextKey> texts;           // By position.
  std::vector<HashedPosition> by_hash;  // In the order of content hashes.
  std::vector<std::uint8_t> present;    // By position: has a vector that can be an answer.
  std::vector<std::uint64_t> sketches;  // `words` each, by position.
  std::vector<float> rows;              // Only with keep_vectors: float32 (texts.size(), D).
  std::vector<float> inverse_norms;     // The same: InverseNorm of each row.

  std::uint32_t dimensions() const { return sketcher.dimensions(); }
  std::span<const float> Row(std::uint64_t position) const {
    return std::span(rows).subspan(position * dimensions(), dimensions());
  }

  /// Whether the caller takes this position for an answer.
  bool IsWanted(std::uint64_t position, const QueryOptions& options) const;

  /// Calls work(i) for i in [0, parts) from at most options.threads threads, this one included.
  void InParallel(std::size_t parts, const std::function<void(std::size_t)>& work) const;
  std::size_t Threads() const;
};

/// Queries scaled to length 1.
struct UnitQueries {
  std::vector<float> values;  ///< float32 (Q, D).
  std::size_t count = 0;
  std::span<const float> Of(std::size_t query) const {
    const std::size_t d = values.size() / count;
    return std::span(values).subspan(query * d, d);
  }
};

/// 1 / `norm` where products with it are sound in single precision, 0 for a row that is no answer,
/// and NaN for one whose length is out of the way: the exact cosine alone tells then.
float InverseNorm(double norm);

/// The cosine that is answered; see Kernels::cosine. REQUIRES: as many numbers in both.
float Cosine(std::span<const float> unit_query, std::span<const float> row);

using BatchHits = std::vector<std::vector<Hit>>;

/// Compares every query with every vector.
Result<BatchHits> SearchExactly(const Searcher::Impl& impl, const UnitQueries& queries,
                                const QueryOptions& options);

/// Compares every query with the vectors that the sketches bring up.
Result<BatchHits> SearchBySketches(const Searcher::Impl& impl, const UnitQueries& queries,
                                   const QueryOptions& options);

/// Sets `texts` to those of the split's documents.
Status ListTexts(const SplitInfo& split, Searcher::Impl* impl);

/// Fills the rest of an Impl. `texts` holds every position.
Status LoadSearcher(Searcher::Impl* impl);

}  // namespace embstore
