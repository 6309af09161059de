// SPDX-License-Identifier: Apache-2.0
// The documents of a split with their vectors, some thousand at a time, read ahead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <future>
#include <vector>

#include "embstore/store.h"

namespace embstore {

/// Some documents, in their order, and what the store has for them.
struct Chunk {
  std::vector<DocumentInfo> documents;  ///< None: the split has ended.
  std::vector<bool> found;              ///< Whether the document has a vector.
  std::vector<float> vectors;           ///< float32 (documents.size(), D), row major.
};

/// How many rows of a split are handled at a time.
std::uint64_t ChunkRows(std::uint32_t dimensions);

/// Reads a split from its beginning; while the caller works on one chunk, threads read the next
/// ones, because looking vectors up takes longer than writing them. Not thread-safe; one thread at
/// a time. REQUIRES: what it gets outlives it.
class ChunkReader {
 public:
  ChunkReader(const Store& store, const SplitInfo& split, const SpaceInfo& space);
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;

  /// The next chunk in `*chunk`, whose memory is used again. kCorruption: a record is damaged.
  Status Next(Chunk* chunk);

 private:
  /// A chunk on its way.
  struct Ahead {
    Chunk chunk;
    std::future<Status> reading;  // Into `chunk`; its destructor waits. Behind what it uses.
  };

  Status Read(std::uint64_t first, Chunk* chunk) const;
  void ReadAhead(Ahead* ahead);

  const Store& store_;
  const SplitInfo& split_;
  const SpaceId space_;
  const std::uint32_t dimensions_;
  const std::uint64_t rows_;
  std::uint64_t next_ = 0;  // The first document that nobody reads yet.
  std::size_t turn_ = 0;    // Whose chunk the caller gets next.
  std::array<Ahead, 2> ahead_;
};

}  // namespace embstore
