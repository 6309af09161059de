// SPDX-License-Identifier: Apache-2.0
// The lines of a batch job's input and result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "embstore/batch.h"
#include "embstore/identity.h"
#include "embstore/provider.h"
#include "embstore/status.h"

namespace embstore {

/// Writes and reads lines of jobs of one identity; see BatchApi. Immutable after construction.
class GeminiBatchRows {
 public:
  /// `key` is borrowed; it is kept out of messages.
  GeminiBatchRows(const EmbeddingIdentity& identity, const Secret* key);

  /// REQUIRES: valid UTF-8.
  void AppendInput(std::string_view key, std::string_view text, std::string* out) const;
  Result<BatchInputRow> ReadInput(std::string_view line) const;
  Result<BatchResultRow> ReadResult(std::string_view line) const;

 private:
  Status Invalid(std::string_view fault, std::string_view line) const;

  const std::string task_type_;
  const std::uint32_t dimensions_;
  const Secret* const key_;
};

}  // namespace embstore
