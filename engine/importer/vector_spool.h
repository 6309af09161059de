// SPDX-License-Identifier: Apache-2.0
// Vectors in a file that has no name: sources come in any order, and may be larger than memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "embstore/status.h"

namespace embstore {

/// float32 (rows, D), written in order, then read in any. Its space on disk is given back when it
/// dies, also by `kill -9`. Not thread-safe; one thread at a time.
class VectorSpool {
 public:
  /// kWriteFailed: `directory` cannot be written.
  static Result<std::unique_ptr<VectorSpool>> Create(const std::filesystem::path& directory,
                                                     std::size_t dimensions);
  ~VectorSpool();
  VectorSpool(const VectorSpool&) = delete;
  VectorSpool& operator=(const VectorSpool&) = delete;

  std::uint64_t rows() const { return rows_; }

  /// REQUIRES: vector.size() is D, and Read was not called yet.
  Status Append(std::span<const float> vector);

  /// REQUIRES: row < rows().
  Status Read(std::uint64_t row, std::span<float> out);

 private:
  VectorSpool(int fd, std::filesystem::path directory, std::size_t dimensions);
  Status Flush();
  Status Load(std::uint64_t first, std::uint64_t count);

  const int fd_;
  const std::filesystem::path directory_;
  const std::size_t dimensions_;
  const std::size_t block_rows_;
  std::uint64_t rows_ = 0;
  // Rows [block_begin_, block_begin_ + block_.size() / D): not written yet, or read last.
  std::vector<float> block_;
  std::uint64_t block_begin_ = 0;
  bool complete_ = false;
};

}  // namespace embstore
