// SPDX-License-Identifier: Apache-2.0
// Which operation fails, and how.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace failing_disk {

enum class Operation {
  kCreate,  // Opening that makes or empties a file.
  kOpen,    // Any other.
  kRead,
  kWrite,
  kSync,
  kTruncate,
  kAllocate,
  kRename,
  kLink,
  kUnlink,
  kMakeDirectory,
  kClose,  // Of a file that could be written.
};

std::string_view Name(Operation operation);

enum class Kind {
  kNone,
  kIoError,     // EIO from everything that changes the disk.
  kNoSpace,     // ENOSPC from everything that takes space.
  kShortWrite,  // Half of a write; what is written next finds no space.
  kSync,        // EIO from syncs.
  kFewFiles,    // EMFILE from opens.
  kRead,        // EIO from reads.
};

struct Fault {
  int error = 0;
  bool half = false;  // Of a write: half of it is done, without an error.
};

/// Decides about each operation in turn. Not thread-safe.
class Faults {
 public:
  /// `kind`: eio, enospc, short, sync, emfile, read or none. The `first` operation of that kind
  /// fails, counted from 1, or with `for_ever` that one and all behind it. 0: none.
  Faults(std::string_view kind, std::uint64_t first, bool for_ever);

  /// What shall happen to this operation.
  std::optional<Fault> Next(Operation operation);

  /// How many operations could have failed so far.
  std::uint64_t counted() const { return counted_; }

 private:
  Kind kind_;
  std::uint64_t first_;
  bool for_ever_;
  bool space_is_gone_ = false;  // Behind a short write.
  std::uint64_t counted_ = 0;
};

}  // namespace failing_disk
