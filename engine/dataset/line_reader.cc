// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/line_reader.h"

#include <utility>

#include "engine/dataset/source_error.h"

namespace embstore {
namespace {

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source, std::string file,
                       std::size_t max_line_bytes)
    : file_(std::move(file)),
      max_line_bytes_(max_line_bytes),
      window_(std::move(source), max_line_bytes) {}

Result<bool> LineReader::Next() {
  if (failure_.ok() && !ended_) ended_ = !ReadLine();
  if (!failure_.ok()) return failure_;
  return !ended_;
}

bool LineReader::ReadLine() {
  if (!started_) {
    started_ = true;
    if (Status mark = window_.SkipByteOrderMark(); !mark.ok()) return Fail(1, 0, mark.message());
  }
  if (!ScanLine()) return false;
  return !IsBlank(text_) || SkipBlankLines();
}

bool LineReader::ScanLine() {
  window_.Drop(std::exchange(consumed_, 0));
  ++line_;
  std::size_t feed = window_.bytes().find('\n');
  while (feed == std::string_view::npos) {
    const std::size_t seen = window_.size();
    const RecordWindow::Supply supply = window_.Load();
    if (supply == RecordWindow::Supply::kEnd) break;
    if (supply == RecordWindow::Supply::kFailed) {
      return Fail(line_, seen, window_.failure().message());
    }
    if (supply == RecordWindow::Supply::kLimit) {
      return FailTooLong(seen);
    }
    feed = window_.bytes().find('\n', seen);
  }
  if (feed == std::string_view::npos && window_.size() == 0) return false;
  text_ = window_.bytes().substr(0, feed);
  consumed_ = feed == std::string_view::npos ? window_.size() : feed + 1;
  if (feed != std::string_view::npos && text_.ends_with('\r')) text_.remove_suffix(1);
  if (text_.size() > max_line_bytes_) return FailTooLong(text_.size());
  failure_ = CheckEncoding(file_, line_, text_);
  return failure_.ok();
}

bool LineReader::SkipBlankLines() {
  const std::uint64_t blank = line_;
  while (IsBlank(text_)) {
    if (!ScanLine()) return false;
  }
  return Fail(blank, 0, "an empty line between records; remove it");
}

bool LineReader::FailTooLong(std::size_t scanned) {
  return Fail(line_, scanned,
              "the line is longer than " + std::to_string(max_line_bytes_) +
                  " bytes; put each object on a line of its own, or split it");
}

bool LineReader::Fail(std::uint64_t line, std::size_t scanned, const std::string& what) {
  // Other errors are only consequences of a file that is not text at all.
  failure_ = CheckNoNul(file_, line, window_.bytes().substr(0, scanned));
  if (failure_.ok()) failure_ = SourceError(file_, line, what);
  return false;
}

}  // namespace embstore
