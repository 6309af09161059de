// SPDX-License-Identifier: Apache-2.0
// Whole ledgers, for the targets of the ledger.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/hash/hash.h"
#include "engine/ledger/ledger.h"
#include "engine/ledger/ledger_format.h"
#include "tests/fuzz/fuzzing.h"

namespace embstore::fuzz {

inline constexpr std::string_view kStoreId = "0123456789abcdef0123456789abcdef";

inline std::string HeaderBytes() { return EncodeLedgerHeader({std::string(kStoreId), {}, 5}); }

/// All that a ledger says.
inline std::string Describe(const Ledger& ledger) {
  std::ostringstream out;
  const auto amount = [&](const SpendRecord::Amount& a) {
    out << ' ' << a.texts << ' ' << a.tokens << ' ' << a.cost.nano_usd;
  };
  out << ledger.CountEntries() << ' ' << ledger.position().commit << ' '
      << ledger.position().charges << ' ' << ledger.TextsAfterCommit(3) << '\n';
  for (const SpendRecord& s : ledger.Spending()) {
    out << s.day << ' ' << s.run << ' ' << s.split << ' ' << s.model << ' ' << s.batch;
    amount(s.spent);
    amount(s.wasted);
    amount(s.in_doubt);
    amount(s.under_way);
    out << '\n';
  }
  for (const DoubtRecord& d : ledger.Doubts()) {
    out << d.request << ' ' << d.texts << ' ' << d.tokens << ' ' << d.cost.nano_usd << d.reason
        << '\n';
  }
  for (const JobRecord& j : ledger.Jobs()) {
    out << j.id << ' ' << static_cast<int>(j.step) << ' ' << j.name << ' ' << j.state << ' '
        << j.texts << ' ' << j.stored_texts << ' ' << j.cost.nano_usd << '\n';
  }
  for (std::uint64_t request = 1; request < 5; ++request) {
    for (const std::uint64_t key : ledger.KeysOf(request)) out << key << ' ';
  }
  for (const SpaceId space : {SpaceId{0}, SpaceId{7}}) {
    for (const std::uint64_t key : ledger.KeysInDoubt(space)) out << key << ' ';
    const auto bought = ledger.AllBought(space);
    FUZZ_CHECK(bought.ok());
    FUZZ_CHECK(std::is_sorted(bought->begin(), bought->end()));
    for (const std::uint64_t key : *bought) out << key << ' ';
    const auto found = ledger.FindBought(space, *bought);
    FUZZ_CHECK(found.ok() && *found == *bought);
  }
  return out.str();
}

/// Whether bytes are a header and whole entries, by the format's own words: every checksum fits.
inline bool IsWhole(std::string_view bytes) {
  const auto number = [](std::string_view at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, at.data(), size);
    return value;
  };
  const auto fits = [&](std::uint64_t offset, std::string_view covered, std::uint64_t checksum) {
    return RecordChecksum({reinterpret_cast<const char*>(&offset), 8}, covered) == checksum;
  };
  if (bytes.size() < 80 || !fits(0, bytes.substr(0, 72), number(bytes.substr(72), 8))) return false;
  std::uint64_t at = 80;
  while (at < bytes.size()) {
    const std::string_view rest = bytes.substr(at);
    if (rest.size() < 16 || !fits(at, rest.substr(0, 8), number(rest.substr(8), 8))) return false;
    const std::uint64_t payload = number(rest, 4);
    if (rest.size() < 24 + payload) return false;
    if (!fits(at, rest.substr(16, payload), number(rest.substr(16 + payload), 8))) return false;
    at += 24 + payload;
  }
  return true;
}

inline std::string FileBytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Opens a ledger of `bytes` for reading and for writing. Null: it was refused.
inline std::unique_ptr<Ledger> OpenLedger(std::string_view bytes) {
  const auto path = WriteScratch("ledger", bytes);
  auto reading = Ledger::Open(path, kStoreId, true);
  FUZZ_CHECK(FileBytes(path) == bytes);
  auto writing = Ledger::Open(path, kStoreId, false);
  FUZZ_CHECK(writing.ok() == reading.ok());
  const std::string left = FileBytes(path);
  if (!reading.ok()) {
    CheckMessage(reading.status());
    FUZZ_CHECK(reading.status().message() == writing.status().message());
    FUZZ_CHECK(reading.code() == Code::kCorruption || reading.code() == Code::kIncompatible);
    FUZZ_CHECK(left == bytes);  // What is refused is left as it was.
    return nullptr;
  }
  FUZZ_CHECK(bytes.starts_with(left));  // Only a torn end was cut off,
  FUZZ_CHECK(IsWhole(left));            // and nothing with a wrong checksum was believed.
  FUZZ_CHECK(Describe(**reading) == Describe(**writing));
  return *std::move(writing);
}

}  // namespace embstore::fuzz
