// SPDX-License-Identifier: Apache-2.0
// The pairing check over a stream of texts and vectors of any length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "engine/pairing/pairing_check.h"

namespace embstore {

/// Not thread-safe; one thread at a time.
class PairingBlocks {
 public:
  explicit PairingBlocks(std::uint32_t dimensions) : dimensions_(dimensions) {}

  /// kInvalidArgument: vectors so far do not fit their texts.
  Status Add(std::uint64_t position, std::string_view text, std::span<const float> vector);
  /// The same for what is left.
  Status Finish();

  /// Whether a block so far was seen to fit its texts.
  bool fits() const { return fits_; }

 private:
  Status Check(std::size_t rows);

  const std::uint32_t dimensions_;
  PairingChecker checker_;
  bool fits_ = false;
  std::vector<std::uint64_t> positions_;
  std::vector<std::string> texts_;
  std::vector<float> vectors_;
};

}  // namespace embstore
