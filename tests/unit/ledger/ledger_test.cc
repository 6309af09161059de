// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/ledger/ledger_entry.h"
#include "engine/ledger/ledger_format.h"
#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using namespace testing;  // NOLINT: the tests' own vocabulary.

struct Fixture {
  TempDir dir;
  fs::path path = dir.path() / "ledger";
};

/// The only row of the spending.
SpendRecord OnlyRow(const Ledger& ledger) {
  const auto rows = ledger.Spending();
  REQUIRE(rows.size() == 1);
  return rows[0];
}

void CheckAmount(const SpendRecord::Amount& amount, std::uint64_t texts, std::uint64_t tokens,
                 std::int64_t nano_usd) {
  CHECK(amount.texts == texts);
  CHECK(amount.tokens == tokens);
  CHECK(amount.cost == Money{nano_usd});
}

TEST_CASE("ledger: a new ledger begins behind its position and is for its owner only") {
  const Fixture f;
  const auto ledger = MustCreate(f.path, {41, 17});
  CHECK(ledger->position().commit == 41);
  CHECK(ledger->position().charges == 17);
  CHECK(ledger->TextsAfterCommit(0) == 0);
  CHECK(ledger->Spending().empty());
  CHECK(ledger->Jobs().empty());
  struct stat info {};
  REQUIRE(::stat(f.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(f.dir.path())) {
    names.insert(entry.path().filename().string());
  }
  CHECK(names == std::set<std::string>{"ledger"});
}

TEST_CASE("ledger: an existing file is never replaced") {
  const Fixture f;
  WriteFile(f.path, "mine");
  CHECK(Ledger::Create(f.path, kStoreId, {}).code() == Code::kInvalidArgument);
  CHECK(ReadFile(f.path) == "mine");
  CHECK(Ledger::Create(f.dir.path() / "absent" / "ledger", kStoreId, {}).code() ==
        Code::kWriteFailed);
}

TEST_CASE("ledger: what is no ledger of this store is refused") {
  const Fixture f;
  CHECK(Ledger::Open(f.path, kStoreId, false).code() == Code::kNotFound);
  CHECK(Ledger::Open(f.path, kStoreId, true).code() == Code::kNotFound);
  MustCreate(f.path);
  const auto other = Ledger::Open(f.path, "ffffffffffffffffffffffffffffffff", false);
  CHECK(other.code() == Code::kIncompatible);
  CHECK(other.status().message().find(kStoreId) != std::string::npos);
  CHECK(Ledger::Open(f.path, "", true).ok());
  fs::create_symlink("ledger", f.dir.path() / "link");
  fs::create_directory(f.dir.path() / "directory");
  REQUIRE(::mkfifo((f.dir.path() / "fifo").c_str(), 0600) == 0);
  for (const char* name : {"link", "directory", "fifo"}) {
    for (const bool read_only : {false, true}) {
      CAPTURE(name);
      CHECK(Ledger::Open(f.dir.path() / name, kStoreId, read_only).code() ==
            Code::kInvalidArgument);
    }
  }
  WriteFile(f.dir.path() / "text", std::string(200, 'x'));
  CHECK(Ledger::Open(f.dir.path() / "text", kStoreId, false).code() == Code::kCorruption);
}

TEST_CASE("ledger: requests are numbered from 1 over the life of the file") {
  const Fixture f;
  auto ledger = MustCreate(f.path);
  CHECK(*ledger->Begin(Intent({1})) == 1);
  CHECK(*ledger->Begin(Intent({2})) == 2);
  ledger = MustOpen(f.path);
  REQUIRE(ledger->EndOrphans(kMicros).ok());
  CHECK(*ledger->Begin(Intent({3})) == 3);
}

TEST_CASE("ledger: all that it says is there again after it was opened again") {
  const Fixture f;
  auto ledger = MustCreate(f.path, {11, 3});
  for (const auto& step : AllKinds()) {
    REQUIRE(step(*ledger).ok());
    CHECK(Describe(*ledger) == Describe(*MustOpen(f.path, true)));
  }
  const std::string before = Describe(*ledger);
  ledger = MustOpen(f.path);
  CHECK(Describe(*ledger) == before);
}

TEST_CASE("ledger: a request that is under way, stored, wasted, refused or lost is counted so") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(Intent(KeysFrom(1, 3))).ok());
  CheckAmount(OnlyRow(*ledger).under_way, 3, 30, 4500);
  CHECK(ledger->KeysOf(1) == Keys{1, 2, 3});

  SUBCASE("stored, with the server's count") {
    REQUIRE(ledger->AddCommit(1, std::vector{CommitShare{1, 3, 27, 30, true, true}}).ok());
    CheckAmount(OnlyRow(*ledger).spent, 3, 27, 4050);
    CHECK(OnlyRow(*ledger).reported_tokens == 27);
    CHECK(OnlyRow(*ledger).estimate_of_reported == 30);
    CHECK(ledger->position().commit == 1);
    CHECK(ledger->position().charges == 1);
  }
  SUBCASE("stored, by the estimate") {
    REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 3)}).ok());
    CheckAmount(OnlyRow(*ledger).spent, 3, 30, 4500);
    CHECK(OnlyRow(*ledger).reported_tokens == 0);
    CHECK(OnlyRow(*ledger).estimate_of_reported == 0);
  }
  SUBCASE("wasted") {
    Ending ending = EndOf(1, RequestEnd::kWasted);
    ending.tokens = 31;
    REQUIRE(ledger->End(ending).ok());
    CheckAmount(OnlyRow(*ledger).wasted, 3, 31, 4650);
    CheckAmount(OnlyRow(*ledger).spent, 0, 0, 0);
  }
  SUBCASE("not billed") {
    REQUIRE(ledger->End(EndOf(1, RequestEnd::kNotBilled)).ok());
    for (const auto& amount :
         {OnlyRow(*ledger).spent, OnlyRow(*ledger).wasted, OnlyRow(*ledger).in_doubt}) {
      CheckAmount(amount, 0, 0, 0);
    }
  }
  SUBCASE("in doubt or abandoned") {
    RequestEnd end = RequestEnd::kInDoubt;
    SUBCASE("in doubt") {}
    SUBCASE("abandoned") { end = RequestEnd::kAbandoned; }
    REQUIRE(ledger->End(EndOf(1, end, "lost")).ok());
    CheckAmount(OnlyRow(*ledger).in_doubt, 3, 30, 4500);
    REQUIRE(ledger->Doubts().size() == 1);
    const DoubtRecord doubt = ledger->Doubts()[0];
    CHECK(doubt.request == 1);
    CHECK(doubt.split == "train");
    CHECK(doubt.model == "example-model");
    CHECK(doubt.space == kSpace);
    CHECK(doubt.texts == 3);
    CHECK(doubt.tokens == 30);
    CHECK(doubt.cost == Money{4500});
    CHECK(doubt.since_micros == kMicros);
    CHECK(doubt.reason == "lost");
    const bool held = end == RequestEnd::kInDoubt;
    CHECK(ledger->KeysInDoubt(kSpace) == (held ? Keys{1, 2, 3} : Keys{}));
    CHECK(ledger->KeysInDoubt(kOtherSpace).empty());
  }
  CheckAmount(OnlyRow(*ledger).under_way, 0, 0, 0);
  CHECK(ledger->KeysOf(1).empty());
}

TEST_CASE("ledger: a cost is rounded up once for each request, however many commits it took") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  RequestIntent intent = JobIntent(KeysFrom(1, 4));
  intent.tokens = 4;
  intent.price = {1};  // One token is a thousandth of a nano-dollar.
  REQUIRE(ledger->Begin(intent).ok());
  REQUIRE(ledger->Begin(intent).ok());
  for (std::uint64_t commit = 1; commit <= 3; ++commit) {
    REQUIRE(ledger->AddCommit(commit, std::vector{CommitShare{1, 1, 1, 1, false, false}}).ok());
  }
  CheckAmount(OnlyRow(*ledger).spent, 3, 3, 1);
  CheckAmount(OnlyRow(*ledger).under_way, 1 + 4, 1 + 4, 2);
  REQUIRE(ledger->AddCommit(4, std::vector{CommitShare{2, 4, 4, 4, false, true}}).ok());
  CheckAmount(OnlyRow(*ledger).spent, 7, 7, 2);
}

TEST_CASE("ledger: what is left of a partly stored job is in proportion to its texts") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  RequestIntent intent = JobIntent(KeysFrom(1, 10));
  intent.tokens = 200;  // Expected: the estimate times what was learned.
  REQUIRE(ledger->Begin(intent).ok());
  CheckAmount(OnlyRow(*ledger).under_way, 10, 200, 15000);
  REQUIRE(ledger->AddCommit(1, std::vector{CommitShare{1, 4, 90, 50, true, false}}).ok());
  CheckAmount(OnlyRow(*ledger).spent, 4, 90, 6750);
  CheckAmount(OnlyRow(*ledger).under_way, 6, 120, 9000);
  SUBCASE("until all of it came") {
    REQUIRE(ledger->AddCommit(2, std::vector{CommitShare{1, 6, 10, 40, true, false}}).ok());
    CheckAmount(OnlyRow(*ledger).under_way, 0, 0, 0);
  }
  SUBCASE("also when it is in doubt") {
    REQUIRE(ledger->End(EndOf(1, RequestEnd::kInDoubt, "lost")).ok());
    CheckAmount(OnlyRow(*ledger).in_doubt, 6, 120, 9000);
    CHECK(ledger->Doubts()[0].tokens == 120);
    CHECK(ledger->Jobs()[0].cost == Money{6750 + 9000});
  }
}

TEST_CASE(
    "ledger: the rest of a request without texts, or with more tokens than fit, is no error") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  RequestIntent intent = JobIntent({});
  intent.tokens = 30;
  REQUIRE(ledger->Begin(intent).ok());
  CheckAmount(OnlyRow(*ledger).under_way, 0, 30, 2250);
  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 1, true)}).ok());
  intent.keys = KeysFrom(1, 4);
  intent.tokens = UINT64_MAX;
  REQUIRE(ledger->Begin(intent).ok());
  REQUIRE(ledger->AddCommit(2, std::vector{Share(2, 2, false)}).ok());
  CHECK(OnlyRow(*ledger).under_way.tokens == UINT64_MAX / 2);
}

TEST_CASE("ledger: texts of a stored request that are on the bill without a vector are wasted") {
  const Fixture f;
  auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(JobIntent(KeysFrom(1, 10))).ok());
  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 7, false)}).ok());
  Ending ending = EndOf(1, RequestEnd::kStored);
  ending.not_stored = {8, 9, 10};
  ending.texts = 2;
  ending.tokens = 25;
  REQUIRE(ledger->End(ending).ok());
  for (int pass = 0; pass < 2; ++pass) {
    CheckAmount(OnlyRow(*ledger).spent, 7, 70, 5250);
    CheckAmount(OnlyRow(*ledger).wasted, 2, 25, 1875);
    CheckAmount(OnlyRow(*ledger).under_way, 0, 0, 0);
    CHECK(ledger->Jobs()[0].cost == Money{5250 + 1875});
    CHECK(ledger->FindBought(kSpace, KeysFrom(1, 10)).value() == KeysFrom(1, 7));
    ledger = MustOpen(f.path);
  }
}

TEST_CASE("ledger: what was removed on purpose is not missed, until it is bought again") {
  const Fixture f;
  auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(JobIntent(KeysFrom(1, 10))).ok());
  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 10, true)}).ok());
  REQUIRE(ledger->Remove({kSpace, KeysFrom(1, 4), 5}).ok());
  REQUIRE(ledger->Remove({SpaceId{kSpace.value + 1}, KeysFrom(5, 6), 5}).ok());
  CHECK(ledger->Remove({kSpace, {}, 5}).code() == Code::kInternal);
  for (int pass = 0; pass < 2; ++pass) {
    CHECK(ledger->FindBought(kSpace, KeysFrom(1, 10)).value() == KeysFrom(5, 6));
    CHECK(ledger->AllBought(kSpace).value() == KeysFrom(5, 6));
    CHECK(ledger->CountEntries() == 4);
    CheckAmount(OnlyRow(*ledger).spent, 10, 100, 7500);
    ledger = MustOpen(f.path);
  }
  REQUIRE(ledger->Begin(JobIntent(KeysFrom(2, 1))).ok());
  REQUIRE(ledger->AddCommit(2, std::vector{Share(2, 1, true)}).ok());
  CHECK(ledger->FindBought(kSpace, KeysFrom(1, 4)).value() == KeysFrom(2, 1));
}

TEST_CASE("ledger: sums beyond what money holds stay at its limit") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  RequestIntent intent = Intent({1});
  intent.tokens = UINT64_MAX;
  intent.price = {INT64_MAX};
  REQUIRE(ledger->Begin(intent).ok());
  REQUIRE(ledger->Begin(intent).ok());
  CHECK(OnlyRow(*ledger).under_way.cost == Money{INT64_MAX});
  intent.price = {-1};
  CHECK(ledger->Begin(intent).code() == Code::kInternal);
}

TEST_CASE("ledger: sums are kept by day in UTC, run, split, model and transport, in that order") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
  RequestIntent intent = Intent({1});
  const auto begin = [&](std::int64_t micros, std::uint32_t run, const char* split,
                         const char* model, bool batch) {
    intent.micros = micros;
    intent.run = run;
    intent.split = split;
    intent.model = model;
    intent.batch = batch;
    REQUIRE(ledger->Begin(intent).ok());
  };
  // Neighbours differ in one thing only.
  begin(-1, 1, "a", "m", false);
  begin(0, 1, "a", "m", false);
  begin(kMicrosPerDay - 1, 1, "a", "m", false);
  begin(kMicrosPerDay, 1, "a", "m", false);
  begin(kMicrosPerDay, 1, "b", "m", false);
  begin(kMicrosPerDay, 1, "b", "n", false);
  begin(kMicrosPerDay, 1, "b", "n", true);
  begin(kMicrosPerDay, 2, "b", "n", true);
  begin(kMicrosPerDay, 1, "b", "n", true);
  std::string rows;
  for (const SpendRecord& row : ledger->Spending()) {
    rows += std::to_string(row.day) + row.split + row.model + std::to_string(row.run) +
            (row.batch ? "b" : "s") + std::to_string(row.under_way.texts) + " ";
  }
  CHECK(rows == "-1am1s1 0am1s2 1am1s1 1bm1s1 1bn1s1 1bn1b2 1bn2b1 ");
}

TEST_CASE("ledger: what cannot be is refused and nothing is written") {
  const Fixture f;
  const auto ledger = MustCreate(f.path, {5, 2});
  REQUIRE(ledger->Begin(Intent({1})).ok());
  REQUIRE(ledger->Begin(Intent({2})).ok());
  REQUIRE(ledger->End(EndOf(1, RequestEnd::kNotBilled)).ok());
  const std::string before = ReadFile(f.path);
  const std::string said = Describe(*ledger);
  CHECK(ledger->End(EndOf(1, RequestEnd::kInDoubt)).code() == Code::kInternal);
  CHECK(ledger->End(EndOf(3, RequestEnd::kInDoubt)).code() == Code::kInternal);
  CHECK(ledger->End(EndOf(0, RequestEnd::kInDoubt)).code() == Code::kInternal);
  CHECK(ledger->AddCommit(5, {}).code() == Code::kInternal);
  CHECK(ledger->AddCommit(6, std::vector{Share(1, 1)}).code() == Code::kInternal);
  CHECK(ledger->AddCommit(6, std::vector{Share(2, 1), Share(9, 1)}).code() == Code::kInternal);
  CHECK(ledger->AddCommit(6, std::vector{Share(2, 1), Share(2, 1)}).code() == Code::kInternal);
  CHECK(ledger->ChangeJob(Change(9, JobStep::kQuarantined)).code() == Code::kInternal);
  CHECK(ledger->ChangeJob(Change(1, JobStep::kQuarantined)).code() == Code::kInternal);
  CHECK(ledger->ChangeJob(Change(2, JobStep::kCreated)).code() == Code::kInternal);
  CHECK(ledger->Begin(Intent(Keys(300, 0))).code() == Code::kInternal);
  CHECK(ledger->Begin(Intent(Keys((64u << 20) / 8, 1))).code() == Code::kInternal);
  CHECK(ReadFile(f.path) == before);
  CHECK(Describe(*ledger) == said);
  REQUIRE(ledger->AddCommit(6, std::vector{Share(2, 1)}).ok());
  CHECK(ledger->position().charges == 3);
}

TEST_CASE("ledger: a commit without shares moves the position only") {
  const Fixture f;
  auto ledger = MustCreate(f.path);
  REQUIRE(ledger->AddCommit(1, {}).ok());
  REQUIRE(ledger->Sync().ok());
  ledger = MustOpen(f.path);
  CHECK(ledger->position().commit == 1);
  CHECK(ledger->position().charges == 0);
}

TEST_CASE("ledger: it knows how many texts a store has lost") {
  const Fixture f;
  const auto ledger = MustCreate(f.path, {10, 0});
  for (int i = 0; i < 3; ++i) REQUIRE(ledger->Begin(Intent(KeysFrom(1, 5))).ok());
  REQUIRE(ledger->AddCommit(11, std::vector{Share(1, 5)}).ok());
  REQUIRE(ledger->AddCommit(12, {}).ok());
  REQUIRE(ledger->AddCommit(15, std::vector{Share(2, 4), Share(3, 3)}).ok());
  CHECK(ledger->TextsAfterCommit(0) == 12);
  CHECK(ledger->TextsAfterCommit(10) == 12);
  CHECK(ledger->TextsAfterCommit(11) == 7);
  CHECK(ledger->TextsAfterCommit(14) == 7);
  CHECK(ledger->TextsAfterCommit(15) == 0);
  CHECK(ledger->TextsAfterCommit(99) == 0);
}

TEST_CASE("ledger: requests of a dead process are in doubt once the writer says so") {
  const Fixture f;
  auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(Intent({1})).ok());     // Its commit was missed.
  REQUIRE(ledger->Begin(Intent({2})).ok());     // Lost.
  REQUIRE(ledger->Begin(JobIntent({3})).ok());  // A job goes on.
  REQUIRE(ledger->Begin(Intent({4})).ok());     // Quarantined.
  REQUIRE(ledger->ChangeJob(Change(4, JobStep::kQuarantined)).ok());
  ledger.reset();

  const std::string before = ReadFile(f.path);
  {
    const auto reader = MustOpen(f.path, true);
    std::uint64_t under_way = 0;
    for (const SpendRecord& row : reader->Spending()) under_way += row.under_way.texts;
    CHECK(under_way == 4);
    CHECK(reader->Doubts().empty());
  }
  ledger = MustOpen(f.path);
  CHECK(ReadFile(f.path) == before);
  CHECK(ledger->Doubts().empty());
  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 1)}).ok());
  REQUIRE(ledger->EndOrphans(kMicros + 9).ok());
  for (int pass = 0; pass < 2; ++pass) {
    REQUIRE(ledger->Doubts().size() == 1);
    CHECK(ledger->Doubts()[0].request == 2);
    CHECK(ledger->Doubts()[0].reason == "the process ended before the answer was stored");
    CHECK(ledger->KeysInDoubt(kSpace) == Keys{2});
    CHECK(ledger->KeysOf(3) == Keys{3});
    CHECK(ledger->KeysOf(4) == Keys{4});
    CHECK(ledger->FindBought(kSpace, KeysFrom(0, 10)).value() == Keys{1});
    ledger = MustOpen(f.path);
    REQUIRE(ledger->EndOrphans(kMicros + 10).ok());
  }
  REQUIRE(ledger->Begin(Intent({5})).ok());
  REQUIRE(ledger->EndOrphans(kMicros + 11).ok());
  CHECK(ledger->KeysOf(5) == Keys{5});
}

TEST_CASE("ledger: a reader never writes") {
  const Fixture f;
  MustCreate(f.path)->Begin(Intent({1})).status().IgnoreError();
  const std::string torn = ReadFile(f.path) + "torn";
  WriteFile(f.path, torn);
  const auto reader = MustOpen(f.path, true);
  CHECK(reader->Begin(Intent({2})).code() == Code::kInternal);
  CHECK(reader->End(EndOf(1, RequestEnd::kInDoubt)).code() == Code::kInternal);
  CHECK(reader->AddCommit(1, {}).code() == Code::kInternal);
  CHECK(reader->EndOrphans(kMicros).code() == Code::kInternal);
  CHECK(reader->Sync().ok());
  CHECK(reader->FindBought(kSpace, Keys{1})->empty());
  CHECK(ReadFile(f.path) == torn);
}

TEST_CASE("ledger: a reader sees what was there when it was opened, beside a writer") {
  const Fixture f;
  const auto writer = MustCreate(f.path);
  REQUIRE(writer->Begin(Intent({1})).ok());
  const auto reader = MustOpen(f.path, true);
  REQUIRE(writer->AddCommit(1, std::vector{Share(1, 1)}).ok());
  CHECK(reader->position().commit == 0);
  CHECK(reader->FindBought(kSpace, Keys{1})->empty());
  CHECK(MustOpen(f.path, true)->FindBought(kSpace, Keys{1}).value() == Keys{1});
}

TEST_CASE("ledger: a job's record is folded from its entries") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(JobIntent(KeysFrom(1, 10))).ok());
  const auto job = [&] {
    const auto jobs = ledger->Jobs();
    REQUIRE(jobs.size() == 1);
    return jobs[0];
  };
  CHECK(job().id == 1);
  CHECK(job().step == JobStep::kPlanned);
  CHECK(job().state == "planned");
  CHECK(job().batch);
  CHECK(job().display_name == "embstore-job");
  CHECK(job().split == "train");
  CHECK(job().model == "example-model");
  CHECK(job().provider == "example-provider");
  CHECK(job().space == kSpace);
  CHECK(job().texts == 10);
  CHECK(job().tokens == 100);
  CHECK(job().price == Price{75'000});
  CHECK(job().cost == Money{7500});
  CHECK(job().created_micros == kMicros);
  CHECK(job().updated_micros == kMicros);
  CHECK(job().input_bytes == 4711);
  CHECK(job().input_digest == 0xfeed'beef'cafe'0042);

  JobChange change = Change(1, JobStep::kUploaded);
  change.input_file = "files/in";
  REQUIRE(ledger->ChangeJob(change).ok());
  CHECK(job().state == "uploaded");
  change = Change(1, JobStep::kCreated);
  change.name = "batches/b";
  change.state = "RUNNING";
  change.note = "slow";
  change.result_file = "files/out";
  change.micros = kMicros + 77;
  REQUIRE(ledger->ChangeJob(change).ok());
  REQUIRE(ledger->ChangeJob(Change(1, JobStep::kCreated)).ok());
  CHECK(job().step == JobStep::kCreated);
  CHECK(job().name == "batches/b");
  CHECK(job().input_file == "files/in");
  CHECK(job().result_file == "files/out");
  CHECK(job().state == "RUNNING");
  CHECK(job().note == "slow");
  CHECK(job().updated_micros == kMicros + 1'000'000);
  CHECK(ledger->ChangeJob(Change(1, JobStep::kEnded)).code() == Code::kInternal);

  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 4, false)}).ok());
  CHECK(job().stored_texts == 4);
  CHECK(job().cost == Money{7500});
  CheckAmount(OnlyRow(*ledger).spent, 4, 40, 3000);
  CheckAmount(OnlyRow(*ledger).under_way, 6, 60, 4500);
  CHECK(ledger->KeysOf(1).size() == 10);

  SUBCASE("stored but for some") {
    Ending ending = EndOf(1, RequestEnd::kStored, "");
    ending.not_stored = KeysFrom(5, 6);
    REQUIRE(ledger->End(ending).ok());
    CHECK(job().cost == Money{3000});
    CHECK(job().note == "slow");
    CHECK(ledger->FindBought(kSpace, KeysFrom(1, 10)).value() == KeysFrom(1, 4));
    CHECK(ledger->Doubts().empty());
  }
  SUBCASE("abandoned half-way") {
    REQUIRE(ledger->End(EndOf(1, RequestEnd::kAbandoned, "given up")).ok());
    CHECK(job().cost == Money{3000 + 4500});
    CHECK(job().note == "given up");
    CheckAmount(OnlyRow(*ledger).in_doubt, 6, 60, 4500);
    CHECK(ledger->KeysInDoubt(kSpace).empty());
  }
  SUBCASE("wasted half-way") {
    Ending ending = EndOf(1, RequestEnd::kWasted);
    ending.tokens = 20;
    REQUIRE(ledger->End(ending).ok());
    CHECK(job().cost == Money{3000 + 1500});
    CheckAmount(OnlyRow(*ledger).wasted, 6, 20, 1500);
  }
  CHECK(job().step == JobStep::kEnded);
  CHECK(job().state == "RUNNING");
  CHECK(job().updated_micros == kMicros + 5'000'000);
  CHECK(ledger->KeysOf(1).empty());
  CheckAmount(OnlyRow(*ledger).under_way, 0, 0, 0);

  change = Change(1, JobStep::kPlanned);
  change.state = "DELETED";
  REQUIRE(ledger->ChangeJob(change).ok());
  CHECK(job().state == "DELETED");
  CHECK(job().input_file == "files/in");
  CHECK(job().step == JobStep::kEnded);
  CHECK(Describe(*MustOpen(f.path, true)) == Describe(*ledger));
}

TEST_CASE("ledger: a synchronous request is a job only while and after it is quarantined") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(Intent({1, 2})).ok());
  CHECK(ledger->Jobs().empty());
  JobChange change = Change(1, JobStep::kQuarantined);
  change.note = "wrong count";
  REQUIRE(ledger->ChangeJob(change).ok());
  REQUIRE(ledger->Jobs().size() == 1);
  CHECK_FALSE(ledger->Jobs()[0].batch);
  CHECK(ledger->Jobs()[0].provider == "example-provider");
  CHECK(ledger->Jobs()[0].step == JobStep::kQuarantined);
  CHECK(ledger->Jobs()[0].state == "quarantined");
  CHECK(ledger->Jobs()[0].note == "wrong count");
  CHECK(ledger->Jobs()[0].cost == Money{3000});
  CheckAmount(OnlyRow(*ledger).under_way, 2, 20, 3000);
  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 2)}).ok());
  REQUIRE(ledger->Jobs().size() == 1);
  CHECK(ledger->Jobs()[0].step == JobStep::kEnded);
  CHECK(ledger->Jobs()[0].stored_texts == 2);
}

TEST_CASE("ledger: bought is what a request of that space brought, and nothing else") {
  const Fixture f;
  const auto ledger = MustCreate(f.path);
  REQUIRE(ledger->Begin(Intent({10, 11})).ok());
  RequestIntent other = Intent({20, 21});
  other.space = kOtherSpace;
  REQUIRE(ledger->Begin(other).ok());
  REQUIRE(ledger->AddCommit(1, std::vector{Share(1, 2), Share(2, 2)}).ok());
  std::uint64_t request = 2;
  for (const RequestEnd end : {RequestEnd::kNotBilled, RequestEnd::kWasted, RequestEnd::kInDoubt,
                               RequestEnd::kAbandoned}) {
    ++request;
    REQUIRE(ledger->Begin(Intent({request * 10})).ok());
    REQUIRE(ledger->End(EndOf(request, end)).ok());
  }
  REQUIRE(ledger->Begin(Intent({70, 71, 72})).ok());  // 7: all but one.
  REQUIRE(ledger->AddCommit(2, std::vector{Share(7, 2, false)}).ok());
  Ending partly = EndOf(7, RequestEnd::kStored);
  partly.not_stored = {71};
  REQUIRE(ledger->End(partly).ok());
  REQUIRE(ledger->Begin(Intent({80})).ok());  // 8: still open.
  REQUIRE(ledger->Begin(Intent({10})).ok());  // 9: bought again.
  REQUIRE(ledger->AddCommit(3, std::vector{Share(9, 1)}).ok());
  const Keys all = KeysFrom(0, 100);
  CHECK(ledger->FindBought(kSpace, all).value() == Keys{10, 11, 70, 72});
  CHECK(ledger->FindBought(kOtherSpace, all).value() == Keys{20, 21});
  CHECK(ledger->FindBought({1}, all).value().empty());
  CHECK(ledger->FindBought(kSpace, Keys{11, 20, 71}).value() == Keys{11});
  CHECK(ledger->FindBought(kSpace, {}).value().empty());
  CHECK(ledger->KeysInDoubt(kSpace) == Keys{50});
}

TEST_CASE("ledger: threads may write and read at once") {
  const Fixture f;
  auto ledger = MustCreate(f.path);
  std::vector<std::thread> threads;
  // Nothing but the ledger puts this thread in order with the others, so ThreadSanitizer sees a
  // missing lock whenever each of them runs.
  threads.emplace_back([&] {
    for (int i = 0; i < 100; ++i) ledger->Spending();
  });
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 10; ++i) {
        const auto request = ledger->Begin(Intent({100 * t + i}));
        if (!request.ok() || !ledger->End(EndOf(*request, RequestEnd::kWasted)).ok()) return;
        if (ledger->Spending().empty() || !ledger->FindBought(kSpace, Keys{1}).ok()) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(OnlyRow(*ledger).wasted.texts == 40);
  CHECK(*MustOpen(f.path)->Begin(Intent({1})) == 41);
}

TEST_CASE("ledger: a long ledger takes little memory") {
  const Fixture f;
  constexpr std::uint64_t kRequests = 50'000;
  {
    std::ofstream out(f.path, std::ios::binary);
    std::string bytes = EncodeLedgerHeader({kStoreId, {}, kMicros});
    std::uint64_t offset = 0;
    const auto add = [&](const LedgerEntry& entry) {
      out << bytes;
      offset += bytes.size();
      bytes = EncodeFrame(offset, KindOf(entry), EncodePayload(entry));
    };
    for (std::uint64_t r = 1; r <= kRequests; ++r) {
      add(RequestEntry{r, Intent(KeysFrom(r * 20, 20))});
      add(CommitEntry{r, {Share(r, 20)}});
    }
    out << bytes;
  }
  CHECK(fs::file_size(f.path) > 15'000'000);
  const std::size_t before = ::mallinfo2().uordblks;
  const auto ledger = MustOpen(f.path, true);
  CHECK(::mallinfo2().uordblks < before + 4'000'000);
  CHECK(ledger->position().charges == kRequests);
  CHECK(OnlyRow(*ledger).spent.texts == 20 * kRequests);
  CHECK(ledger->FindBought(kSpace, Keys{1, 777'777}).value() == Keys{777'777});
}

}  // namespace
}  // namespace embstore
