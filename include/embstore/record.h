// SPDX-License-Identifier: Apache-2.0
// What a store knows about its spaces, splits, documents and runs. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "embstore/identity.h"
#include "embstore/money.h"

namespace embstore {

struct SpaceRecord {
  EmbeddingIdentity identity;
  std::string provider;
  std::int64_t created_micros = 0;
};

/// One row of a split's document list.
struct DocumentRecord {
  TextKey text;
  std::string id;  ///< Empty when the split's ids are positions.
  std::optional<std::string> label;
};

/// A split as it was last ingested. Its document list is one generation; a changed source makes
/// the next one, which takes the place of the old one at once.
struct SplitRecord {
  std::uint32_t id = 0;
  std::uint32_t generation = 0;
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::string dataset;
  std::string source;
  std::string layout;
  bool has_ids = false;
  std::array<std::uint8_t, 32> list_sha256{};  ///< Of all rows: fingerprint, id, label.
  std::uint64_t source_bytes = 0;
  std::int64_t source_modified_nanos = 0;
  std::int64_t source_changed_nanos = 0;
  std::uint64_t source_inode = 0;
  std::int64_t created_micros = 0;
};

/// How far a split is embedded in one space, and what that cost over all runs.
struct CoverageRecord {
  std::uint32_t generation = 0;  ///< Of the document list the numbers below are about.
  std::uint64_t embedded = 0;    ///< Documents (not texts) that have a vector.
  bool complete = false;
  std::uint64_t last_position = 0;  ///< Highest position embedded in the last run.
  std::uint32_t batch_size = 0;
  std::uint64_t total_batches = 0;  ///< Of the last run.
  std::uint64_t api_calls = 0;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  Money cost;
  std::int64_t updated_micros = 0;
  std::uint64_t imported = 0;  ///< Texts whose vectors imports brought, free of charge.
};

/// A text that has no vector, and why. Removed when a later run embeds it.
struct FailureRecord {
  std::string code;
  std::string reason;
  std::string split;
  std::string document_id;
  std::int64_t created_micros = 0;
};

/// One run of ingest or import, updated with every commit.
struct RunRecord {
  std::string split;
  SpaceId space;
  std::int64_t started_micros = 0;
  std::int64_t updated_micros = 0;
  std::uint64_t embedded = 0;  ///< Texts.
  std::uint64_t api_calls = 0;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  Money cost;
  std::string outcome;  ///< "running", or how it ended.
  std::string source;   ///< Of an import: where its vectors come from. Else empty.
};

}  // namespace embstore
