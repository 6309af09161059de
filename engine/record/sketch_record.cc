// SPDX-License-Identifier: Apache-2.0
#include "engine/record/sketch_record.h"

#include "engine/hash/hash.h"

namespace embstore {
namespace {

constexpr std::size_t kChecksumBytes = 4;

std::uint32_t Checksum(std::string_view key, std::string_view bits) {
  return static_cast<std::uint32_t>(RecordChecksum(key, bits));
}

}  // namespace

void EncodeSketch(std::string_view key, std::span<const std::uint8_t> bits, std::string* out) {
  const std::string_view payload(reinterpret_cast<const char*>(bits.data()), bits.size());
  const std::uint32_t checksum = Checksum(key, payload);
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    out->push_back(static_cast<char>(checksum >> (8 * i) & 0xff));
  }
  out->append(payload);
}

Result<std::span<const std::uint8_t>> DecodeSketch(std::string_view key, std::string_view value,
                                                   std::size_t bytes) {
  if (value.size() != kChecksumBytes + bytes) {
    return Status(Code::kCorruption, "sketch record has the wrong size");
  }
  const auto* const raw = reinterpret_cast<const std::uint8_t*>(value.data());
  std::uint32_t stored = 0;
  for (std::size_t i = 0; i < kChecksumBytes; ++i) stored |= std::uint32_t{raw[i]} << (8 * i);
  if (stored != Checksum(key, value.substr(kChecksumBytes))) {
    return Status(Code::kCorruption, "sketch record does not match its checksum");
  }
  return std::span(raw + kChecksumBytes, bytes);
}

}  // namespace embstore
