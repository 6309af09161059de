// SPDX-License-Identifier: Apache-2.0
// One writer a cache directory, with words for the second one.
#pragma once

#include <filesystem>
#include <memory>

#include "embstore/status.h"

namespace embstore {

/// Holds the lock while alive; the system takes it away when the process dies.
class DirectoryLock {
 public:
  /// kLocked: another process, or this one, holds it; the message names the process.
  static Result<std::unique_ptr<DirectoryLock>> Acquire(const std::filesystem::path& directory);
  /// Whether somebody holds it, as far as can be told. Changes nothing.
  static bool IsHeld(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace embstore
