// SPDX-License-Identifier: Apache-2.0
// A window over a byte stream that holds one record at a time, in bounded memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "embstore/status.h"
#include "engine/dataset/byte_source.h"

namespace embstore {

/// Bytes of the current record and maybe some behind it. What a caller sees depends on the bytes
/// and the limit only, never on how the source cuts its reads, as long as it loads when it needs
/// to. Not thread-safe; one thread at a time.
class RecordWindow {
 public:
  /// A record may have `max_record_bytes` and a line end of two bytes.
  RecordWindow(std::unique_ptr<ByteSource> source, std::size_t max_record_bytes);

  enum class Supply {
    kMore,    ///< size() grew.
    kEnd,     ///< The source has no more.
    kLimit,   ///< The record is too long.
    kFailed,  ///< failure() says why.
  };

  /// Tries to grow the window. Moves the bytes: pointers from before are invalid.
  Supply Load();

  /// Skips a UTF-8 byte order mark. Call before anything else.
  /// kInvalidArgument: the file is UTF-16 or UTF-32.
  Status SkipByteOrderMark();

  char* data() { return buffer_.get() + begin_; }
  std::size_t size() const { return size_; }
  std::string_view bytes() const { return {buffer_.get() + begin_, size_}; }
  const Status& failure() const { return failure_; }

  /// Ends the current record after `bytes`; the next starts there. REQUIRES: bytes <= size().
  void Drop(std::size_t bytes);

 private:
  void MakeRoom();

  const std::unique_ptr<ByteSource> source_;
  const std::size_t limit_;
  std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t size_ = 0;
  bool ended_ = false;
  Status failure_;
};

}  // namespace embstore
