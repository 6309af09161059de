// SPDX-License-Identifier: Apache-2.0
// The entries of the ledger and the bytes of their payloads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "embstore/status.h"
#include "engine/ledger/ledger.h"

namespace embstore {

struct RequestEntry {
  std::uint64_t request = 0;
  RequestIntent intent;
};

struct CommitEntry {
  std::uint64_t number = 0;
  std::vector<CommitShare> shares;
};

/// The kind of an entry in the file is one more than its index here.
using LedgerEntry = std::variant<RequestEntry, CommitEntry, Ending, JobChange, Removal>;

std::uint32_t KindOf(const LedgerEntry& entry);

std::string EncodePayload(const LedgerEntry& entry);

/// kCorruption: no such payload. kIncompatible: a kind, ending or step that only a newer version
/// knows. REQUIRES: `payload` begins at a multiple of 8 in memory.
Result<LedgerEntry> DecodePayload(std::uint32_t kind, std::span<const std::uint8_t> payload);

}  // namespace embstore
