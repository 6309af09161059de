// SPDX-License-Identifier: Apache-2.0
// The rows of an export that its metadata file vouches for, by their texts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embstore/record.h"
#include "embstore/status.h"
#include "engine/recover/salvage.h"

namespace embstore {

/// Not thread-safe; one thread at a time.
class ExportVectors {
 public:
  virtual ~ExportVectors() = default;

  /// Hands out text and row of each document that has a vector. Two calls are alike.
  virtual Status ForEach(
      const std::function<void(const TextKey&, std::span<const float>)>& visit) const = 0;

  std::string name;  ///< The file.
  std::string split;
  SpaceId space;
  SpaceRecord space_record;
  bool normalized = false;
  /// Its rows are sure to be those of these texts; else each must be proved by what the store
  /// knows.
  bool proved = false;
};

/// The vectors as they are stored again: `row`, scaled back to the length that `text` knows.
std::vector<float> StoredVector(const ExportVectors& from, const SalvagedText& text,
                                std::span<const float> row);

/// All exports in `directories` whose files are as they were written and which have whole vectors.
/// Why others are left out is added to `*remarks`.
std::vector<std::unique_ptr<ExportVectors>> FindExports(
    const std::vector<std::filesystem::path>& directories, const Salvage& salvage,
    const std::string& store_id, std::vector<std::string>* remarks);

}  // namespace embstore
