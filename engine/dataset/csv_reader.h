// SPDX-License-Identifier: Apache-2.0
// Reads CSV (RFC 4180) record by record, strictly and in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "engine/dataset/byte_source.h"
#include "engine/dataset/record_window.h"

namespace embstore {

struct CsvOptions {
  std::string file;                          ///< What messages call the source.
  std::size_t max_record_bytes = 16u << 20;  ///< Without the line end.
  std::size_t columns = 0;                   ///< 0: as many as the first record has.
  std::string columns_hint;                  ///< What to do about another number of columns.
};

/// Line ends are LF or CRLF; within quotes they are data. Empty lines are accepted at the end of
/// the source only. Every error is kInvalidArgument and names file and line; it does not depend
/// on how the source cuts its reads. Not thread-safe; one thread at a time.
class CsvReader {
 public:
  /// Most columns of a record; bounds memory together with max_record_bytes.
  static constexpr std::size_t kMaxColumns = 65536;

  CsvReader(std::unique_ptr<ByteSource> source, CsvOptions options);

  /// True: fields() and line() are those of the next record. False: the end.
  /// After an error or the end, every further call answers the same.
  Result<bool> Next();

  /// Valid UTF-8 without NUL, unquoted. Valid until the next call of Next().
  std::span<const std::string_view> fields() const { return fields_; }

  /// The 1-based line where the record starts.
  std::uint64_t line() const { return line_; }

 private:
  struct Slice {
    std::size_t begin;
    std::size_t size;
    bool doubled;  ///< Holds doubled quotes.
  };
  enum class Peeked { kByte, kEnd, kFailed };

  bool ReadRecord();
  bool ScanRecord();
  bool ScanQuoted();
  bool ScanBare();
  bool EndField(bool quoted);
  bool EndRecord(std::size_t content_end, std::size_t next);
  bool SkipFinalEmptyLines();
  bool CheckRecord();
  void PublishFields();
  Peeked Peek();
  void AddField(std::size_t begin, std::size_t end, bool doubled);
  bool FailTooLong();
  bool Fail(std::size_t at, const std::string& what);

  const CsvOptions options_;
  RecordWindow window_;
  std::vector<Slice> slices_;
  std::vector<std::string_view> fields_;
  std::size_t columns_;       // Expected; 0 before the first record.
  std::size_t found_ = 0;     // Columns of the current record.
  std::size_t position_ = 0;  // In the window: the next byte to look at.
  std::size_t content_ = 0;   // Bytes of the current record without its line end.
  std::size_t consumed_ = 0;  // Bytes of the current record with its line end.
  std::uint64_t line_ = 1;
  std::uint64_t next_line_ = 1;
  bool record_ended_ = false;
  bool started_ = false;
  bool ended_ = false;
  Status failure_;
};

}  // namespace embstore
