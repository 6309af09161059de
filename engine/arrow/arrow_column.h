// SPDX-License-Identifier: Apache-2.0
// The values of one column of one record batch, in Arrow's columnar layout.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace embstore {

/// Strings, some of them null. Not thread-safe; one thread at a time.
class ArrowStrings {
 public:
  /// REQUIRES: bytes() stays below 2^31; a file with more is refused.
  void Append(std::optional<std::string_view> value);
  /// Empties the column and keeps its memory.
  void Clear();

  std::uint64_t size() const { return offsets_.size() - 1; }
  std::uint64_t null_count() const { return null_count_; }
  std::uint64_t bytes() const { return data_.size(); }

  // The three buffers of the layout.
  std::string_view validity() const;  ///< A bit a value; empty without nulls.
  std::span<const std::int32_t> offsets() const { return offsets_; }
  std::string_view data() const { return data_; }

 private:
  std::string validity_;
  std::vector<std::int32_t> offsets_ = {0};
  std::string data_;
  std::uint64_t null_count_ = 0;
};

/// Borrowed. In the order of ArrowType; the floats are float32 (rows, list_size), row major.
using ArrowColumn =
    std::variant<const ArrowStrings*, std::span<const std::int64_t>, std::span<const float>>;

}  // namespace embstore
