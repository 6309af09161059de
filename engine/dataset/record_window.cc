// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/record_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace embstore {
namespace {

constexpr std::size_t kInitialBytes = 256u << 10;
constexpr std::size_t kLineEndBytes = 2;

}  // namespace

RecordWindow::RecordWindow(std::unique_ptr<ByteSource> source, std::size_t max_record_bytes)
    : source_(std::move(source)),
      limit_(max_record_bytes + kLineEndBytes),
      capacity_(kInitialBytes),
      buffer_(std::make_unique_for_overwrite<char[]>(capacity_)) {}

void RecordWindow::Drop(std::size_t bytes) {
  begin_ += bytes;
  size_ = std::min(end_ - begin_, limit_);
}

void RecordWindow::MakeRoom() {
  const std::size_t held = end_ - begin_;
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  } else {
    const std::size_t capacity = std::max(kInitialBytes, std::min(capacity_ * 2, limit_));
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(grown.get(), buffer_.get(), held);
    buffer_ = std::move(grown);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = held;
}

RecordWindow::Supply RecordWindow::Load() {
  if (size_ == limit_) return Supply::kLimit;
  if (!failure_.ok()) return Supply::kFailed;
  if (ended_) return Supply::kEnd;
  if (end_ == capacity_) MakeRoom();
  const Result<std::size_t> got = source_->Read({buffer_.get() + end_, capacity_ - end_});
  if (!got.ok()) {
    failure_ = got.status();
    return Supply::kFailed;
  }
  ended_ = got.value() == 0;
  end_ += got.value();
  size_ = std::min(end_ - begin_, limit_);
  return ended_ ? Supply::kEnd : Supply::kMore;
}

Status RecordWindow::SkipByteOrderMark() {
  while (size_ < 4 && Load() == Supply::kMore) {
  }
  using namespace std::string_view_literals;
  const std::string_view head = bytes();
  const bool utf32 = head.starts_with("\xff\xfe\0\0"sv) || head.starts_with("\0\0\xfe\xff"sv);
  const bool utf16 = head.starts_with("\xff\xfe"sv) || head.starts_with("\xfe\xff"sv);
  if (utf32 || utf16) {
    const std::string_view encoding = utf32 ? "UTF-32" : "UTF-16";
    return {Code::kInvalidArgument, "the file is " + std::string(encoding) +
                                        "; convert it: iconv -f " + std::string(encoding) +
                                        " -t UTF-8"};
  }
  if (head.starts_with("\xef\xbb\xbf"sv)) Drop(3);
  return {};
}

}  // namespace embstore
