// SPDX-License-Identifier: Apache-2.0
// The open file of a ledger: whole entries are appended, nothing else is ever changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "embstore/status.h"
#include "engine/ledger/ledger_entry.h"
#include "engine/ledger/ledger_format.h"

namespace embstore {

/// Not thread-safe; one thread at a time, but Descriptor() may be read from at any time.
class LedgerFile {
 public:
  /// Durable when it returns. kWriteFailed. kInvalidArgument: something is at `path`.
  static Status Create(const std::filesystem::path& path, const LedgerHeader& header);

  /// kNotFound. kInvalidArgument: no regular file. kWriteFailed: it may not be written.
  static Result<std::unique_ptr<LedgerFile>> Open(const std::filesystem::path& path,
                                                  bool read_only);
  ~LedgerFile();
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return fd_; }
  /// Where the next entry will begin: at first the size of the file.
  std::uint64_t end() const { return end_; }

  /// Everything from `end` on is not there. When writable, it is cut off, durably.
  Status CutTo(std::uint64_t end);

  /// Appends one entry. After kWriteFailed every later write fails the same way. kInternal: the
  /// entry cannot be written and nothing was.
  Status Append(const LedgerEntry& entry, bool durable);

  /// Makes everything durable.
  Status Sync();

 private:
  LedgerFile(std::filesystem::path path, int fd, bool read_only, std::uint64_t end);

  Status Write(std::string_view bytes);
  Status Fail(std::string_view operation, int error);

  const std::filesystem::path path_;
  const int fd_;
  const bool read_only_;
  std::uint64_t end_;
  // What a process that died wrote last may not be synced either.
  bool unsynced_ = true;
  Status failed_;
};

}  // namespace embstore
