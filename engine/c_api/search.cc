// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "engine/c_api/boundary.h"
#include "engine/c_api/handles.h"

using embstore::Hit;
using embstore::QueryOptions;
using embstore::Result;
using embstore::Searcher;
using embstore::Status;
using embstore::c_api::Make;
using embstore::c_api::ReadStruct;
using embstore::c_api::Require;
using embstore::c_api::Run;

namespace {

/// Makes a searcher by `open`, which takes SearcherOptions.
template <typename Open>
Result<embstore_searcher> MakeSearcher(const embstore_searcher_options* given, Open&& open) {
  embstore_searcher_options options;
  if (Status status = ReadStruct(given, &options); !status.ok()) return status;
  Result<std::unique_ptr<Searcher>> made =
      open({.keep_vectors = options.keep_vectors != 0, .threads = options.threads});
  if (!made.ok()) return made.status();
  return embstore_searcher{std::move(*made)};
}

Result<QueryOptions> ReadOptions(const embstore_query_options* given) {
  embstore_query_options read;
  if (Status status = ReadStruct(given, &read); !status.ok()) return status;
  QueryOptions options;
  if (read.k != 0) options.k = read.k;
  options.exact = read.exact != 0;
  options.rescored = read.rescored;
  if (read.min_score != nullptr) options.min_score = *read.min_score;
  if (read.excluded != nullptr) options.exclude = *read.excluded;
  if (read.accept != nullptr) {
    options.accept = [accept = read.accept, context = read.context](std::uint64_t position) {
      return accept(context, position) != 0;
    };
  }
  return options;
}

}  // namespace

embstore_code embstore_search_split(const embstore_store* store, const embstore_split* split,
                                    const embstore_space* space,
                                    const embstore_searcher_options* options,
                                    embstore_searcher** searcher, embstore_error** error) {
  return Make(searcher, error, [&]() -> Result<embstore_searcher> {
    Status given = Require({{store, "store"}, {split, "split"}, {space, "space"}});
    if (!given.ok()) return given;
    return MakeSearcher(options, [&](const embstore::SearcherOptions& read) {
      return Searcher::OfSplit(*store->store, split->info, space->info.id, read);
    });
  });
}

embstore_code embstore_search_space(const embstore_store* store, const embstore_space* space,
                                    const embstore_searcher_options* options,
                                    embstore_searcher** searcher, embstore_error** error) {
  return Make(searcher, error, [&]() -> Result<embstore_searcher> {
    if (Status given = Require({{store, "store"}, {space, "space"}}); !given.ok()) return given;
    return MakeSearcher(options, [&](const embstore::SearcherOptions& read) {
      return Searcher::OfSpace(*store->store, space->info.id, read);
    });
  });
}

uint64_t embstore_searcher_size(const embstore_searcher* searcher) {
  return searcher == nullptr ? 0 : searcher->searcher->size();
}

uint32_t embstore_searcher_dimensions(const embstore_searcher* searcher) {
  return searcher == nullptr ? 0 : searcher->searcher->dimensions();
}

void embstore_searcher_free(embstore_searcher* searcher) { delete searcher; }

embstore_code embstore_search(const embstore_searcher* searcher, const float* queries, size_t count,
                              const embstore_query_options* options, embstore_hit* hits,
                              size_t* counts, embstore_error** error) {
  return Run(error, [&]() -> Status {
    Status given = Require({{searcher, "searcher"}});
    if (given.ok() && count != 0) {
      given = Require({{queries, "queries"}, {hits, "hits"}, {counts, "counts"}});
    }
    if (!given.ok()) return given;
    auto read = ReadOptions(options);
    if (!read.ok()) return read.status();
    const std::size_t dimensions = searcher->searcher->dimensions();
    auto found = searcher->searcher->SearchBatch({queries, count * dimensions}, *read);
    if (!found.ok()) return found.status();
    for (std::size_t query = 0; query < count; ++query) {
      const std::vector<Hit>& row = (*found)[query];
      std::transform(row.begin(), row.end(), hits + query * read->k, [](const Hit& hit) {
        return embstore_hit{hit.position, hit.score};
      });
      counts[query] = row.size();
    }
    return {};
  });
}
