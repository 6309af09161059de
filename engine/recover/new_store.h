// SPDX-License-Identifier: Apache-2.0
// Writes what was salvaged, and what exports gave back, as a new database.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "embstore/status.h"
#include "engine/recover/export_vectors.h"
#include "engine/recover/salvage.h"
#include "engine/store/store_files.h"

namespace embstore {

struct NewStore {
  const StoreFiles& files;
  const Salvage& salvage;
  const std::vector<std::unique_ptr<ExportVectors>>& exports;
  bool everything = false;             ///< As the salvage was made.
  std::vector<const Dataset*> inputs;  ///< Whose texts are stored.
  MetaRecord meta;
  CommitRecord commit;
};

/// Durable at `database` when it returns. kInternal: it is not what was planned. Else as reading
/// the inputs.
Status WriteNewStore(const NewStore& store, const std::filesystem::path& database);

}  // namespace embstore
