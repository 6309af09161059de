// SPDX-License-Identifier: Apache-2.0
// Arrow IPC files, also called Feather version 2
// (https://arrow.apache.org/docs/format/Columnar.html). Knows nothing of stores.
//
//   file    = "ARROW1" 00 00, message of the schema, messages of the record batches, end of
//             stream (ff ff ff ff 00 00 00 00), footer, u32le size of the footer, "ARROW1"
//   message = ff ff ff ff, u32le size of what follows up to the body, Message as in arrow.fbs,
//             zeros, body
//   body    = the buffers of all columns, each padded with zeros
//
// Bodies and buffers begin at multiples of 64 in the file, so that a mapped file can be used as it
// is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/status.h"
#include "engine/arrow/arrow_column.h"

namespace embstore {

enum class ArrowType {
  kUtf8,
  kInt64,
  kFloat32List,  ///< FixedSizeList of float32 that are not null.
};

struct ArrowField {
  std::string name;
  ArrowType type = ArrowType::kUtf8;
  bool nullable = false;
  std::int32_t list_size = 0;  ///< Of kFloat32List only; above 0.
};

struct ArrowSchema {
  std::vector<ArrowField> fields;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Makes the bytes of one file, a batch at a time. Equal input makes equal bytes. Memory grows by
/// 24 bytes a batch. Not thread-safe; one thread at a time.
class ArrowFileWriter {
 public:
  /// Takes the file's next bytes. Its errors end the call and come back.
  using Sink = std::function<Status(std::string_view)>;

  ArrowFileWriter(ArrowSchema schema, Sink sink);
  ~ArrowFileWriter();

  /// REQUIRES: once, before any batch.
  Status Begin();

  /// A record batch. REQUIRES: column i is of the type of field i and has `rows` values, and none
  /// of them is null unless the field is nullable. kInvalidArgument: the strings of a column take 2
  /// GiB or more; nothing was written.
  Status WriteBatch(std::uint64_t rows, std::span<const ArrowColumn> columns);

  /// The footer. REQUIRES: once, at the end. A file without batches is a table without rows.
  Status Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace embstore
