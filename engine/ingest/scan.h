// SPDX-License-Identifier: Apache-2.0
// The first pass over a dataset: read and check everything, ask the store what is missing.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "embstore/dataset.h"
#include "embstore/identity.h"
#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "embstore/record.h"
#include "embstore/store.h"
#include "engine/hash/hash.h"
#include "engine/ledger/ledger.h"

namespace embstore {

/// A text that has to be embedded, at the first document that has it.
struct MissingText {
  std::uint64_t position = 0;
  std::uint32_t tokens = 0;         ///< Estimated.
  std::uint32_t encoded_bytes = 0;  ///< In a request.
  std::uint32_t documents = 1;      ///< How many have this text.
  std::uint64_t ledger_key = 0;     ///< LedgerKey of the text.
  bool was_stored = false;          ///< A refresh of a text that has a vector.
};

/// A text that is not sent, and why.
struct UnsendableText {
  std::uint64_t position = 0;
  std::uint64_t tokens = 0;  ///< 0: empty.
  std::string document_id;
  TextKey key;
};

struct ScanResult {
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::uint64_t cached_texts = 0;
  std::uint64_t stored_documents = 0;      ///< With a vector, also those that are refreshed.
  std::uint64_t repeated_ids = 0;          ///< Same id and same text again.
  std::vector<MissingText> missing;        ///< By position.
  std::vector<UnsendableText> unsendable;  ///< By position, one a text.
  Sha256Digest list_sha256{};
};

struct ScanOptions {
  SpaceId space;
  std::uint64_t limit = 0;
  bool refresh = false;
};

/// Takes the document list piece by piece, in order, by another thread than the scan's. May be
/// empty.
using DocumentSink =
    std::function<Status(std::uint64_t first_position, std::span<const DocumentRecord>)>;

/// `store` may be null: then everything is missing.
/// kInvalidArgument: the input is bad; nothing was sent.
Result<ScanResult> ScanDataset(const Store* store, const Dataset& dataset, const Provider& provider,
                               const ScanOptions& options, const DocumentSink& sink);

}  // namespace embstore
