// SPDX-License-Identifier: Apache-2.0
// Which paths and descriptors lie below the watched directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace failing_disk {

/// What a descriptor was opened for.
struct OpenFile {
  std::uint64_t handle = 0;  // Never used again, unlike the descriptor.
  std::string path;          // Below the watched directory.
  bool is_directory = false;
  bool writable = false;
  bool append = false;
  dev_t device = 0;
  ino_t inode = 0;
};

/// Not thread-safe: its user holds a lock.
class WatchedFiles {
 public:
  /// `directory`: absolute. Empty: nothing is watched.
  explicit WatchedFiles(std::string directory);

  /// The path below the watched directory ("" for itself), or none when it lies elsewhere.
  std::optional<std::string> Find(int directory, const char* path) const;

  /// Remembers what `fd` is, until Remove().
  const OpenFile* Add(int fd, std::string path, int flags);

  /// Null when the descriptor is none of ours.
  const OpenFile* Find(int fd) const;

  void Remove(int fd) { open_.erase(fd); }

 private:
  const std::string directory_;
  std::unordered_map<int, OpenFile> open_;
  std::uint64_t last_handle_ = 0;
};

}  // namespace failing_disk
