// SPDX-License-Identifier: Apache-2.0
// Space on disk for answers that are paid for, taken before the first of them is. When the disk is
// full they go where these bytes lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"

namespace embstore {

/// Files of jobs/ whose blocks belong to this run. Safe for concurrent use.
class ReplyReserve {
 public:
  /// Takes `files` files of `bytes` each. kWriteFailed: there is no room; says for how many bytes.
  /// REQUIRES: the cache directory `directory` is locked.
  static Result<std::unique_ptr<ReplyReserve>> Take(const std::filesystem::path& directory,
                                                    std::size_t files, std::uint64_t bytes);
  /// Gives back what was not used.
  ~ReplyReserve();
  ReplyReserve(const ReplyReserve&) = delete;
  ReplyReserve& operator=(const ReplyReserve&) = delete;

  /// Gives back what a run that died had taken, and what it did not finish to write. REQUIRES:
  /// `directory` is locked.
  static void GiveBackLeftovers(const std::filesystem::path& directory);

  /// Makes `content` the file `target` of jobs/, whole and durable: in a file of the reserve or, if
  /// that fails or none is left, in a new one. kWriteFailed: neither can be written.
  Status Keep(const std::filesystem::path& target, std::string_view content);

  const std::filesystem::path& directory() const { return directory_; }
  /// All of it.
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Piece {
    std::filesystem::path path;
    int fd = -1;
  };

  explicit ReplyReserve(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Status TakePiece(std::uint64_t bytes);
  Piece UsePiece();

  const std::filesystem::path directory_;
  std::uint64_t bytes_ = 0;
  std::mutex mutex_;
  std::vector<Piece> pieces_;  // Guarded by mutex_.
};

}  // namespace embstore
