// SPDX-License-Identifier: Apache-2.0
// The check before an import: which document has a vector in the source, whether it is a good one,
// and what the store has already. Keeps 40 bytes a document and no vectors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/import.h"
#include "engine/importer/pairing_blocks.h"

namespace embstore {

/// A document while it is matched, a text to be stored afterwards.
struct MatchedText {
  Fingerprint text;
  std::uint64_t position = 0;
  std::uint64_t digest = 0;  ///< DigestOf its vector.
  bool found = false;        ///< The source has a vector for this document.
  bool stored = false;       ///< The store has one for this text,
  bool differs = false;      ///< and it is another one.
};

/// XXH3 of the numbers: whether the second reading of a source is like the first.
std::uint64_t DigestOf(std::span<const float> vector);

/// What is wrong with a vector of the source, as a refusal that names the document; or ok.
Status CheckVector(const VectorSource& source, const Document& document,
                   std::span<const float> vector);

/// Not thread-safe; one thread at a time. Everything given to it outlives it.
class DocumentMatcher {
 public:
  /// `store` may be null.
  DocumentMatcher(const Store* store, const Dataset& dataset, VectorSource* source,
                  const ImportOptions& options);

  /// Reads documents and vectors side by side.
  Status Run();

  /// Counts of texts, and of documents that stay without a vector, as they will be after the
  /// import. What it counts as imported is in texts() afterwards, by position. Call once.
  ImportReport Judge();
  /// Whether vectors were looked at for that, and none was seen to.
  bool PairingIsOpen() const { return options_.check_pairing && !pairing_.fits(); }
  const std::vector<MatchedText>& texts() const { return texts_; }

 private:
  Status AddToChunk(const Document& document);
  Status FlushChunk();
  std::uint64_t JudgeText(std::span<const MatchedText> documents, ImportReport* report);

  const Store* const store_;
  const Dataset& dataset_;
  VectorSource& source_;
  const ImportOptions& options_;
  const SpaceId space_;
  const std::size_t dimensions_;
  PairingBlocks pairing_;

  // One chunk.
  std::vector<TextKey> keys_;
  std::vector<bool> found_;
  std::vector<float> vectors_;
  std::vector<float> stored_vectors_;

  std::vector<MatchedText> texts_;
  std::uint64_t documents_ = 0;
  std::vector<std::pair<std::uint64_t, std::string>> without_;  // Position and id of the first.
};

}  // namespace embstore
