// SPDX-License-Identifier: Apache-2.0
// The bytes of the ledger's header and of the frame around each entry. docs/format.md, "Ledger".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "embstore/status.h"
#include "engine/ledger/ledger.h"

namespace embstore {

inline constexpr std::size_t kLedgerHeaderBytes = 80;
inline constexpr std::size_t kFrameHeadBytes = 16;
inline constexpr std::size_t kFrameTailBytes = 8;
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{64} << 20;
inline constexpr std::size_t kSectorBytes = 512;

struct LedgerHeader {
  std::string store_id;  ///< 32 hex digits.
  LedgerPosition start;
  std::int64_t created_micros = 0;
};

std::string EncodeLedgerHeader(const LedgerHeader& header);

/// kCorruption: damaged, or no ledger. kIncompatible: a newer version's.
Result<LedgerHeader> DecodeLedgerHeader(std::string_view bytes);

struct FrameHead {
  std::uint32_t payload_bytes = 0;
  std::uint32_t kind = 0;
};

/// The bytes of a whole entry that begins at byte `offset` of the file.
std::string EncodeFrame(std::uint64_t offset, std::uint32_t kind, std::string_view payload);

/// Whether the first 16 of `bytes` are the head of an entry at `offset`.
bool DecodeFrameHead(std::uint64_t offset, std::string_view bytes, FrameHead* head);

/// Whether `frame`, an entry of full length, matches the checksum at its end.
bool FrameMatches(std::uint64_t offset, std::string_view frame);

/// Whether one of the sectors that `bytes` at `offset` lie in has only zeros in its part of them:
/// what a power cut leaves of a sector that was never written. No good entry has such a part.
bool HasBlankSector(std::uint64_t offset, std::string_view bytes);

}  // namespace embstore
