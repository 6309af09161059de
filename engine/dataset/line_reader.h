// SPDX-License-Identifier: Apache-2.0
// Reads a text source line by line in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "embstore/status.h"
#include "engine/dataset/byte_source.h"
#include "engine/dataset/record_window.h"

namespace embstore {

/// Lines end with LF or CRLF, the last one also with the source. Lines of nothing but spaces and
/// tabs are accepted at the end of the source only. Every error is kInvalidArgument and names
/// file and line; it does not depend on how the source cuts its reads.
/// Not thread-safe; one thread at a time.
class LineReader {
 public:
  LineReader(std::unique_ptr<ByteSource> source, std::string file, std::size_t max_line_bytes);

  /// True: text() and line() are those of the next line. False: the end.
  /// After an error or the end, every further call answers the same.
  Result<bool> Next();

  /// Valid UTF-8 without NUL and without its line end. Valid until the next call of Next().
  std::string_view text() const { return text_; }

  /// 1-based.
  std::uint64_t line() const { return line_; }

 private:
  bool ReadLine();
  bool ScanLine();
  bool SkipBlankLines();
  bool FailTooLong(std::size_t scanned);
  bool Fail(std::uint64_t line, std::size_t scanned, const std::string& what);

  const std::string file_;
  const std::size_t max_line_bytes_;
  RecordWindow window_;
  std::string_view text_;
  std::size_t consumed_ = 0;  // Bytes of the current line with its end.
  std::uint64_t line_ = 0;
  bool started_ = false;
  bool ended_ = false;
  Status failure_;
};

}  // namespace embstore
