// SPDX-License-Identifier: Apache-2.0
// Whatever entries a ledger has lost, what was paid is written down once, at its price.
#include "engine/recover/witness.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/recover/ledger_plan.h"
#include "engine/recover/restore.h"
#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

using namespace testing;  // NOLINT: the tests' own vocabulary.

constexpr Price kTablePrice{200'000};
const PriceLookup kNoTable;

SpaceId SpaceHere() { return MakeSpaceId({"example-model", 4, "", 1}); }

RequestIntent Here(RequestIntent intent) {
  intent.space = SpaceHere();
  return intent;
}

Salvage SalvageWithSpace() {
  Salvage salvage;
  salvage.meta = MetaRecord{kFormatVersion, kStoreId, kMicros, true, true};
  salvage.spaces[SpaceHere()] = {{"example-model", 4, "", 1}, "example-provider", kMicros};
  return salvage;
}

RunRecord Run(std::string source = "") {
  RunRecord run;
  run.split = "train";
  run.space = SpaceHere();
  run.started_micros = kMicros;
  run.source = std::move(source);
  return run;
}

/// A whole text of `run` that came a second after kMicros.
SalvagedText& AddText(Salvage* salvage, std::uint64_t ledger_key, std::uint32_t run = 1) {
  SalvagedText text;
  for (std::size_t i = 0; i < 8; ++i) {
    text.index.fingerprint.bytes[i] = static_cast<std::uint8_t>(ledger_key >> (56 - 8 * i));
  }
  text.index.text_bytes = 39;
  text.index.tokens = 10;
  text.index.created_micros = kMicros + 1'000'000;
  text.index.run = run;
  text.has_index = text.has_vector = true;
  ContentHash hash;
  for (std::size_t i = 0; i < 8; ++i) hash.bytes[i] = text.index.fingerprint.bytes[i];
  return salvage->texts[VectorKey(SpaceHere(), hash)] = text;
}

void AddTexts(Salvage* salvage, const Keys& keys, std::uint32_t run = 1) {
  for (const std::uint64_t key : keys) AddText(salvage, key, run);
}

/// What is wrong with an index that was made again.
void ForgetIndex(SalvagedText* text) {
  text->index.tokens = 0;
  text->index.run = 0;
  text->index.created_micros = 0;
  text->index_is_new = true;
}

LedgerPlan Plan(const TempDir& dir, const Salvage& salvage, const PriceLookup& price_of) {
  auto plan = PlanLedger(dir.path(), salvage, price_of, kMicros);
  REQUIRE_MESSAGE(plan.ok(), plan.status().message());
  return *std::move(plan);
}

/// The sums of the ledger that `plan` makes.
SpendRecord Sums(const TempDir& dir, const LedgerPlan& plan) {
  REQUIRE(plan.is_new);
  REQUIRE(WriteLedger(dir.path() / "again", plan.header, plan.entries).ok());
  const auto ledger = MustOpen(dir.path() / "again");
  SpendRecord sum;
  for (const SpendRecord& record : ledger->Spending()) {
    sum.spent.texts += record.spent.texts;
    sum.spent.cost += record.spent.cost;
    sum.in_doubt.texts += record.in_doubt.texts;
    sum.under_way.texts += record.under_way.texts;
  }
  return sum;
}

/// The last entry of the ledger cannot be read.
void LoseBytes(const TempDir& dir) {
  std::string bytes = ReadFile(dir.path() / "ledger");
  bytes.resize(bytes.size() - 8);
  bytes += std::string(512, '\x11');
  WriteFile(dir.path() / "ledger", bytes);
}

TEST_CASE("a job whose end is lost has ended, and is written down once at its own price") {
  const TempDir dir;
  const Keys keys = KeysFrom(300, 10);
  for (const std::uint32_t known : {0U, 4U, 10U}) {
    CAPTURE(known);
    std::filesystem::remove(dir.path() / "ledger");
    {
      const auto ledger = MustCreate(dir.path() / "ledger");
      REQUIRE(ledger->Begin(Here(JobIntent(keys))).ok());
      if (known > 0) REQUIRE(ledger->AddCommit(1, std::vector{Share(1, known, false)}).ok());
    }
    Salvage salvage = SalvageWithSpace();
    AddTexts(&salvage, keys);
    salvage.commit = CommitRecord{known > 0 ? 1U : 0U, known > 0 ? 1U : 0U, {}};
    const LedgerPlan plan = Plan(dir, salvage, kNoTable);
    const SpendRecord sum = Sums(dir, plan);
    CHECK(sum.spent.texts == 10);
    CHECK(sum.spent.cost == CostOf(100, {75'000}));
    CHECK(sum.under_way.texts == 0);
    CHECK(plan.witnessed == 10 - known);
    CHECK(plan.estimated == 10 - known);  // Nobody knows what the server counted.
    CHECK(plan.bought.at(SpaceHere()).size() == 10);
  }
}

TEST_CASE("a job without its file that brought all but a row has ended, and the row may be sent") {
  const TempDir dir;
  const Keys keys = KeysFrom(300, 10);
  {
    const auto ledger = MustCreate(dir.path() / "ledger");
    REQUIRE(ledger->Begin(Here(JobIntent(keys))).ok());
    REQUIRE(ledger->ChangeJob(Change(1, JobStep::kCreated)).ok());
    REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 4, false)}).ok());
  }
  Salvage salvage = SalvageWithSpace();
  AddTexts(&salvage, {keys.begin(), keys.end() - 1});
  salvage.commit = CommitRecord{1, 1, {}};
  // The ledger is whole: rather the file is lost, and the rest of the job may still come.
  CHECK_FALSE(Plan(dir, salvage, kNoTable).is_new);

  {
    const auto ledger = MustOpen(dir.path() / "ledger");
    REQUIRE(ledger->ChangeJob(Change(1, JobStep::kCreated)).ok());
  }
  LoseBytes(dir);
  const LedgerPlan plan = Plan(dir, salvage, kNoTable);
  const SpendRecord sum = Sums(dir, plan);
  CHECK(sum.spent.texts == 9);
  CHECK(sum.spent.cost == CostOf(90, {75'000}));
  CHECK(sum.under_way.texts == 0);
  CHECK(sum.in_doubt.texts == 0);
  CHECK(plan.witnessed == 5);
  CHECK(plan.bought.at(SpaceHere()).size() == 9);
  CHECK_FALSE(plan.bought.at(SpaceHere()).contains(keys.back()));
}

TEST_CASE("a job whose commits are lost and whose end is not costs what its end says") {
  RequestIntent intent = Here(JobIntent(KeysFrom(300, 10)));
  Ending ending = EndOf(1, RequestEnd::kStored, "");
  ending.not_stored = {309};
  const std::vector<LedgerEntry> entries = {RequestEntry{1, intent},
                                            CommitEntry{3, {Share(1, 4, false)}}, ending};
  const TempDir dir;
  const RebuiltLedger rebuilt = RebuildLedger(entries, {}, {}, 5, kMicros);
  LedgerPlan plan;
  plan.is_new = true;
  plan.header = {kStoreId, {}, kMicros};
  plan.entries = rebuilt.entries;
  const SpendRecord sum = Sums(dir, plan);
  CHECK(sum.spent.texts == 9);
  CHECK(sum.spent.cost == CostOf(90, {75'000}));
  CHECK(sum.under_way.texts == 0);
  CHECK(rebuilt.witnessed == 5);
  CHECK(rebuilt.position.commit == 6);
}

TEST_CASE("a call whose commit is lost is paid for what came, and in doubt for the rest") {
  const TempDir dir;
  {
    const auto ledger = MustCreate(dir.path() / "ledger");
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(100, 10)))).ok());
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(200, 5)))).ok());
  }
  LoseBytes(dir);
  Salvage salvage = SalvageWithSpace();
  AddTexts(&salvage, KeysFrom(100, 6));
  {  // The second request is the one that cannot be read.
    const SpendRecord sum = Sums(dir, Plan(dir, salvage, kNoTable));
    CHECK(sum.spent.texts == 6);
    CHECK(sum.spent.cost == CostOf(60, {150'000}));
    CHECK(sum.under_way.texts == 4);  // Until the next writer opens it.
  }
}

TEST_CASE("a request in doubt is not taken for stored when a later one brought its texts") {
  const TempDir dir;
  {
    const auto ledger = MustCreate(dir.path() / "ledger");
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(100, 3)))).ok());  // Its ending is lost.
    RequestIntent again = Here(Intent(KeysFrom(100, 3)));
    again.micros += 500'000;
    REQUIRE(ledger->Begin(again).ok());
    REQUIRE(ledger->AddCommit(1, std::vector{Share(2, 3)}).ok());
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(200, 5)))).ok());
  }
  LoseBytes(dir);
  Salvage salvage = SalvageWithSpace();
  AddTexts(&salvage, KeysFrom(100, 3));
  const SpendRecord sum = Sums(dir, Plan(dir, salvage, kNoTable));
  CHECK(sum.spent.texts == 3);
  CHECK(sum.under_way.texts == 3);
}

TEST_CASE("of two open requests for a text only the later one that can have brought it is paid") {
  const TempDir dir;
  {
    const auto ledger = MustCreate(dir.path() / "ledger");
    for (const std::int64_t later : {0, 500'000, 2'000'000}) {  // The texts came after a second.
      RequestIntent intent = Here(Intent(KeysFrom(100, 3)));
      intent.price = {100'000 + later};
      intent.micros += later;
      REQUIRE(ledger->Begin(intent).ok());
    }
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(200, 5)))).ok());
  }
  LoseBytes(dir);
  Salvage salvage = SalvageWithSpace();
  AddTexts(&salvage, KeysFrom(100, 3));
  const SpendRecord sum = Sums(dir, Plan(dir, salvage, kNoTable));
  CHECK(sum.spent.texts == 3);
  CHECK(sum.spent.cost == CostOf(30, {600'000}));
  CHECK(sum.under_way.texts == 6);
}

TEST_CASE("a request that embeds texts again is not taken for stored by what was there before") {
  const TempDir dir;
  {
    const auto ledger = MustCreate(dir.path() / "ledger");
    RequestIntent again = Here(Intent(KeysFrom(100, 3)));
    again.micros += 2'000'000;  // Later than the texts.
    REQUIRE(ledger->Begin(again).ok());
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(200, 5)))).ok());
  }
  LoseBytes(dir);
  Salvage salvage = SalvageWithSpace();
  AddTexts(&salvage, KeysFrom(100, 3));
  salvage.runs[1] = Run();
  const SpendRecord sum = Sums(dir, Plan(dir, salvage, kNoTable));
  CHECK(sum.spent.texts == 3);  // By the request that is lost.
  CHECK(sum.under_way.texts == 3);
}

TEST_CASE("an index without tokens and run is priced by the best that is known") {
  const PriceLookup table = [](const SpaceRecord&) { return std::optional(kTablePrice); };
  Salvage salvage = SalvageWithSpace();
  ForgetIndex(&AddText(&salvage, 100));  // 39 bytes: about 10 tokens.
  {
    const TempDir dir;
    const LedgerPlan plan = Plan(dir, salvage, table);
    CHECK(Sums(dir, plan).spent.cost == CostOf(10, kTablePrice));
    CHECK(plan.estimated == 1);
    CHECK(plan.unpriced == 0);
  }
  {
    const TempDir dir;
    const LedgerPlan plan = Plan(dir, salvage, kNoTable);
    CHECK(Sums(dir, plan).spent.texts == 1);
    CHECK(plan.unpriced == 1);
  }
  {  // Another run's bill is nearer to the truth than a table of today.
    const TempDir dir;
    Salvage with_run = salvage;
    with_run.runs[3] = Run();
    with_run.runs[3].tokens = 1000;
    with_run.runs[3].cost = CostOf(1000, {75'000});
    CHECK(Sums(dir, Plan(dir, with_run, table)).spent.cost == CostOf(10, {75'000}));
  }
  {  // So is what the rest of the ledger says.
    const TempDir dir;
    {
      const auto ledger = MustCreate(dir.path() / "ledger");
      REQUIRE(ledger->Begin(Here(Intent(KeysFrom(500, 1)))).ok());
      REQUIRE(ledger->End(EndOf(1, RequestEnd::kNotBilled)).ok());
      REQUIRE(ledger->Begin(Here(Intent(KeysFrom(600, 1)))).ok());
    }
    LoseBytes(dir);
    CHECK(Sums(dir, Plan(dir, salvage, table)).spent.cost == CostOf(10, {150'000}));
  }
}

TEST_CASE("a text with a bill of its own is no estimate") {
  const TempDir dir;
  Salvage salvage = SalvageWithSpace();
  salvage.runs[1] = Run();
  salvage.runs[1].tokens = 1000;
  salvage.runs[1].cost = CostOf(1000, {75'000});
  AddTexts(&salvage, KeysFrom(100, 3));
  const LedgerPlan plan = Plan(dir, salvage, kNoTable);
  CHECK(Sums(dir, plan).spent.cost == CostOf(30, {75'000}));
  CHECK(plan.estimated == 0);
  CHECK(plan.witnessed_cost == CostOf(30, {75'000}));
}

TEST_CASE("what gc dropped and old files still have is neither bought twice nor missing") {
  const TempDir dir;
  const Keys keys = KeysFrom(100, 2);
  {
    const auto ledger = MustCreate(dir.path() / "ledger");
    REQUIRE(ledger->Begin(Here(Intent(keys))).ok());
    REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 2)}).ok());
    REQUIRE(ledger->Remove({SpaceHere(), keys, kMicros + 5'000'000}).ok());
    REQUIRE(ledger->Begin(Here(Intent(KeysFrom(200, 5)))).ok());
  }
  LoseBytes(dir);
  Salvage salvage = SalvageWithSpace();
  AddText(&salvage, keys[0]);
  AddText(&salvage, keys[1]).has_vector = false;
  LedgerPlan plan = Plan(dir, salvage, kNoTable);
  CHECK(Sums(dir, plan).spent.texts == 2);
  RecoverReport report;
  CHECK(FindLost(salvage, plan, &report).empty());
  CHECK(report.lost_unpaid == 0);

  // Younger than its removal, it was bought once more.
  AddText(&salvage, keys[0]).index.created_micros = kMicros + 9'000'000;
  plan = Plan(dir, salvage, kNoTable);
  CHECK(Sums(dir, plan).spent.texts == 3);
}

TEST_CASE("texts of an earlier recovery were paid for, those of an import were not") {
  const TempDir dir;
  Salvage salvage = SalvageWithSpace();
  salvage.runs[1] = Run("recovered from 'train_embeddings.npy', scaled back from unit length");
  salvage.runs[2] = Run("vectors.npy");
  AddTexts(&salvage, KeysFrom(100, 2), 1);
  AddText(&salvage, 102, 1).index.tokens = 0;  // Nobody knew it as bought.
  AddTexts(&salvage, KeysFrom(200, 4), 2);
  const LedgerPlan plan = Plan(dir, salvage, [](const SpaceRecord&) { return kTablePrice; });
  const SpendRecord sum = Sums(dir, plan);
  CHECK(sum.spent.texts == 2);
  CHECK(sum.spent.cost == CostOf(20, kTablePrice));
}

}  // namespace
}  // namespace embstore
