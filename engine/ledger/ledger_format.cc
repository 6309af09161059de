// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger_format.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/base/seeded_bug.h"
#include "engine/hash/hash.h"

namespace embstore {
namespace {

constexpr std::string_view kMagic = "embledg\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kStoreIdBytes = 32;

template <typename Number>
void Append(Number number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <typename Number>
Number NumberAt(std::string_view bytes, std::size_t at) {
  Number number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::uint64_t Checksum(std::uint64_t offset, std::string_view bytes) {
  return RecordChecksum({reinterpret_cast<const char*>(&offset), sizeof offset}, bytes);
}

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string EncodeLedgerHeader(const LedgerHeader& header) {
  assert(header.store_id.size() == kStoreIdBytes);
  std::string bytes(kMagic);
  Append(kVersion, &bytes);
  Append(static_cast<std::uint32_t>(kLedgerHeaderBytes), &bytes);
  bytes += header.store_id;
  Append(header.start.commit, &bytes);
  Append(header.start.charges, &bytes);
  Append(header.created_micros, &bytes);
  Append(Checksum(0, bytes), &bytes);
  assert(bytes.size() == kLedgerHeaderBytes);
  return bytes;
}

Result<LedgerHeader> DecodeLedgerHeader(std::string_view bytes) {
  if (bytes.size() < kLedgerHeaderBytes || !bytes.starts_with(kMagic) ||
      NumberAt<std::uint64_t>(bytes, 72) != Checksum(0, bytes.substr(0, 72))) {
    return Status(Code::kCorruption, "its header is damaged or cut short");
  }
  const auto version = NumberAt<std::uint32_t>(bytes, 8);
  if (version != kVersion || NumberAt<std::uint32_t>(bytes, 12) != kLedgerHeaderBytes) {
    return Status(Code::kIncompatible, "it has format " + std::to_string(version));
  }
  LedgerHeader header{std::string(bytes.substr(16, kStoreIdBytes)),
                      {NumberAt<std::uint64_t>(bytes, 48), NumberAt<std::uint64_t>(bytes, 56)},
                      NumberAt<std::int64_t>(bytes, 64)};
  if (!IsHex(header.store_id)) return Status(Code::kCorruption, "its header names no store");
  return header;
}

std::string EncodeFrame(std::uint64_t offset, std::uint32_t kind, std::string_view payload) {
  const std::size_t padded = (payload.size() + 7) / 8 * 8;
  assert(padded <= kMaxPayloadBytes);
  std::string frame;
  frame.reserve(kFrameHeadBytes + padded + kFrameTailBytes);
  Append(static_cast<std::uint32_t>(padded), &frame);
  Append(kind, &frame);
  Append(Checksum(offset, frame), &frame);
  frame += payload;
  frame.append(padded - payload.size(), '\0');
  Append(Checksum(offset, std::string_view(frame).substr(kFrameHeadBytes)), &frame);
  return frame;
}

bool DecodeFrameHead(std::uint64_t offset, std::string_view bytes, FrameHead* head) {
  if (NumberAt<std::uint64_t>(bytes, 8) != Checksum(offset, bytes.substr(0, 8))) return false;
  *head = {NumberAt<std::uint32_t>(bytes, 0), NumberAt<std::uint32_t>(bytes, 4)};
  return true;
}

bool FrameMatches(std::uint64_t offset, std::string_view frame) {
  if (EMBSTORE_SEEDED_BUG("ledger-unchecked")) return true;
  const std::size_t payload_bytes = frame.size() - kFrameHeadBytes - kFrameTailBytes;
  return NumberAt<std::uint64_t>(frame, kFrameHeadBytes + payload_bytes) ==
         Checksum(offset, frame.substr(kFrameHeadBytes, payload_bytes));
}

bool HasBlankSector(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kSectorBytes - offset % kSectorBytes);
    if (part.find_first_not_of('\0') == std::string_view::npos) return true;
    offset += part.size();
    bytes.remove_prefix(part.size());
  }
  return false;
}

}  // namespace embstore
