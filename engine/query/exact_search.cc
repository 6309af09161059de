// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "embstore/vector.h"
#include "engine/query/searcher_impl.h"

namespace embstore {
namespace {

// Rows of one product: enough to share the queries, few enough to stay in the cache with them.
constexpr std::size_t kBlockRows = 256;
// Multiplications that a thread of its own is worth: about a millisecond of them.
constexpr std::size_t kPartProducts = 8'000'000;

/// Compares blocks of rows with all queries. The kernels find whom to look at; a hit gets the
/// cosine that every way of searching gives. Not thread-safe; one thread at a time.
class BlockSearch {
 public:
  BlockSearch(const Searcher::Impl& impl, const UnitQueries& queries, const QueryOptions& options)
      : impl_(impl),
        queries_(queries),
        options_(options),
        best_(queries.count, TopK(options.k, options.min_score)),
        products_(kBlockRows * queries.count) {}

  /// `inverse_norms` (n), 0 for rows that are no answers; `position_of(i)` says where row i stands.
  template <typename PositionOf>
  void Offer(std::span<const float> rows, std::span<const float> inverse_norms,
             const PositionOf& position_of) {
    const std::size_t d = impl_.dimensions();
    const std::size_t n = inverse_norms.size();
    BestKernels().products(rows.data(), n, queries_.values.data(), queries_.count, d,
                           products_.data());
    // A product in single precision, in whatever order, is off by no more than this.
    const float slack = static_cast<float>(d + 8) * std::numeric_limits<float>::epsilon();
    for (std::size_t q = 0; q < queries_.count; ++q) {
      TopK& best = best_[q];
      float least = best.Threshold() - slack;
      for (std::size_t i = 0; i < n; ++i) {
        if (products_[i * queries_.count + q] * inverse_norms[i] < least) continue;
        const std::uint64_t position = position_of(i);
        if (inverse_norms[i] == 0 || !impl_.IsWanted(position, options_)) continue;
        best.Offer({position, Cosine(queries_.Of(q), rows.subspan(i * d, d))});
        least = best.Threshold() - slack;
      }
    }
  }

  void MergeInto(std::vector<TopK>* all) {
    for (std::size_t q = 0; q < best_.size(); ++q) {
      for (const Hit& hit : best_[q].Take()) (*all)[q].Offer(hit);
    }
  }

 private:
  const Searcher::Impl& impl_;
  const UnitQueries& queries_;
  const QueryOptions& options_;
  std::vector<TopK> best_;
  std::vector<float> products_;  // float32 (kBlockRows, Q).
};

void SearchMemory(const Searcher::Impl& impl, const UnitQueries& queries,
                  const QueryOptions& options, std::vector<TopK>* all) {
  const std::size_t n = impl.texts.size();
  const std::size_t d = impl.dimensions();
  const std::size_t blocks = (n + kBlockRows - 1) / kBlockRows;
  const std::size_t parts =
      std::clamp<std::size_t>(n * d * queries.count / kPartProducts, 1, impl.Threads());
  std::vector<BlockSearch> searches(parts, BlockSearch(impl, queries, options));
  impl.InParallel(parts, [&](std::size_t part) {
    for (std::size_t block = blocks * part / parts; block < blocks * (part + 1) / parts; ++block) {
      const std::size_t first = block * kBlockRows;
      const std::size_t count = std::min(kBlockRows, n - first);
      searches[part].Offer(std::span(impl.rows).subspan(first * d, count * d),
                           std::span(impl.inverse_norms).subspan(first, count),
                           [first](std::size_t i) { return first + i; });
    }
  });
  for (BlockSearch& search : searches) search.MergeInto(all);
}

/// The same with every vector read and checked on the way.
Status SearchStore(const Searcher::Impl& impl, const UnitQueries& queries,
                   const QueryOptions& options, std::vector<TopK>* all) {
  BlockSearch search(impl, queries, options);
  const std::size_t d = impl.dimensions();
  std::vector<TextKey> texts;
  std::vector<std::uint64_t> positions;
  std::vector<float> rows(kBlockRows * d);
  std::vector<float> inverse_norms(kBlockRows);
  // In the order of the keys: the store then reads each of its own blocks once.
  for (std::size_t first = 0; first < impl.by_hash.size(); first += kBlockRows) {
    texts.clear();
    positions.clear();
    for (std::size_t i = first; i < std::min(first + kBlockRows, impl.by_hash.size()); ++i) {
      const std::uint64_t position = impl.by_hash[i].position;
      if (impl.present[position] == 0) continue;
      positions.push_back(position);
      texts.push_back(impl.texts[position]);
    }
    const std::span<float> block = std::span(rows).first(texts.size() * d);
    const auto found = impl.store.GetVectors(impl.space, texts, block);
    if (!found.ok()) return found.status();
    BestKernels().squared_norms(rows.data(), texts.size(), d, inverse_norms.data());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const float inverse = InverseNorm(std::sqrt(double{inverse_norms[i]}));
      const bool is_sound = inverse > 0;
      inverse_norms[i] = !(*found)[i] ? 0
                         : is_sound   ? inverse
                                      : InverseNorm(L2Norm(block.subspan(i * d, d)));
    }
    search.Offer(block, std::span(inverse_norms).first(texts.size()),
                 [&](std::size_t i) { return positions[i]; });
  }
  search.MergeInto(all);
  return {};
}

}  // namespace

Result<BatchHits> SearchExactly(const Searcher::Impl& impl, const UnitQueries& queries,
                                const QueryOptions& options) {
  std::vector<TopK> best(queries.count, TopK(options.k, options.min_score));
  if (impl.options.keep_vectors) {
    SearchMemory(impl, queries, options, &best);
  } else if (Status searched = SearchStore(impl, queries, options, &best); !searched.ok()) {
    return searched;
  }
  BatchHits hits;
  for (TopK& one : best) hits.push_back(one.Take());
  return hits;
}

}  // namespace embstore
