// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/csv_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/dataset/source_error.h"

namespace embstore {
namespace {

/// The bytes that mean something outside quotes.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const unsigned char byte : {',', '"', '\r', '\n'}) special[byte] = true;
  return special;
}();

/// Makes one quote of each two in `field`, in place; answers the new size.
std::size_t Undouble(char* field, std::size_t size) {
  char* out = field;
  const char* in = field;
  const char* const end = field + size;
  while (in != end) {
    const void* const hit = std::memchr(in, '"', static_cast<std::size_t>(end - in));
    const char* const stop = hit == nullptr ? end : static_cast<const char*>(hit) + 1;
    const auto length = static_cast<std::size_t>(stop - in);
    std::memmove(out, in, length);
    out += length;
    in = hit == nullptr ? end : stop + 1;
  }
  return static_cast<std::size_t>(out - field);
}

}  // namespace

CsvReader::CsvReader(std::unique_ptr<ByteSource> source, CsvOptions options)
    : options_(std::move(options)),
      window_(std::move(source), options_.max_record_bytes),
      columns_(options_.columns) {}

Result<bool> CsvReader::Next() {
  if (failure_.ok() && !ended_) ended_ = !ReadRecord();
  if (!failure_.ok()) return failure_;
  return !ended_;
}

bool CsvReader::ReadRecord() {
  if (!started_) {
    started_ = true;
    if (Status mark = window_.SkipByteOrderMark(); !mark.ok()) return Fail(0, mark.message());
  } else {
    line_ = next_line_;
    window_.Drop(consumed_);
  }
  if (!ScanRecord()) return false;
  if (content_ == 0) return SkipFinalEmptyLines();
  if (!CheckRecord()) return false;
  PublishFields();
  return true;
}

bool CsvReader::ScanRecord() {
  slices_.clear();
  found_ = 0;
  position_ = 0;
  record_ended_ = false;
  while (!record_ended_) {
    const Peeked peeked = Peek();
    if (peeked == Peeked::kFailed) return false;
    const bool quoted = peeked == Peeked::kByte && window_.data()[position_] == '"';
    if (!(quoted ? ScanQuoted() : ScanBare())) return false;
  }
  return true;
}

bool CsvReader::ScanQuoted() {
  const std::size_t quote = position_++;
  bool doubled = false;
  for (;;) {
    const Peeked peeked = Peek();
    if (peeked == Peeked::kFailed) return false;
    if (peeked == Peeked::kEnd) {
      return Fail(quote, "a quote opens here and is never closed; close it");
    }
    const char* const from = window_.data() + position_;
    const void* const hit = std::memchr(from, '"', window_.size() - position_);
    if (hit == nullptr) {
      position_ = window_.size();
      continue;
    }
    position_ += static_cast<std::size_t>(static_cast<const char*>(hit) - from) + 1;
    const Peeked after = Peek();
    if (after == Peeked::kFailed) return false;
    if (after == Peeked::kByte && window_.data()[position_] == '"') {
      doubled = true;
      ++position_;
      continue;
    }
    AddField(quote + 1, position_ - 1, doubled);
    return EndField(/*quoted=*/true);
  }
}

bool CsvReader::ScanBare() {
  const std::size_t begin = position_;
  for (;;) {
    const char* const data = window_.data();
    const std::size_t size = window_.size();
    while (position_ < size && !kSpecial[static_cast<unsigned char>(data[position_])]) ++position_;
    if (position_ < size) break;
    const Peeked peeked = Peek();
    if (peeked == Peeked::kFailed) return false;
    if (peeked == Peeked::kEnd) break;
  }
  AddField(begin, position_, /*doubled=*/false);
  return EndField(/*quoted=*/false);
}

bool CsvReader::EndField(bool quoted) {
  const std::size_t end = position_;
  const Peeked peeked = Peek();
  if (peeked == Peeked::kFailed) return false;
  if (peeked == Peeked::kEnd) return EndRecord(end, end);
  const char byte = window_.data()[position_++];
  if (byte == ',') return true;
  if (byte == '\n') return EndRecord(end, position_);
  if (byte == '\r') {
    const Peeked after = Peek();
    if (after == Peeked::kFailed) return false;
    if (after == Peeked::kByte && window_.data()[position_] == '\n') {
      return EndRecord(end, ++position_);
    }
    if (after == Peeked::kByte) ++position_;  // A NUL here tells UTF-16, which is the better error.
    return Fail(end, "a carriage return without a line feed; end lines with LF or CRLF");
  }
  if (quoted) {
    return Fail(end, "text after a closing quote; double each quote inside a quoted field");
  }
  return Fail(end,
              "a quote inside an unquoted field; put the field in quotes and double the quote");
}

bool CsvReader::EndRecord(std::size_t content_end, std::size_t next) {
  content_ = content_end;
  consumed_ = next;
  record_ended_ = true;
  return true;
}

bool CsvReader::SkipFinalEmptyLines() {
  if (consumed_ == 0) return false;
  for (;;) {
    window_.Drop(consumed_);
    position_ = 0;
    const Peeked peeked = Peek();
    if (peeked != Peeked::kByte) return false;
    const char first = window_.data()[position_++];
    const bool crlf = first == '\r' && Peek() == Peeked::kByte && window_.data()[1] == '\n';
    if (!failure_.ok()) return false;
    if (first != '\n' && !crlf) return Fail(0, "an empty line between records; remove it");
    consumed_ = crlf ? 2 : 1;
  }
}

bool CsvReader::CheckRecord() {
  const std::string_view raw(window_.data(), content_);
  if (Status encoding = CheckEncoding(options_.file, line_, raw); !encoding.ok()) {
    failure_ = std::move(encoding);
    return false;
  }
  if (content_ > options_.max_record_bytes) return FailTooLong();
  next_line_ = line_ + 1 + CountLineFeeds(raw);
  if (columns_ == 0 && found_ <= kMaxColumns) columns_ = found_;
  if (found_ == columns_) return true;
  std::string what = std::to_string(found_) + (found_ == 1 ? " column, " : " columns, ");
  what += columns_ == 0 ? "at most " + std::to_string(kMaxColumns) : std::to_string(columns_);
  return Fail(0, what + " expected; " + options_.columns_hint);
}

void CsvReader::PublishFields() {
  fields_.clear();
  char* const data = window_.data();
  for (const Slice& slice : slices_) {
    char* const begin = data + slice.begin;
    fields_.emplace_back(begin, slice.doubled ? Undouble(begin, slice.size) : slice.size);
  }
}

void CsvReader::AddField(std::size_t begin, std::size_t end, bool doubled) {
  ++found_;
  const std::size_t most = columns_ == 0 ? kMaxColumns : columns_;
  if (slices_.size() < most) slices_.push_back({begin, end - begin, doubled});
}

CsvReader::Peeked CsvReader::Peek() {
  if (position_ < window_.size()) return Peeked::kByte;
  switch (window_.Load()) {
    case RecordWindow::Supply::kMore:
      return Peeked::kByte;
    case RecordWindow::Supply::kEnd:
      return Peeked::kEnd;
    case RecordWindow::Supply::kLimit:
      FailTooLong();
      break;
    case RecordWindow::Supply::kFailed:
      Fail(position_, window_.failure().message());
      break;
  }
  return Peeked::kFailed;
}

bool CsvReader::FailTooLong() {
  return Fail(0, "the record is longer than " + std::to_string(options_.max_record_bytes) +
                     " bytes; look for a quote that is never closed, or split the record");
}

bool CsvReader::Fail(std::size_t at, const std::string& what) {
  // Other errors are only consequences of a file that is not text at all.
  const std::string_view scanned = window_.bytes().substr(0, position_);
  failure_ = CheckNoNul(options_.file, line_, scanned);
  if (failure_.ok()) {
    failure_ = SourceError(options_.file, line_ + CountLineFeeds(scanned.substr(0, at)), what);
  }
  return false;
}

}  // namespace embstore
