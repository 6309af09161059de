// SPDX-License-Identifier: Apache-2.0
// A ledger that an earlier build wrote must stay readable, and may be gone on with.
#include "golden/golden_ledger.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(EMBSTORE_SOURCE_DIR) / "tests/golden/ledger-v1";

std::unique_ptr<Ledger> MustOpenGolden(const fs::path& path, bool read_only) {
  auto ledger = Ledger::Open(path, golden::kLedgerStoreId, read_only);
  REQUIRE_MESSAGE(ledger.ok(), ledger.status().message());
  return *std::move(ledger);
}

TEST_CASE("golden: the ledger says what it said when it was written") {
  const auto ledger = MustOpenGolden(kGolden / "ledger", true);
  CHECK(testing::Describe(*ledger) == testing::ReadFile(kGolden / "state.txt"));
  CHECK(ledger->TextsAfterCommit(100) == 4);
  CHECK(ledger->TextsAfterCommit(101) == 2);
  CHECK(ledger->TextsAfterCommit(103) == 1);
  const std::vector<std::uint64_t> wanted = {
      21, 51, 52, 53, 0x1111111111111111, 0xffffffffffffffff};
  CHECK(ledger->FindBought(golden::kLedgerSpace, wanted).value() ==
        std::vector<std::uint64_t>{51, 52, 0x1111111111111111, 0xffffffffffffffff});
  CHECK(Ledger::Open(kGolden / "ledger", testing::kStoreId, true).code() == Code::kIncompatible);
}

TEST_CASE("golden: this build writes a ledger that says the same") {
  const testing::TempDir dir;
  const fs::path path = dir.path() / "ledger";
  REQUIRE(Ledger::Create(path, golden::kLedgerStoreId, golden::kLedgerStart).ok());
  REQUIRE(golden::WriteGoldenLedger(MustOpenGolden(path, false).get()).ok());
  CHECK(testing::Describe(*MustOpenGolden(path, true)) == testing::ReadFile(kGolden / "state.txt"));
}

TEST_CASE("golden: an old ledger is gone on with, and its entries stay as they are") {
  const testing::TempDir dir;
  const fs::path path = dir.path() / "ledger";
  const std::string bytes = testing::ReadFile(kGolden / "ledger");
  testing::WriteFile(path, bytes);
  {
    const auto ledger = MustOpenGolden(path, false);
    REQUIRE(ledger->EndOrphans(golden::kLedgerMicros + 100).ok());
    CHECK(ledger->KeysInDoubt(golden::kLedgerSpace) == std::vector<std::uint64_t>{41, 42, 91});
    CHECK(ledger->Begin(golden::LedgerIntent(false, {1})).value() == 10);
  }
  CHECK(testing::ReadFile(path).starts_with(bytes));
  CHECK(MustOpenGolden(path, true)->KeysOf(10) == std::vector<std::uint64_t>{1});
}

}  // namespace
}  // namespace embstore
