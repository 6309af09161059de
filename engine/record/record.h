// SPDX-License-Identifier: Apache-2.0
// The store's small records as plain structs, and their bytes: a checksum over key and payload,
// then a FlatBuffer (record.fbs).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/identity.h"
#include "embstore/record.h"
#include "embstore/status.h"
#include "engine/ledger/ledger.h"

namespace embstore {

/// Stores written by this version; a higher number is refused.
inline constexpr std::uint32_t kFormatVersion = 1;

struct MetaRecord {
  std::uint32_t format_version = kFormatVersion;
  std::string store_id;
  std::int64_t created_micros = 0;
  bool has_ledger = false;    ///< A store without its ledger has lost it.
  bool has_sketches = false;  ///< Every vector has one.
};

/// The last commit that brought vectors, as the ledger has to know it.
struct CommitRecord {
  std::uint64_t number = 0;
  std::uint64_t charges = 0;  ///< Commits with shares up to this one.
  std::vector<CommitShare> shares;
};

struct IndexRecord {
  Fingerprint fingerprint;
  std::uint32_t text_bytes = 0;
  std::uint32_t tokens = 0;
  float raw_norm = 0;
  std::int64_t created_micros = 0;
  std::uint32_t run = 0;
};

/// The bytes to store under `key`. Instantiated for every record above.
template <typename Record>
std::string EncodeRecord(std::string_view key, const Record& record);

/// kCorruption: the checksum is wrong or the payload is not such a record.
template <typename Record>
Result<Record> DecodeRecord(std::string_view key, std::string_view value);

}  // namespace embstore
