// SPDX-License-Identifier: Apache-2.0
// Joins the positions of a Searcher with what the store has for their texts. Both are in the order
// of content hashes, so one pass over each is enough.
#include <algorithm>
#include <cstring>

#include "embstore/vector.h"
#include "engine/query/searcher_impl.h"
#include "engine/store/space_scan.h"

namespace embstore {
namespace {

constexpr std::size_t kChunkRows = 1024;
// Each part reads ahead some MB, so more of them read more than is needed.
constexpr std::size_t kMostParts = 4;

/// Calls read(part, parts) for all parts at once; answers the first error in the order of parts.
Status InParts(const Searcher::Impl& impl,
               const std::function<Status(std::size_t, std::size_t)>& read) {
  std::vector<Status> statuses(std::min(kMostParts, impl.Threads()));
  impl.InParallel(statuses.size(),
                  [&](std::size_t part) { statuses[part] = read(part, statuses.size()); });
  for (const Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return {};
}

std::uint64_t Prefix(const ContentHash& hash) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < sizeof prefix; ++i) prefix = prefix << 8 | hash.bytes[i];
  return prefix;
}

/// Goes along with a scan in the order of hashes.
class Joiner {
 public:
  explicit Joiner(const Searcher::Impl& impl) : impl_(impl) {}

  /// The positions whose texts have this hash. REQUIRES: hashes come in ascending order.
  std::span<const HashedPosition> PositionsOf(const ContentHash& hash) {
    const std::uint64_t prefix = Prefix(hash);
    const auto& all = impl_.by_hash;
    while (begin_ < all.size() && (all[begin_].prefix < prefix ||
                                   (all[begin_].prefix == prefix && HashAt(begin_) < hash))) {
      ++begin_;
    }
    std::size_t end = begin_;
    while (end < all.size() && all[end].prefix == prefix && HashAt(end) == hash) ++end;
    return std::span(all).subspan(begin_, end - begin_);
  }

 private:
  const ContentHash& HashAt(std::size_t i) const {
    return impl_.texts[impl_.by_hash[i].position].hash;
  }

  const Searcher::Impl& impl_;
  std::size_t begin_ = 0;
};

void SortByHash(Searcher::Impl* impl) {
  impl->by_hash.reserve(impl->texts.size());
  for (std::uint64_t i = 0; i < impl->texts.size(); ++i) {
    impl->by_hash.push_back({Prefix(impl->texts[i].hash), i});
  }
  const auto less = [&](const HashedPosition& a, const HashedPosition& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return impl->texts[a.position].hash < impl->texts[b.position].hash;
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
  return InParts(*impl, [impl](std::size_t part, std::size_t parts) {
    Joiner joiner(*impl);
    const auto visit = [&](const ContentHash& hash, std::uint8_t slot,
                           std::span<const std::uint8_t> bits) {
      for (const HashedPosition& hashed : joiner.PositionsOf(hash)) {
        SetSketch(hashed.position, bits.data(), impl);
        if (slot > 0) impl->present[hashed.position] = 0;
      }
      return Status();
    };
    return SpaceScan(impl->store, impl->space)
        .ForEachSketch(impl->sketcher.bytes(), part, parts, visit);
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
                         for (const HashedPosition& hashed : joiner.PositionsOf(hash)) {
                           const std::uint64_t position = hashed.position;
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

Status ListTexts(const SplitInfo& split, Searcher::Impl* impl) {
  const std::uint64_t documents = split.record.documents;
  impl->texts.resize(documents);
  return InParts(*impl, [&](std::size_t part, std::size_t parts) {
    const std::uint64_t first = documents * part / parts;
    const std::uint64_t count = documents * (part + 1) / parts - first;
    return impl->store.ForEachDocument(split, first, count, [impl](const DocumentInfo& document) {
      impl->texts[document.position] = document.record.text;
      return Status();
    });
  });
}

Status LoadSearcher(Searcher::Impl* impl) {
  SortByHash(impl);
  impl->present.resize(impl->texts.size());
  impl->sketches.resize(impl->texts.size() * impl->words);
  if (Status read = ReadSketches(impl); !read.ok()) return read;
  if (Status made = MakeMissingSketches(impl); !made.ok()) return made;
  return impl->options.keep_vectors ? ReadRows(impl) : Status();
}

}  // namespace embstore
