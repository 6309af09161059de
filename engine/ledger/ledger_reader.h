// SPDX-License-Identifier: Apache-2.0
// Reads a ledger file from its beginning, in pieces, and tells a torn end from damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "engine/ledger/ledger_format.h"

namespace embstore {

/// One entry as it lies in the file.
struct LedgerFrame {
  std::uint64_t offset = 0;
  std::uint32_t kind = 0;
  std::span<const std::uint8_t> payload;  ///< Begins at a multiple of 8; valid until Next().
};

/// Holds one piece of the file at a time. Not thread-safe; one thread at a time.
class LedgerReader {
 public:
  /// Reads the first `end` bytes of `fd`, which is borrowed.
  LedgerReader(int fd, std::uint64_t end) : fd_(fd), end_(end) {}

  /// Errors of both: kCorruption, kIncompatible. REQUIRES: called once, first.
  Result<LedgerHeader> ReadHeader();

  /// False behind the last good entry; torn() says whether something is left there.
  Result<bool> Next(LedgerFrame* frame);

  /// Where the next entry begins; after an error, where the damage is.
  std::uint64_t offset() const { return offset_; }
  /// Behind the last good entry are the remains of a write that was never acknowledged.
  bool torn() const { return torn_; }

 private:
  Status Fill(std::size_t bytes);
  std::string_view Buffered() const;
  void Consume(std::size_t bytes);
  Result<bool> Torn();
  Result<bool> JudgeBadHead();

  const int fd_;
  std::uint64_t end_;
  std::uint64_t offset_ = 0;  // Of buffer_[begin_].
  std::vector<std::uint64_t> buffer_;
  std::size_t begin_ = 0;  // In bytes, like filled_.
  std::size_t filled_ = 0;
  std::size_t unread_ = 0;  // Of the frame that Next handed out.
  bool torn_ = false;
};

}  // namespace embstore
