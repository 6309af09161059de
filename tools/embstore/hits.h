// SPDX-License-Identifier: Apache-2.0
// What `similar` and `search` have in common: flags, the search itself, and how hits are printed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app.h"
#include "embstore/query.h"
#include "settings.h"

namespace embstore::tool {

struct HitFlags {
  std::string split;
  std::uint32_t k = 10;
  std::optional<float> min_score;
  bool exclude_self = false;
  bool exact = false;
  std::optional<std::string> model;
};

/// `exclude_self` says the default of that flag.
void AddHitFlags(CLI::App& command, HitFlags& flags, bool exclude_self);

/// What the flags ask for, without exclusion.
QueryOptions MakeQueryOptions(const HitFlags& flags);

/// The nearest documents of `split` to `query`, on stdout.
Status PrintNearest(const App& app, const Store& store, const SplitInfo& split,
                    const Searcher& searcher, std::span<const float> query,
                    const QueryOptions& options);

}  // namespace embstore::tool
