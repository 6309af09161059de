// SPDX-License-Identifier: Apache-2.0
// Of a damaged ledger every good entry is found again, and what is made of them is a ledger.
#include "engine/ledger/ledger_salvage.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

using namespace testing;  // NOLINT: the tests' own vocabulary.

/// A ledger with entries of every kind; answers its bytes.
std::string MakeLedger(const std::filesystem::path& path) {
  {
    const auto ledger = MustCreate(path, {11, 3});
    for (const auto& step : AllKinds()) REQUIRE(step(*ledger).ok());
    REQUIRE(ledger->Sync().ok());
  }
  return ReadFile(path);
}

TEST_CASE("a whole ledger is salvaged whole, and written again it has the same bytes") {
  const TempDir dir;
  const auto path = dir.path() / "ledger";
  const std::string bytes = MakeLedger(path);
  const auto salvaged = SalvageLedger(path);
  REQUIRE(salvaged.ok());
  REQUIRE(salvaged->header);
  CHECK(salvaged->unread_bytes == 0);
  const RebuiltLedger rebuilt =
      RebuildLedger(salvaged->entries, salvaged->header->start, {}, 0, kMicros);
  CHECK(rebuilt.left_out == 0);
  CHECK(rebuilt.lost_requests == 0);
  REQUIRE(WriteLedger(dir.path() / "again", *salvaged->header, rebuilt.entries).ok());
  CHECK(ReadFile(dir.path() / "again") == bytes);
}

TEST_CASE("wherever a bit is flipped or the file is cut, what is rebuilt opens") {
  const TempDir dir;
  const auto path = dir.path() / "ledger";
  const std::string bytes = MakeLedger(path);
  const std::size_t entries = SalvageLedger(path)->entries.size();
  for (std::size_t at = 0; at < bytes.size(); at += 5) {
    std::string damaged = bytes;
    const bool cut = at % 2 == 0;
    if (cut) damaged.resize(at);
    if (!cut) damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    WriteFile(path, damaged);
    const auto salvaged = SalvageLedger(path);
    CAPTURE(at);
    if (salvaged.code() == Code::kIncompatible) continue;  // A flipped version number.
    REQUIRE(salvaged.ok());
    if (!cut) CHECK(salvaged->entries.size() + 1 >= entries);
    LedgerHeader header{kStoreId, {}, kMicros};
    if (salvaged->header) header = *salvaged->header;
    const RebuiltLedger rebuilt = RebuildLedger(
        salvaged->entries, header.start, {{{Intent(KeysFrom(900, 3)), 30}}, {}, {}}, 500, kMicros);
    REQUIRE(WriteLedger(dir.path() / "again", header, rebuilt.entries).ok());
    const auto ledger = Ledger::Open(dir.path() / "again", kStoreId, /*read_only=*/true);
    REQUIRE_MESSAGE(ledger.ok(), ledger.status().message());
    CHECK((*ledger)->position().commit == 501);
    CHECK((*ledger)->position().commit == rebuilt.position.commit);
    CHECK((*ledger)->position().charges == rebuilt.position.charges);
    const auto bought = (*ledger)->FindBought(kSpace, KeysFrom(900, 3));
    REQUIRE(bought.ok());
    CHECK(bought->size() == 3);
  }
}

TEST_CASE("what was bought is told as the ledger itself tells it") {
  const TempDir dir;
  const auto path = dir.path() / "ledger";
  MakeLedger(path);
  const auto bought = BoughtIn(SalvageLedger(path)->entries);
  const auto ledger = Ledger::Open(path, kStoreId, /*read_only=*/true);
  REQUIRE(ledger.ok());
  for (const SpaceId space : {kSpace, kOtherSpace}) {
    const auto keys = (*ledger)->AllBought(space);
    REQUIRE(keys.ok());
    const auto found = bought.find(space);
    CHECK((found == bought.end() ? 0 : found->second.size()) == keys->size());
    for (const std::uint64_t key : *keys) CHECK(found->second.contains(key));
  }
}

}  // namespace
}  // namespace embstore
