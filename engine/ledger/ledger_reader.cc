// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace embstore {
namespace {

constexpr std::size_t kBufferBytes = 256u << 10;

Status Damaged(const char* what) { return {Code::kCorruption, what}; }

}  // namespace

std::string_view LedgerReader::Buffered() const {
  return {reinterpret_cast<const char*>(buffer_.data()) + begin_, filled_ - begin_};
}

void LedgerReader::Consume(std::size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
}

/// Afterwards `bytes` are buffered, or all that the file has.
Status LedgerReader::Fill(std::size_t bytes) {
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, end_ - offset_));
  if (filled_ - begin_ >= bytes) return {};
  auto* memory = reinterpret_cast<char*>(buffer_.data());
  if (begin_ > 0) std::memmove(memory, memory + begin_, filled_ - begin_);
  filled_ -= begin_;
  begin_ = 0;
  if (buffer_.size() * 8 < std::max(bytes, kBufferBytes)) {
    buffer_.resize((std::max(bytes, kBufferBytes) + 7) / 8);
    memory = reinterpret_cast<char*>(buffer_.data());
  }
  while (filled_ < bytes) {
    const std::uint64_t from = offset_ + filled_;
    const std::uint64_t wanted = std::min<std::uint64_t>(buffer_.size() * 8 - filled_, end_ - from);
    const ssize_t got = ::pread(fd_, memory + filled_, wanted, static_cast<off_t>(from));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return {Code::kCorruption, "it cannot be read: " + std::generic_category().message(errno)};
    }
    // A writer that opened it in the meantime has cut off a torn end.
    if (got == 0) end_ = from;
    if (got == 0) break;
    filled_ += static_cast<std::size_t>(got);
  }
  return {};
}

Result<LedgerHeader> LedgerReader::ReadHeader() {
  if (Status read = Fill(kLedgerHeaderBytes); !read.ok()) return read;
  auto header = DecodeLedgerHeader(Buffered().substr(0, kLedgerHeaderBytes));
  if (header.ok()) Consume(kLedgerHeaderBytes);
  return header;
}

Result<bool> LedgerReader::Next(LedgerFrame* frame) {
  Consume(unread_);
  unread_ = 0;
  if (Status read = Fill(kFrameHeadBytes); !read.ok()) return read;
  if (Buffered().empty()) return false;
  if (Buffered().size() < kFrameHeadBytes) return Torn();
  FrameHead head;
  if (!DecodeFrameHead(offset_, Buffered(), &head)) return JudgeBadHead();
  if (head.payload_bytes == 0 || head.payload_bytes % 8 != 0 ||
      head.payload_bytes > kMaxPayloadBytes) {
    return Damaged("an entry has an impossible length");
  }
  const std::size_t size = kFrameHeadBytes + head.payload_bytes + kFrameTailBytes;
  if (Status read = Fill(size); !read.ok()) return read;
  if (Buffered().size() < size) return Torn();
  const std::string_view bytes = Buffered().substr(0, size);
  if (!FrameMatches(offset_, bytes)) {
    if (offset_ + size == end_ && HasBlankSector(offset_, bytes)) return Torn();
    return Damaged("an entry does not match its checksum");
  }
  const auto* payload = reinterpret_cast<const std::uint8_t*>(bytes.data()) + kFrameHeadBytes;
  *frame = {offset_, head.kind, {payload, head.payload_bytes}};
  unread_ = size;
  return true;
}

Result<bool> LedgerReader::Torn() {
  torn_ = true;
  return false;
}

/// At most one entry is ever not synced, so a bad head is torn only if no entry follows it and a
/// sector that it lies in was never written.
Result<bool> LedgerReader::JudgeBadHead() {
  const std::size_t left_in_sector = kSectorBytes - offset_ % kSectorBytes;
  const std::size_t touched =
      left_in_sector < kFrameHeadBytes ? left_in_sector + kSectorBytes : left_in_sector;
  constexpr std::size_t kMaxEntry = kFrameHeadBytes + kMaxPayloadBytes + kFrameTailBytes;
  const char* const damaged = "the head of an entry does not match its checksum";
  if (Status read = Fill(touched); !read.ok()) return read;
  if (!HasBlankSector(offset_, Buffered().substr(0, touched))) return Damaged(damaged);
  if (end_ - offset_ > kMaxEntry) return Damaged(damaged);
  if (Status read = Fill(kMaxEntry); !read.ok()) return read;
  const std::string_view rest = Buffered();
  FrameHead head;
  for (std::size_t at = 8; at + kFrameHeadBytes <= rest.size(); at += 8) {
    if (DecodeFrameHead(offset_ + at, rest.substr(at), &head)) return Damaged(damaged);
  }
  return Torn();
}

}  // namespace embstore
