// SPDX-License-Identifier: Apache-2.0
// The vectors of a whole job in the order of its input, in a file that has no name: results come in
// any order, and a job may be larger than memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "embstore/status.h"

namespace embstore {

/// float32 (rows, dimensions), row major, all zero at first. Its space on disk is taken when it is
/// made and given back when it dies, also by `kill -9`. Not thread-safe; one thread at a time.
class RowMatrix {
 public:
  /// kWriteFailed: no space in `directory`.
  static Result<std::unique_ptr<RowMatrix>> Create(const std::filesystem::path& directory,
                                                   std::size_t rows, std::size_t dimensions);
  ~RowMatrix();
  RowMatrix(const RowMatrix&) = delete;
  RowMatrix& operator=(const RowMatrix&) = delete;

  std::span<float> row(std::size_t index) { return rows(index, 1); }
  /// `count` rows from `first` on.
  std::span<float> rows(std::size_t first, std::size_t count) {
    return {data_ + first * dimensions_, count * dimensions_};
  }

 private:
  RowMatrix(float* data, std::size_t bytes, std::size_t dimensions)
      : data_(data), bytes_(bytes), dimensions_(dimensions) {}

  float* const data_;
  const std::size_t bytes_;
  const std::size_t dimensions_;
};

}  // namespace embstore
