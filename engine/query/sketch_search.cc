// SPDX-License-Identifier: Apache-2.0
// Three sieves, each finer than the one before: bits that differ, over all sketches; the query
// itself against the bits, over the best of those; true cosines, over the best of these.
#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <vector>

#include "engine/query/searcher_impl.h"

namespace embstore {
namespace {

constexpr std::size_t kBlockRows = 1024;
constexpr std::size_t kAhead = 8;       // Sketches that are on their way while one is compared.
constexpr std::size_t kGroupRows = 16;  // Most groups have no candidate: one look passes them over.

// Comparing more than one vector in so many takes as long as comparing all, in the order of the
// keys.
constexpr std::size_t kExactShare = 8;
constexpr std::size_t kChunkRows = 1024;

// Measured on real vectors; docs/search.md has the recalls.
std::size_t RescoredBy(const QueryOptions& options) {
  return options.rescored > 0 ? std::max(options.rescored, options.k)
                              : 100 + 10 * std::size_t{options.k};
}
std::size_t SievedBy(std::size_t rescored, std::size_t rows) {
  return std::max(6 * rescored, rows / 128);
}

struct Candidate {
  std::int32_t distance = 0;  ///< Less is nearer.
  std::uint64_t position = 0;
};

/// Keeps the nearest `count` in their order, of equal ones the first; answers the greatest distance
/// that is left. Numbers of bits are small, so counting them is faster than comparing them.
/// REQUIRES: every distance is an index of `tally`.
std::int32_t KeepNearest(std::size_t count, std::vector<std::size_t>* tally,
                         std::vector<Candidate>* candidates) {
  std::fill(tally->begin(), tally->end(), std::size_t{0});
  for (const Candidate& candidate : *candidates) {
    ++(*tally)[static_cast<std::size_t>(candidate.distance)];
  }
  std::size_t most = 0;
  std::size_t nearer = 0;
  while (most + 1 < tally->size() && nearer + (*tally)[most] < count) nearer += (*tally)[most++];
  std::size_t room = count - nearer;  // For those at distance `most`.
  std::erase_if(*candidates, [&](const Candidate& candidate) {
    const auto distance = static_cast<std::size_t>(candidate.distance);
    if (distance != most) return distance > most;
    if (room == 0) return true;
    --room;
    return false;
  });
  return static_cast<std::int32_t>(most);
}

/// The same for any distances, in no order.
void SelectNearest(std::size_t count, std::vector<Candidate>* candidates) {
  if (candidates->size() <= count) return;
  std::nth_element(candidates->begin(), candidates->begin() + static_cast<std::ptrdiff_t>(count),
                   candidates->end(), [](const Candidate& a, const Candidate& b) {
                     return a.distance != b.distance ? a.distance < b.distance
                                                     : a.position < b.position;
                   });
  candidates->resize(count);
}

/// `rotated` rounded to kPlanes bits a number, laid out for Kernels::masked_sum.
std::vector<std::uint64_t> Planes(std::span<const float> rotated) {
  constexpr float kMost = (1 << (kPlanes - 1)) - 1;
  float greatest = std::numeric_limits<float>::min();
  for (const float value : rotated) greatest = std::max(greatest, std::abs(value));
  std::vector<std::uint64_t> planes(rotated.size() / 64 * kPlanes);
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    const auto rounded = static_cast<std::uint64_t>(std::lround(rotated[i] / greatest * kMost));
    for (std::size_t b = 0; b < kPlanes; ++b) {
      planes[i / 64 * kPlanes + b] |= (rounded >> b & 1) << i % 64;
    }
  }
  return planes;
}

/// REQUIRES: all numbers are small.
bool AnyUpTo(std::int32_t most, std::span<const std::int32_t> distances) {
  std::int32_t signs = 0;  // Without a branch, so that a few are compared at once.
  for (const std::int32_t distance : distances) signs |= distance - most - 1;
  return signs < 0;
}

template <typename Number>
void Prefetch(const Number* row, std::size_t size) {
  constexpr std::size_t kLineNumbers = 64 / sizeof(Number);
  for (std::size_t i = 0; i < size; i += kLineNumbers) __builtin_prefetch(row + i);
}

/// One query.
class SketchSearch {
 public:
  SketchSearch(const Searcher::Impl& impl, std::span<const float> query,
               const QueryOptions& options)
      : impl_(impl), query_(query), options_(options), rotated_(impl.sketcher.bits()) {
    impl.sketcher.Rotate(query, rotated_);
  }

  Result<std::vector<Hit>> Run() {
    const std::size_t rescored = RescoredBy(options_);
    SieveAll(SievedBy(rescored, impl_.texts.size()));
    EstimateAgain();
    SelectNearest(rescored, &candidates_);
    return Rescore();
  }

 private:
  /// Leaves the `count` rows in `candidates_` whose sketches differ least from the query's.
  void SieveAll(std::size_t count) {
    std::vector<std::uint64_t> query(impl_.words);
    impl_.sketcher.Sketch(query_,
                          {reinterpret_cast<std::uint8_t*>(query.data()), impl_.sketcher.bytes()});
    std::vector<std::size_t> tally(impl_.sketcher.bits() + 1);
    std::vector<std::int32_t> distances(kBlockRows);
    auto most = static_cast<std::int32_t>(impl_.sketcher.bits());
    for (std::size_t first = 0; first < impl_.texts.size(); first += kBlockRows) {
      const std::size_t n = std::min(kBlockRows, impl_.texts.size() - first);
      BestKernels().distances(impl_.sketches.data() + first * impl_.words, n, impl_.words,
                              query.data(), distances.data());
      for (std::size_t i = 0; i < n; i += kGroupRows) {
        const auto group = std::span(distances).subspan(i, std::min(kGroupRows, n - i));
        if (AnyUpTo(most, group)) OfferGroup(first + i, group, most);
      }
      if (candidates_.size() >= 4 * count) most = KeepNearest(count, &tally, &candidates_);
    }
    if (candidates_.size() > count) KeepNearest(count, &tally, &candidates_);
  }

  void OfferGroup(std::uint64_t first, std::span<const std::int32_t> distances, std::int32_t most) {
    for (std::size_t i = 0; i < distances.size(); ++i) {
      if (distances[i] > most || !impl_.IsWanted(first + i, options_)) continue;
      candidates_.push_back({distances[i], first + i});
    }
  }

  /// Takes the query itself instead of its signs: only the rows are as coarse as their sketches.
  void EstimateAgain() {
    const std::vector<std::uint64_t> planes = Planes(rotated_);
    const auto sketch = [&](std::size_t i) {
      return impl_.sketches.data() + candidates_[i].position * impl_.words;
    };
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (i + kAhead < candidates_.size()) Prefetch(sketch(i + kAhead), impl_.words);
      candidates_[i].distance = -BestKernels().masked_sum(sketch(i), impl_.words, planes.data());
    }
  }

  Result<std::vector<Hit>> Rescore() {
    TopK best(options_.k, options_.min_score);
    if (impl_.options.keep_vectors) {
      for (std::size_t i = 0; i < candidates_.size(); ++i) {
        // The rows lie anywhere; the next one is on its way while this one is compared.
        if (i + 1 < candidates_.size()) {
          Prefetch(impl_.Row(candidates_[i + 1].position).data(), impl_.dimensions());
        }
        const Candidate& candidate = candidates_[i];
        best.Offer({candidate.position, Cosine(query_, impl_.Row(candidate.position))});
      }
      return best.Take();
    }
    for (std::size_t first = 0; first < candidates_.size(); first += kChunkRows) {
      const auto chunk = std::span<const Candidate>(candidates_)
                             .subspan(first, std::min(kChunkRows, candidates_.size() - first));
      if (Status read = RescoreStored(chunk, &best); !read.ok()) return read;
    }
    return best.Take();
  }

  Status RescoreStored(std::span<const Candidate> candidates, TopK* best) {
    const std::size_t d = impl_.dimensions();
    std::vector<TextKey> texts;
    for (const Candidate& candidate : candidates) texts.push_back(impl_.texts[candidate.position]);
    std::vector<float> rows(texts.size() * d);
    const auto found = impl_.store.GetVectors(impl_.space, texts, rows);
    if (!found.ok()) return found.status();
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!(*found)[i]) continue;
      best->Offer({candidates[i].position, Cosine(query_, std::span(rows).subspan(i * d, d))});
    }
    return {};
  }

  const Searcher::Impl& impl_;
  const std::span<const float> query_;
  const QueryOptions& options_;
  std::vector<float> rotated_;
  std::vector<Candidate> candidates_;
};

}  // namespace

Result<BatchHits> SearchBySketches(const Searcher::Impl& impl, const UnitQueries& queries,
                                   const QueryOptions& options) {
  if (RescoredBy(options) > impl.texts.size() / kExactShare) {
    return SearchExactly(impl, queries, options);
  }
  BatchHits hits(queries.count);
  std::mutex mutex;
  Status failed;
  impl.InParallel(queries.count, [&](std::size_t query) {
    auto found = SketchSearch(impl, queries.Of(query), options).Run();
    const std::lock_guard<std::mutex> guard(mutex);
    if (found.ok()) {
      hits[query] = std::move(*found);
    } else {
      failed = found.status();
    }
  });
  if (!failed.ok()) return failed;
  return hits;
}

}  // namespace embstore
