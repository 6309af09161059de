// SPDX-License-Identifier: Apache-2.0
// How the rows of an export become the files of a format.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "embstore/export.h"
#include "embstore/store.h"
#include "engine/exporter/export_files.h"

namespace embstore {

/// What holds for all rows of an export.
struct ExportTable {
  std::string split;
  std::string dataset;
  SpaceInfo space;
  std::uint64_t rows = 0;
  std::uint32_t dimensions = 0;
  bool normalized = false;
  bool integer_labels = false;  ///< Every document of the split has one.
};

/// Some rows, in document order. Borrowed.
struct ExportRows {
  std::uint64_t first = 0;  ///< Row number of the first.
  std::span<const DocumentInfo> documents;
  std::span<const float> vectors;  ///< float32 (documents.size(), D), row major.
};

/// Fills the files of one export. Not thread-safe; one thread at a time.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual Status Begin() = 0;
  virtual Status Write(const ExportRows& rows) = 0;
  virtual Status End() = 0;
};

/// All of these borrow what they get until they are gone.
std::unique_ptr<RowWriter> MakeNpyWriter(const ExportTable& table, const PartFiles& files);
std::unique_ptr<RowWriter> MakeArrowWriter(const Store& store, const ExportTable& table,
                                           const PartFiles& files);

/// The label as a number, if it is a decimal integer of 64 bits.
std::optional<std::int64_t> IntegerLabel(const std::optional<std::string>& label);

}  // namespace embstore
