// SPDX-License-Identifier: Apache-2.0
// How a damaged ledger and the store are compared.
#include "engine/recover/ledger_plan.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

using namespace testing;  // NOLINT: the tests' own vocabulary.

/// A ledger with commit 5 and behind it, when `damaged`, an entry that cannot be read.
void MakeLedger(const TempDir& dir, bool damaged) {
  const auto path = dir.path() / "ledger";
  {
    const auto ledger = MustCreate(path);
    REQUIRE(ledger->Begin(Intent(KeysFrom(100, 2))).ok());
    REQUIRE(ledger->AddCommit(5, std::vector{Share(1, 2)}).ok());
    REQUIRE(ledger->Begin(Intent(KeysFrom(200, 2))).ok());
  }
  if (damaged) WriteFile(path, ReadFile(path).substr(0, 500) + std::string(512, '\x11'));
}

Salvage SalvageAt(std::uint64_t commit, const std::string& store_id = kStoreId) {
  Salvage salvage;
  salvage.meta = MetaRecord{kFormatVersion, store_id, kMicros, true, true};
  salvage.commit = CommitRecord{commit, commit == 5 ? 1U : 0U, {}};
  return salvage;
}

TEST_CASE("a store that is behind its ledger is known, whether the ledger is damaged or not") {
  for (const bool damaged : {false, true}) {
    CAPTURE(damaged);
    const TempDir dir;
    MakeLedger(dir, damaged);
    const auto behind = PlanLedger(dir.path(), SalvageAt(3), {}, kMicros);
    REQUIRE(behind.ok());
    CHECK(behind->is_new == damaged);
    CHECK(behind->store_is_behind);
    const auto level = PlanLedger(dir.path(), SalvageAt(5), {}, kMicros);
    REQUIRE(level.ok());
    CHECK_FALSE(level->store_is_behind);
  }
}

TEST_CASE("the ledger of another store is refused, whether it is damaged or not") {
  for (const bool damaged : {false, true}) {
    CAPTURE(damaged);
    const TempDir dir;
    MakeLedger(dir, damaged);
    const auto plan = PlanLedger(dir.path(), SalvageAt(5, std::string(32, 'f')), {}, kMicros);
    CHECK(plan.code() == Code::kCorruption);
    CHECK(plan.status().message().find("two different stores") != std::string::npos);
  }
}

}  // namespace
}  // namespace embstore
