// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "embstore/query.h"
#include "embstore/vector.h"
#include "engine/query/top_k.h"

namespace embstore {
namespace {

constexpr std::uint64_t kChunkRows = 1024;

}  // namespace

Result<std::vector<Hit>> FindNearest(const Store& store, const SplitInfo& split, SpaceId space,
                                     std::span<const float> query, const QueryOptions& options) {
  const double norm = L2Norm(query);
  if (!(norm > 0) || !std::isfinite(norm)) {
    return Status(Code::kInvalidArgument, "the query vector is zero or not finite");
  }
  TopK best(options.k);
  std::vector<TextKey> texts;
  std::vector<float> rows;
  std::vector<float> scores;
  for (std::uint64_t first = 0; first < split.record.documents; first += kChunkRows) {
    texts.clear();
    Status listed = store.ForEachDocument(split, first, kChunkRows, [&](const DocumentInfo& d) {
      texts.push_back(d.record.text);
      return Status();
    });
    if (!listed.ok()) return listed;
    rows.assign(texts.size() * query.size(), 0.0F);
    auto found = store.GetVectors(space, texts, rows);
    if (!found.ok()) return found.status();
    scores.resize(texts.size());
    Cosines(rows, query, scores);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!(*found)[i] || options.exclude == first + i) continue;
      best.Offer({first + i, scores[i]});
    }
  }
  return best.Take();
}

}  // namespace embstore
