// SPDX-License-Identifier: Apache-2.0
// Nearest documents by cosine.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "embstore/status.h"
#include "embstore/store.h"

namespace embstore {

struct Hit {
  std::uint64_t position = 0;
  float score = 0;  ///< Cosine.
};

/// Higher score first; equal scores in document order.
bool IsBetter(const Hit& a, const Hit& b);

struct QueryOptions {
  std::uint32_t k = 10;
  std::optional<std::uint64_t> exclude;  ///< A position that is no answer, e.g. the query's own.
};

/// The k documents of `split` whose vectors are nearest to `query`, float32 (D), of any length,
/// by exact comparison with every one. Documents without a vector are passed over.
/// kInvalidArgument: query.size() is not the space's D, or the query is zero or not finite.
Result<std::vector<Hit>> FindNearest(const Store& store, const SplitInfo& split, SpaceId space,
                                     std::span<const float> query, const QueryOptions& options);

}  // namespace embstore
