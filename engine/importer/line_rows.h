// SPDX-License-Identifier: Apache-2.0
// Files with one JSON document a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/importer/row_source.h"

namespace embstore {

/// Understands the lines of one kind of file. Not thread-safe; one thread at a time.
class LineRows {
 public:
  virtual ~LineRows() = default;
  /// Appends the rows of `line`; their names are added by the caller. The message of an error names
  /// neither file nor line.
  virtual Status Read(std::string_view line, std::uint32_t dimensions,
                      std::vector<SourceRow>* rows) = 0;
};

/// Plain, gzip or zstd. `make` is called for each reading. kNotFound: no such file.
Result<std::unique_ptr<VectorSource>> OpenLineRows(const std::filesystem::path& file,
                                                   std::function<std::unique_ptr<LineRows>()> make,
                                                   const std::filesystem::path& scratch);

/// Calls `visit` for each line of a file. Its errors come back with file and line in front.
Status ForEachSourceLine(const std::filesystem::path& file,
                         const std::function<Status(std::string_view line)>& visit);

}  // namespace embstore
