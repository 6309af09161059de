// SPDX-License-Identifier: Apache-2.0
#include "engine/exporter/chunk_reader.h"

#include <algorithm>
#include <utility>

namespace embstore {
namespace {

// A chunk has as many rows as fit into these bytes, but no more than that.
constexpr std::uint64_t kChunkBytes = 16u << 20;
constexpr std::uint64_t kMaxChunkRows = 4096;

}  // namespace

std::uint64_t ChunkRows(std::uint32_t dimensions) {
  return std::clamp<std::uint64_t>(kChunkBytes / (dimensions * sizeof(float)), 1, kMaxChunkRows);
}

ChunkReader::ChunkReader(const Store& store, const SplitInfo& split, const SpaceInfo& space)
    : store_(store),
      split_(split),
      space_(space.id),
      dimensions_(space.record.identity.dimensions),
      rows_(ChunkRows(dimensions_)) {
  ReadAhead();
}

Status ChunkReader::Next(Chunk* chunk) {
  Status read = reading_.get();
  std::swap(*chunk, ahead_);
  next_ += rows_;
  ReadAhead();
  return read;
}

void ChunkReader::ReadAhead() {
  // Where no thread is to be had, get() reads.
  reading_ = std::async([this] { return Read(next_, &ahead_); });
}

Status ChunkReader::Read(std::uint64_t first, Chunk* chunk) const {
  chunk->documents.clear();
  chunk->found.clear();
  std::vector<TextKey> texts;
  Status listed = store_.ForEachDocument(split_, first, rows_, [&](const DocumentInfo& document) {
    chunk->documents.push_back(document);
    texts.push_back(document.record.text);
    return Status();
  });
  if (!listed.ok()) return listed;
  chunk->vectors.resize(texts.size() * dimensions_);
  auto found = store_.GetVectors(space_, texts, chunk->vectors);
  if (!found.ok()) return found.status();
  chunk->found = *std::move(found);
  return {};
}

}  // namespace embstore
