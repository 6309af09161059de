// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <vector>

#include "embstore/vector.h"
#include "engine/c_api/boundary.h"
#include "engine/c_api/handles.h"

using embstore::Code;
using embstore::DocumentInfo;
using embstore::Status;
using embstore::Store;
using embstore::TextKey;
using embstore::c_api::Require;
using embstore::c_api::RequireBuffer;
using embstore::c_api::Run;
using embstore::c_api::View;

namespace {

/// Rows that are looked up at once, so that the keys of a large split never lie in memory together.
constexpr std::size_t kChunkRows = 4096;

/// Where the rows of one call go.
struct Rows {
  const Store& store;
  const embstore_space& space;
  std::span<float> out;
  std::uint8_t* found;

  /// Reads rows [first, first + keys.size()).
  Status Read(std::span<const TextKey> keys, std::size_t first) const {
    const std::size_t dimensions = space.info.record.identity.dimensions;
    auto read = store.GetVectors(space.info.id, keys,
                                 out.subspan(first * dimensions, keys.size() * dimensions));
    if (!read.ok()) return read.status();
    if (found != nullptr) {
      std::copy(read->begin(), read->end(), found + first);
      return {};
    }
    const auto missing = std::find(read->begin(), read->end(), false);
    if (missing == read->end()) return {};
    const std::size_t row = first + static_cast<std::size_t>(missing - read->begin());
    return {Code::kNotFound, "there is no vector for row " + std::to_string(row)};
  }
};

/// Hands `rows` the keys of `count` rows, in chunks; `append` adds those of [first, first + n).
template <typename Append>
Status ReadInChunks(const Rows& rows, std::size_t count, Append&& append) {
  std::vector<TextKey> keys;
  keys.reserve(std::min(count, kChunkRows));
  for (std::size_t first = 0; first < count; first += kChunkRows) {
    const std::size_t n = std::min(kChunkRows, count - first);
    keys.clear();
    if (Status status = append(first, n, &keys); !status.ok()) return status;
    if (Status status = rows.Read(keys, first); !status.ok()) return status;
  }
  return {};
}

/// Adds the keys of documents [first, first + count).
Status AppendKeys(const Store& store, const embstore_split& split, std::uint64_t first,
                  std::uint64_t count, std::vector<TextKey>* keys) {
  return store.ForEachDocument(split.info, first, count, [&](const DocumentInfo& document) {
    keys->push_back(document.record.text);
    return Status();
  });
}

/// The same for documents here and there; what stands in a row is read in a row.
Status AppendKeys(const Store& store, const embstore_split& split,
                  std::span<const std::uint64_t> positions, std::vector<TextKey>* keys) {
  for (std::size_t i = 0; i < positions.size();) {
    std::size_t end = i + 1;
    while (end < positions.size() && positions[end] == positions[end - 1] + 1) ++end;
    if (Status status = AppendKeys(store, split, positions[i], end - i, keys); !status.ok()) {
      return status;
    }
    i = end;
  }
  return {};
}

Status RequirePosition(const embstore_split& split, std::uint64_t position) {
  if (position < split.info.record.documents) return {};
  return {Code::kNotFound,
          "split '" + split.info.name + "' has no document at " + std::to_string(position)};
}

}  // namespace

embstore_code embstore_get_vector(const embstore_store* store, const embstore_space* space,
                                  const embstore_document* document, float* out, size_t out_size,
                                  embstore_error** error) {
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {space, "space"}, {document, "document"}});
    if (!given.ok()) return given;
    given = RequireBuffer(out, out_size, 1, space->info.record.identity.dimensions);
    if (!given.ok()) return given;
    return store->store->GetVector(space->info.id, document->info.record.text, {out, out_size});
  });
}

embstore_code embstore_get_vectors(const embstore_store* store, const embstore_space* space,
                                   const embstore_split* split, const uint64_t* positions,
                                   size_t count, float* out, size_t out_size, uint8_t* found,
                                   embstore_error** error) {
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {space, "space"}, {split, "split"}});
    if (given.ok() && count != 0) given = Require({{positions, "positions"}});
    if (!given.ok()) return given;
    given = RequireBuffer(out, out_size, count, space->info.record.identity.dimensions);
    if (!given.ok()) return given;
    for (const std::uint64_t position : std::span(positions, count)) {
      if (Status there = RequirePosition(*split, position); !there.ok()) return there;
    }
    const Rows rows{*store->store, *space, {out, out_size}, found};
    return ReadInChunks(rows, count, [&](std::size_t first, std::size_t n, auto* keys) {
      return AppendKeys(*store->store, *split, std::span(positions + first, n), keys);
    });
  });
}

embstore_code embstore_get_range(const embstore_store* store, const embstore_space* space,
                                 const embstore_split* split, uint64_t first, size_t count,
                                 float* out, size_t out_size, uint8_t* found,
                                 embstore_error** error) {
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {space, "space"}, {split, "split"}});
    if (!given.ok()) return given;
    given = RequireBuffer(out, out_size, count, space->info.record.identity.dimensions);
    if (!given.ok()) return given;
    const std::uint64_t documents = split->info.record.documents;
    if (first > documents || count > documents - first) return RequirePosition(*split, documents);
    const Rows rows{*store->store, *space, {out, out_size}, found};
    return ReadInChunks(rows, count, [&](std::size_t begin, std::size_t n, auto* keys) {
      return AppendKeys(*store->store, *split, first + begin, n, keys);
    });
  });
}

embstore_code embstore_get_text_vectors(const embstore_store* store, const embstore_space* space,
                                        const embstore_string* texts, size_t count, float* out,
                                        size_t out_size, uint8_t* found, embstore_error** error) {
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {space, "space"}});
    if (given.ok() && count != 0) given = Require({{texts, "texts"}});
    if (!given.ok()) return given;
    given = RequireBuffer(out, out_size, count, space->info.record.identity.dimensions);
    if (!given.ok()) return given;
    const Rows rows{*store->store, *space, {out, out_size}, found};
    return ReadInChunks(rows, count, [&](std::size_t first, std::size_t n, auto* keys) {
      for (const embstore_string& text : std::span(texts + first, n)) {
        keys->push_back(embstore::MakeTextKey(View(text)));
      }
      return Status();
    });
  });
}

embstore_code embstore_normalize(float* vectors, size_t rows, uint32_t dimensions,
                                 embstore_error** error) {
  return Run(error, [&]() -> Status {
    if (Status given = RequireBuffer(vectors, rows * dimensions, rows, dimensions); !given.ok()) {
      return given;
    }
    for (std::size_t row = 0; row < rows; ++row) {
      embstore::NormalizeL2({vectors + row * dimensions, dimensions});
    }
    return {};
  });
}
