// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bindings.h"
#include "embstore/query.h"
#include "errors.h"
#include "values.h"

namespace embstore::python {
namespace py = pybind11;

namespace {

/// A searcher with the store that it reads, also after that was refreshed.
class OpenSearcher {
 public:
  OpenSearcher(std::shared_ptr<OpenStore> owner, std::shared_ptr<Store> store,
               std::unique_ptr<Searcher> searcher)
      : owner_(std::move(owner)), store_(std::move(store)), searcher_(std::move(searcher)) {}
  ~OpenSearcher() {
    if (owner_->forked_away()) {
      searcher_.release();
      new std::shared_ptr<Store>(std::move(store_));  // Never destroyed.
      return;
    }
    const GilReleased released;
    searcher_.reset();
    store_.reset();
  }
  OpenSearcher(const OpenSearcher&) = delete;
  OpenSearcher& operator=(const OpenSearcher&) = delete;

  const Searcher& searcher() const { return *searcher_; }
  OpenStore& owner() const { return *owner_; }

 private:
  const std::shared_ptr<OpenStore> owner_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<Searcher> searcher_;
};

using SearcherPointer = std::shared_ptr<OpenSearcher>;

SearcherPointer MakeSearcher(const std::shared_ptr<OpenStore>& owner, const SplitInfo& split,
                             const SpaceInfo& space, bool keep_vectors) {
  return owner->Use([&](const std::shared_ptr<Store>& store) -> Result<SearcherPointer> {
    SearcherOptions options;
    options.keep_vectors = keep_vectors;
    auto searcher = Searcher::OfSplit(*store, split, space.id, options);
    if (!searcher.ok()) return searcher.status();
    return std::make_shared<OpenSearcher>(owner, store, std::move(*searcher));
  });
}

/// Another one when the split may have other vectors of the space. Commits of no split, such as
/// paid questions, cannot change a list that is covered; of one that is not, they may bring a text.
using VectorsVersion = std::pair<std::int64_t, std::uint64_t>;

VectorsVersion VersionOfVectors(OpenStore& owner, const SplitInfo& split, const SpaceInfo& space) {
  return owner.Use([&](const std::shared_ptr<Store>& store) -> Result<VectorsVersion> {
    const auto coverages = store->Coverages(split.name);
    if (!coverages.ok()) return coverages.status();
    for (const auto& [id, coverage] : *coverages) {
      if (id != space.id) continue;
      const bool covered = coverage.complete && coverage.generation == split.record.generation;
      return VectorsVersion(coverage.updated_micros, covered ? 0 : store->CommitNumber());
    }
    return VectorsVersion(0, store->CommitNumber());
  });
}

/// Fills `scores` and `positions`, (Q, k); where there are fewer than k: NaN and -1.
void Search(OpenSearcher& open, const py::buffer& query_buffer, std::optional<float> min_score,
            std::optional<std::uint64_t> exclude, const std::optional<py::buffer>& where,
            bool exact, const py::buffer& score_buffer, const py::buffer& position_buffer) {
  const Matrix queries(query_buffer, /*writable=*/false);
  const Matrix scores(score_buffer, /*writable=*/true);
  const Array<std::int64_t> positions(position_buffer, 2, /*writable=*/true);
  if (queries.columns() != open.searcher().dimensions() || scores.rows() != queries.rows() ||
      positions.size(0) != scores.rows() || positions.size(1) != scores.columns()) {
    Refuse("the arrays do not fit together");
  }
  QueryOptions options;
  options.k = static_cast<std::uint32_t>(scores.columns());
  options.min_score = min_score;
  options.exclude = exclude;
  options.exact = exact;
  std::optional<Array<bool>> mask;
  if (where) {
    mask.emplace(*where, 1, /*writable=*/false);
    if (mask->size(0) != open.searcher().size()) Refuse("where is not one bool for each document");
    options.accept = [values = mask->values()](std::uint64_t position) { return values[position]; };
  }
  std::fill(scores.values().begin(), scores.values().end(),
            std::numeric_limits<float>::quiet_NaN());
  std::fill(positions.values().begin(), positions.values().end(), -1);
  const auto found = open.owner().Use([&](const std::shared_ptr<Store>&) {
    return open.searcher().SearchBatch(queries.values(), options);
  });
  for (std::size_t query = 0; query < found.size(); ++query) {
    for (std::size_t i = 0; i < found[query].size(); ++i) {
      scores.values()[query * scores.columns() + i] = found[query][i].score;
      positions.values()[query * scores.columns() + i] =
          static_cast<std::int64_t>(found[query][i].position);
    }
  }
}

}  // namespace

void BindSearch(py::module_& module, StoreClass& store) {
  py::class_<OpenSearcher, SearcherPointer>(module, "Searcher").def("search", &Search);
  store.def("searcher", &MakeSearcher);
  store.def("vectors_version", &VersionOfVectors);
}

}  // namespace embstore::python
