// SPDX-License-Identifier: Apache-2.0
// The input of one batch job, on disk, with what the job needs to know of each row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/models.h"
#include "tools/simulator/options.h"
#include "tools/simulator/spool_file.h"

namespace embstore::simulator {

struct BatchRow {
  std::uint64_t offset = 0;
  std::size_t size = 0;
  std::size_t tokens = 0;
  std::size_t dimensions = 0;
  std::string sha256;  ///< of the text; "" when the row cannot be embedded
};

/// Immutable after construction, so safe for concurrent use.
class BatchInput {
 public:
  /// Reads all of `file`, a JSON object a line; blank lines are no rows. Throws ApiError when the
  /// service would refuse the file as a whole.
  BatchInput(std::shared_ptr<const SpoolFile> file, const ModelInfo& model, const Options& options);

  const std::vector<BatchRow>& rows() const { return rows_; }
  std::string Line(std::size_t row) const;

  /// Tokens of all rows.
  std::uint64_t tokens() const { return tokens_; }

 private:
  void AddLine(std::string_view line, std::uint64_t offset, const ModelInfo& model,
               const Options& options);

  std::shared_ptr<const SpoolFile> file_;
  std::vector<BatchRow> rows_;
  std::uint64_t tokens_ = 0;
};

}  // namespace embstore::simulator
