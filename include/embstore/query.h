// SPDX-License-Identifier: Apache-2.0
// Nearest vectors by cosine, over a split or a whole space.
//
//   auto searcher = embstore::Searcher::OfSplit(*store, *split, space, {});
//   auto hits = (*searcher)->Search(query, {.k = 10});
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "embstore/identity.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

struct Hit {
  std::uint64_t position = 0;
  float score = 0;  ///< Cosine, summed in double: the same however the hit was found.
};

/// Higher score first; equal scores by position.
EMBSTORE_API bool IsBetter(const Hit& a, const Hit& b);

struct QueryOptions {
  std::uint32_t k = 10;
  std::optional<float> min_score;        ///< Hits below it are left out.
  std::optional<std::uint64_t> exclude;  ///< A position that is no answer, e.g. the query's own.
  /// Which positions may be answers; empty: all. Called often, from several threads at once.
  std::function<bool(std::uint64_t position)> accept;
  /// Compare with every vector. Otherwise sketches choose `rescored` candidates, whose true vectors
  /// are compared: much faster, and now and then a neighbour is missed (docs/search.md). Searches
  /// that would compare a good part of all vectors anyway are exact.
  bool exact = false;
  std::uint32_t rescored = 0;  ///< Candidates a query; 0: chosen by k. More miss less.
};

struct SearcherOptions {
  /// Keeps all vectors in memory, 4 * D bytes each; otherwise only their sketches, about D / 8, and
  /// the store is read for the rest.
  bool keep_vectors = false;
  std::uint32_t threads = 0;  ///< Of loading or one search, at most; 0: one for each core.
};

/// The vectors of a split or of a space, made ready for search as they were when it was made.
///
/// Safe for concurrent use. REQUIRES: the store outlives it.
class EMBSTORE_API Searcher {
 public:
  /// Positions are those of the split's documents. Documents without a vector, and vectors that are
  /// zero or not finite, are no answers.
  /// kNotFound: no such space. kCorruption: stored bytes changed.
  static Result<std::unique_ptr<Searcher>> OfSplit(const Store& store, const SplitInfo& split,
                                                   SpaceId space, const SearcherOptions& options);

  /// All vectors of the space, whatever split they came with; positions 0..size()-1 are in the
  /// order of the texts' content hashes, and text() says which text each is.
  static Result<std::unique_ptr<Searcher>> OfSpace(const Store& store, SpaceId space,
                                                   const SearcherOptions& options);

  ~Searcher();
  Searcher(const Searcher&) = delete;
  Searcher& operator=(const Searcher&) = delete;

  std::uint64_t size() const;     ///< Positions.
  std::uint64_t answers() const;  ///< Positions that have a vector; counted.
  std::uint32_t dimensions() const;
  const TextKey& text(std::uint64_t position) const;  ///< REQUIRES: position < size().

  /// The k nearest to `query`, float32 (D), of any length; best first, fewer than k when there are
  /// no more. kInvalidArgument: query.size() is not D, or the query is zero or not finite.
  /// kCorruption: a candidate's stored vector is damaged.
  Result<std::vector<Hit>> Search(std::span<const float> query, const QueryOptions& options) const;

  /// The same for each row of `queries`, float32 (Q, D), row major; many at once cost less than one
  /// by one. kInvalidArgument: the size is no multiple of D, a row is zero or not
  /// finite, or min_score is NaN.
  Result<std::vector<std::vector<Hit>>> SearchBatch(std::span<const float> queries,
                                                    const QueryOptions& options) const;

  struct EMBSTORE_HIDDEN Impl;  // Internal.

 private:
  explicit Searcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace embstore
