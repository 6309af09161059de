// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <future>
#include <limits>
#include <string>
#include <thread>

#include "embstore/query.h"
#include "embstore/vector.h"
#include "engine/query/searcher_impl.h"
#include "engine/store/space_scan.h"

namespace embstore {
namespace {

Result<std::uint32_t> DimensionsOf(const Store& store, SpaceId space) {
  const auto spaces = store.Spaces();
  if (!spaces.ok()) return spaces.status();
  for (const SpaceInfo& info : *spaces) {
    if (info.id == space) return info.record.identity.dimensions;
  }
  return Status(Code::kNotFound, "no vectors of this model, size and task are in the store");
}

Result<UnitQueries> MakeUnitQueries(std::span<const float> queries, std::size_t dimensions) {
  if (queries.size() % dimensions != 0) {
    return Status(Code::kInvalidArgument,
                  "a query vector has " + std::to_string(dimensions) + " dimensions here; " +
                      std::to_string(queries.size()) + " numbers are no whole number of them");
  }
  UnitQueries unit{{queries.begin(), queries.end()}, queries.size() / dimensions};
  for (std::size_t i = 0; i < unit.count; ++i) {
    const std::span<float> query = std::span(unit.values).subspan(i * dimensions, dimensions);
    const double norm = L2Norm(query);
    if (!(norm > 0) || !std::isfinite(norm)) {
      return Status(Code::kInvalidArgument, "a query vector is zero or not finite");
    }
    NormalizeL2(query);
  }
  return unit;
}

}  // namespace

float InverseNorm(double norm) {
  if (!(norm > 0) || !std::isfinite(norm)) return 0;
  const bool is_sound = norm > 1e-12 && norm < 1e12;
  return is_sound ? static_cast<float>(1 / norm) : std::numeric_limits<float>::quiet_NaN();
}

float Cosine(std::span<const float> unit_query, std::span<const float> row) {
  return BestKernels().cosine(unit_query.data(), row.data(), row.size());
}

bool Searcher::Impl::IsWanted(std::uint64_t position, const QueryOptions& query) const {
  return present[position] != 0 && query.exclude != position &&
         (!query.accept || query.accept(position));
}

std::size_t Searcher::Impl::Threads() const {
  if (options.threads > 0) return options.threads;
  return std::max(1U, std::thread::hardware_concurrency());
}

void Searcher::Impl::InParallel(std::size_t parts,
                                const std::function<void(std::size_t)>& work) const {
  const std::size_t threads = std::min(parts, Threads());
  const auto share = [&](std::size_t first) {
    for (std::size_t part = first; part < parts; part += threads) work(part);
  };
  std::vector<std::future<void>> others;  // Where no thread is to be had, get() does the work.
  for (std::size_t i = 1; i < threads; ++i) others.push_back(std::async(share, i));
  if (parts > 0) share(0);
  for (std::future<void>& other : others) other.get();
}

Searcher::Searcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Searcher::~Searcher() = default;

Result<std::unique_ptr<Searcher>> Searcher::OfSplit(const Store& store, const SplitInfo& split,
                                                    SpaceId space, const SearcherOptions& options) {
  const auto dimensions = DimensionsOf(store, space);
  if (!dimensions.ok()) return dimensions.status();
  auto impl = std::make_unique<Impl>(store, space, *dimensions, options);
  if (Status listed = ListTexts(split, impl.get()); !listed.ok()) return listed;
  if (Status loaded = LoadSearcher(impl.get()); !loaded.ok()) return loaded;
  return std::unique_ptr<Searcher>(new Searcher(std::move(impl)));
}

Result<std::unique_ptr<Searcher>> Searcher::OfSpace(const Store& store, SpaceId space,
                                                    const SearcherOptions& options) {
  const auto dimensions = DimensionsOf(store, space);
  if (!dimensions.ok()) return dimensions.status();
  auto impl = std::make_unique<Impl>(store, space, *dimensions, options);
  Status listed = SpaceScan(store, space).ForEachText([&](const TextKey& text) {
    impl->texts.push_back(text);
    return Status();
  });
  if (!listed.ok()) return listed;
  if (Status loaded = LoadSearcher(impl.get()); !loaded.ok()) return loaded;
  return std::unique_ptr<Searcher>(new Searcher(std::move(impl)));
}

std::uint64_t Searcher::size() const { return impl_->texts.size(); }
std::uint64_t Searcher::answers() const {
  return static_cast<std::uint64_t>(
      std::count(impl_->present.begin(), impl_->present.end(), std::uint8_t{1}));
}
std::uint32_t Searcher::dimensions() const { return impl_->dimensions(); }
const TextKey& Searcher::text(std::uint64_t position) const { return impl_->texts[position]; }

Result<std::vector<Hit>> Searcher::Search(std::span<const float> query,
                                          const QueryOptions& options) const {
  if (query.size() != dimensions()) {
    return Status(Code::kInvalidArgument, "a query vector has " + std::to_string(dimensions()) +
                                              " dimensions here, not " +
                                              std::to_string(query.size()));
  }
  auto hits = SearchBatch(query, options);
  if (!hits.ok()) return hits.status();
  return std::move(hits->front());
}

Result<std::vector<std::vector<Hit>>> Searcher::SearchBatch(std::span<const float> queries,
                                                            const QueryOptions& options) const {
  if (options.min_score && std::isnan(*options.min_score)) {
    return Status(Code::kInvalidArgument, "the least score is not a number");
  }
  auto unit = MakeUnitQueries(queries, dimensions());
  if (!unit.ok()) return unit.status();
  if (options.k == 0 || unit->count == 0) return BatchHits(unit->count);
  return options.exact ? SearchExactly(*impl_, *unit, options)
                       : SearchBySketches(*impl_, *unit, options);
}

}  // namespace embstore
