// SPDX-License-Identifier: Apache-2.0
// What is left of a store: every record that proves itself, but for vectors and texts, which stay
// in the files and are only noted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/dataset.h"
#include "embstore/record.h"
#include "embstore/recover.h"
#include "engine/record/record.h"
#include "engine/store/store_files.h"

namespace embstore {

/// A text of a space, by what its index record and its vector say.
struct SalvagedText {
  IndexRecord index;
  bool has_index = false;
  bool has_vector = false;
  bool fits = false;           ///< The vector has the norm that the index knows.
  bool index_is_new = false;   ///< Made anew from the vector.
  std::uint64_t checksum = 0;  ///< First 8 bytes of the value: which of several versions counts.
  int source = -1;             ///< Index of the export that the vector comes from; -1: the store.

  bool whole() const { return has_index && has_vector; }
};

struct SalvagedList {
  SplitRecord record;
  std::vector<DocumentRecord> documents;  ///< Only when the list is whole.
  bool whole = false;
};

/// Everything is proved by a checksum or a fingerprint.
struct Salvage {
  std::optional<MetaRecord> meta;
  std::optional<CommitRecord> commit;
  std::map<SpaceId, SpaceRecord> spaces;
  std::map<SpaceId, std::uint32_t> dimensions;  ///< Of the vectors, for spaces without a record.
  std::map<std::string, SalvagedText> texts;    ///< By vector key.
  std::map<std::string, SalvagedList> lists;    ///< By split.
  std::vector<SalvagedList> inputs;             ///< Of datasets; of the record only the digest.
  std::map<std::pair<std::string, SpaceId>, CoverageRecord> coverages;
  std::map<std::uint32_t, RunRecord> runs;
  std::map<std::string, FailureRecord> failures;  ///< By vector key, slot 0.
  std::uint64_t stored_texts = 0;                 ///< Entries of the family `texts`.

  SalvagedText* Find(SpaceId space, const TextKey& text);
  /// The key under which `text` lies, or the first free one.
  std::string KeyFor(SpaceId space, const TextKey& text) const;
};

/// `everything`: also what the database has left behind it, because it has lost newer things; a
/// list then counts only when there is no row of a newer one.
/// `inputs`: see ReadInput.
Salvage SalvageStore(const StoreFiles& files, bool everything, std::vector<SalvagedList> inputs);

/// The document list that `dataset` makes.
Result<SalvagedList> ReadInput(const Dataset& dataset);

/// No slot below one in use may be empty: where whole texts move down. Answers the new keys by
/// the old ones.
std::map<std::string, std::string> CloseSlots(const Salvage& salvage);

}  // namespace embstore
