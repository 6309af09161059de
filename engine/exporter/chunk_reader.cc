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
  for (Ahead& ahead : ahead_) ReadAhead(&ahead);
}

Status ChunkReader::Next(Chunk* chunk) {
  Ahead& ahead = ahead_[turn_];
  turn_ = (turn_ + 1) % ahead_.size();
  Status read = ahead.reading.get();
  std::swap(*chunk, ahead.chunk);
  ReadAhead(&ahead);
  return read;
}

void ChunkReader::ReadAhead(Ahead* ahead) {
  // Where no thread is to be had, get() reads.
  ahead->reading = std::async([this, ahead, first = next_] { return Read(first, &ahead->chunk); });
  next_ += rows_;
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
