// SPDX-License-Identifier: Apache-2.0
// What happened below the watched directory, in order, for tests/disk/disk_log.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace failing_disk {

enum class Entry : std::uint8_t {
  kOpen = 'o',      // number: handle, at: 1 when it is emptied, data: path.
  kWrite = 'w',     // number: handle, at: offset, data: bytes.
  kTruncate = 't',  // number: handle, at: size.
  kSync = 's',      // number: handle.
  kRename = 'r',    // data: both paths, a zero byte between them.
  kLink = 'l',      // The same.
  kUnlink = 'u',    // data: path.
  kMakeDirectory = 'm',
  kRemoveDirectory = 'd',
  kSaid = 'a',   // number: 1 or 2, data: what the program printed there.
  kSent = 'n',   // number: descriptor of the socket, data: bytes.
  kFault = 'f',  // at: error, data: operation and path.
  kCount = 'c',  // at: operations that could have failed; the last entry.
};

/// Appends entries to a file. Not thread-safe.
class DiskLog {
 public:
  /// Empty: no log. Without `records` only faults and the count are written.
  DiskLog(const std::string& path, bool records);

  void Add(Entry entry, std::uint64_t number, std::uint64_t at, std::string_view data);

  bool records() const { return records_; }

 private:
  int fd_ = -1;
  bool records_;
};

}  // namespace failing_disk
