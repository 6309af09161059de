// SPDX-License-Identifier: Apache-2.0
// Files that are written whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// A file that replaces `target` when Commit() succeeds and leaves no trace otherwise. It is
/// written under a temporary name in the same directory, created exclusively and without
/// following symlinks. Not thread-safe; one thread at a time.
class AtomicFile {
 public:
  /// kInvalidArgument: `target` exists and is not a regular file (a symlink, a device, ...).
  /// kWriteFailed: the directory cannot be written.
  static Result<std::unique_ptr<AtomicFile>> Create(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. After an error only destruction makes sense.
  Status Append(std::span<const std::byte> bytes);
  Status Append(std::string_view bytes);

  /// Hands everything to the system, not yet durable.
  Status Flush();

  /// Makes what was appended durable and closes the file; its temporary name stays.
  Status Seal();

  /// Gives a sealed file its name. Durable after SyncDirectory of the parent.
  Status Rename();

  /// Seal, Rename and SyncDirectory.
  Status Commit();

  const std::filesystem::path& target() const { return target_; }
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  AtomicFile(std::filesystem::path target, std::filesystem::path temporary, int fd);

  const std::filesystem::path target_;
  const std::filesystem::path temporary_;
  int fd_;
  bool renamed_ = false;
  std::string buffer_;
};

/// Makes renames and creations in `directory` durable.
Status SyncDirectory(const std::filesystem::path& directory);

/// Makes `directory` and the parents that it lacks, durably. kWriteFailed: one cannot be made.
Status MakeDirectories(const std::filesystem::path& directory);

/// Replaces `path` at once but not durably: for views that can be made again.
Status ReplaceFile(const std::filesystem::path& path, std::string_view content);

/// A file in `directory` without a name, open for reading and writing; its space is given back when
/// it is closed, also by `kill -9`. kWriteFailed: `directory` cannot be written.
Result<int> CreateUnnamedFile(const std::filesystem::path& directory);

/// Writes everything at the file's place. `path` is for the message. kWriteFailed: not all of it.
Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path);

/// The whole file. kNotFound: none, or no file can have that name. kInvalidArgument: larger than
/// `max_bytes` or not regular.
Result<std::string> ReadWholeFile(const std::filesystem::path& path, std::uint64_t max_bytes);

/// "cannot write 'PATH': No space left on device" as kWriteFailed; other operations likewise.
Status ErrnoStatus(Code code, std::string_view operation, const std::filesystem::path& path,
                   int error);

}  // namespace embstore
