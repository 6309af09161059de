// SPDX-License-Identifier: Apache-2.0
// Joins the positions of a Searcher with what the store has for their texts. Both are in the order
// of content hashes, so one pass over each is enough.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "embstore/vector.h"
#include "engine/query/searcher_impl.h"
#include "engine/store/space_scan.h"

namespace embstore {
namespace {

constexpr std::size_t kChunkRows = 1024;

/// Goes along with a scan in the order of hashes.
class Joiner {
 public:
  explicit Joiner(const Searcher::Impl& impl) : impl_(impl) {}

  /// The positions whose texts have this hash. REQUIRES: hashes come in ascending order.
  std::span<const std::uint64_t> PositionsOf(const ContentHash& hash) {
    while (begin_ < impl_.by_hash.size() && HashAt(begin_) < hash) ++begin_;
    std::size_t end = begin_;
    while (end < impl_.by_hash.size() && HashAt(end) == hash) ++end;
    return std::span(impl_.by_hash).subspan(begin_, end - begin_);
  }

 private:
  const ContentHash& HashAt(std::size_t i) const { return impl_.texts[impl_.by_hash[i]].hash; }

  const Searcher::Impl& impl_;
  std::size_t begin_ = 0;
};

void SortByHash(Searcher::Impl* impl) {
  impl->by_hash.resize(impl->texts.size());
  std::iota(impl->by_hash.begin(), impl->by_hash.end(), std::uint64_t{0});
  const auto less = [&](std::uint64_t a, std::uint64_t b) {
    return impl->texts[a].hash < impl->texts[b].hash;
  };
  // The positions of a whole space are in this order already.
  if (!std::is_sorted(impl->by_hash.begin(), impl->by_hash.end(), less)) {
    std::sort(impl->by_hash.begin(), impl->by_hash.end(), less);
  }
}

void SetSketch(std::uint64_t position, const void* bits, Searcher::Impl* impl) {
  std::memcpy(impl->sketches.data() + position * impl->words, bits, impl->sketcher.bytes());
  impl->present[position] = 1;
}

/// What the store has. A hash that several texts share says nothing about which of them it is.
Status ReadSketches(Searcher::Impl* impl) {
  Joiner joiner(*impl);
  return SpaceScan(impl->store, impl->space)
      .ForEachSketch(impl->sketcher.bytes(), [&](const ContentHash& hash, std::uint8_t slot,
                                                 std::span<const std::uint8_t> bits) {
        for (const std::uint64_t position : joiner.PositionsOf(hash)) {
          SetSketch(position, bits.data(), impl);
          if (slot > 0) impl->present[position] = 0;
        }
        return Status();
      });
}

/// The rest, from the vectors: of a store from before there were sketches, or of texts that share a
/// hash. Most often these are documents that have no vector.
Status MakeMissingSketches(Searcher::Impl* impl) {
  std::vector<std::uint64_t> missing;
  for (std::uint64_t i = 0; i < impl->texts.size(); ++i) {
    if (impl->present[i] == 0) missing.push_back(i);
  }
  std::vector<TextKey> texts;
  std::vector<float> rows;
  std::vector<std::uint8_t> bits(impl->sketcher.bytes());
  for (std::size_t first = 0; first < missing.size(); first += kChunkRows) {
    const auto chunk =
        std::span(missing).subspan(first, std::min(kChunkRows, missing.size() - first));
    texts.clear();
    for (const std::uint64_t position : chunk) texts.push_back(impl->texts[position]);
    rows.resize(texts.size() * impl->dimensions());
    const auto found = impl->store.GetVectors(impl->space, texts, rows);
    if (!found.ok()) return found.status();
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (!(*found)[i]) continue;
      impl->sketcher.Sketch(std::span(rows).subspan(i * impl->dimensions(), impl->dimensions()),
                            bits);
      SetSketch(chunk[i], bits.data(), impl);
    }
  }
  return {};
}

/// Copies all vectors, each to its place.
Status ReadRows(Searcher::Impl* impl) {
  const std::size_t d = impl->dimensions();
  impl->rows.resize(impl->texts.size() * d);
  impl->inverse_norms.resize(impl->texts.size());
  Joiner joiner(*impl);
  Status scanned = SpaceScan(impl->store, impl->space)
                       .ForEachVector([&](const ContentHash& hash, const VectorView& vector) {
                         for (const std::uint64_t position : joiner.PositionsOf(hash)) {
                           if (impl->texts[position].fingerprint != vector.fingerprint) continue;
                           vector.CopyTo(std::span(impl->rows).subspan(position * d, d));
                           impl->inverse_norms[position] = InverseNorm(L2Norm(impl->Row(position)));
                         }
                         return Status();
                       });
  if (!scanned.ok()) return scanned;
  for (std::size_t i = 0; i < impl->texts.size(); ++i) {
    if (impl->inverse_norms[i] == 0) impl->present[i] = 0;
  }
  return {};
}

}  // namespace

Status LoadSearcher(Searcher::Impl* impl) {
  SortByHash(impl);
  impl->present.resize(impl->texts.size());
  impl->sketches.resize(impl->texts.size() * impl->words);
  if (Status read = ReadSketches(impl); !read.ok()) return read;
  if (Status made = MakeMissingSketches(impl); !made.ok()) return made;
  return impl->options.keep_vectors ? ReadRows(impl) : Status();
}

}  // namespace embstore
