// SPDX-License-Identifier: Apache-2.0
// The store and its ledger are witnesses of each other: what one of them lost, the other one tells.
#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

const EmbeddingIdentity kIdentity{"m", 2, "", 1};
constexpr Price kPrice{1'000'000};  // A token is a micro-dollar.

Result<std::unique_ptr<Store>> TryOpen(const fs::path& directory, bool read_only = false) {
  StoreOptions options;
  options.read_only = read_only;
  return Store::Open(directory, options);
}

std::unique_ptr<Store> MustOpen(const fs::path& directory, bool read_only = false) {
  auto store = TryOpen(directory, read_only);
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  return *std::move(store);
}

/// Writes a request for `texts` down; a token a text.
std::uint64_t Begin(Store* store, const std::vector<std::string>& texts) {
  RequestIntent intent;
  intent.split = "s";
  intent.model = kIdentity.model;
  intent.space = MakeSpaceId(kIdentity);
  intent.tokens = texts.size();
  intent.price = kPrice;
  for (const std::string& text : texts) intent.keys.push_back(LedgerKey(MakeTextKey(text)));
  const auto request = StoreWriter(store).ledger().Begin(intent);
  REQUIRE(request.ok());
  return *request;
}

/// Stores vectors for `texts`, bought by `request` (0: they cost nothing).
void Put(Store* store, const std::vector<std::string>& texts, std::uint64_t request) {
  StoreWriter writer(store);
  REQUIRE(writer.AddSpace({kIdentity, "test", 1}).ok());
  Commit commit;
  commit.space = MakeSpaceId(kIdentity);
  const std::vector<float> vector = {1, 2};
  for (const std::string& text : texts) {
    commit.embedded.push_back({MakeTextKey(text), text, 1, vector});
  }
  if (request != 0) {
    const auto count = static_cast<std::uint32_t>(texts.size());
    commit.shares = {{request, count, count, count, false, true}};
  }
  const Status written = writer.Write(commit);
  REQUIRE_MESSAGE(written.ok(), written.message());
}

void Buy(Store* store, const std::vector<std::string>& texts) {
  Put(store, texts, Begin(store, texts));
}

bool Has(const Store& store, const std::string& text) {
  std::vector<float> vector(2);
  return store.GetVector(MakeSpaceId(kIdentity), MakeTextKey(text), vector).ok();
}

struct Sums {
  std::uint64_t spent = 0;
  std::uint64_t under_way = 0;
  std::uint64_t in_doubt = 0;
  bool operator==(const Sums&) const = default;
};
Sums TextsOf(const Store& store) {
  const auto records = store.Spending();
  REQUIRE_MESSAGE(records.ok(), records.status().message());
  Sums sums;
  for (const SpendRecord& record : *records) {
    sums.spent += record.spent.texts;
    sums.under_way += record.under_way.texts;
    sums.in_doubt += record.in_doubt.texts;
  }
  return sums;
}

void Copy(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

/// Keeps a copy of a part of the cache directory and puts it back.
class Backup {
 public:
  Backup(const TempDir& dir, const std::string& part)
      : original_(dir.path() / part), copy_(copies_.path() / part) {
    Copy(original_, copy_);
  }
  void PutBack() const { Copy(copy_, original_); }

 private:
  TempDir copies_;
  fs::path original_;
  fs::path copy_;
};

/// REQUIRES a refusal as damage, twice, in words that hold `words`, without any change.
void CheckRefused(const TempDir& dir, const std::string& words, bool also_for_reading) {
  const auto size = fs::exists(dir.path() / "ledger") ? fs::file_size(dir.path() / "ledger") : 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto writer = TryOpen(dir.path());
    REQUIRE(writer.code() == Code::kCorruption);
    CHECK_MESSAGE(writer.status().message().find(words) != std::string::npos,
                  writer.status().message());
    CHECK(writer.status().message().find("nothing was sent") != std::string::npos);
    CHECK(writer.status().message().find("to begin anew and pay again, move it away") !=
          std::string::npos);
    const auto reader = TryOpen(dir.path(), /*read_only=*/true);
    CHECK(reader.ok() != also_for_reading);
    if (also_for_reading) {
      CHECK(reader.code() == Code::kCorruption);
      CHECK(reader.status().message().find(words) != std::string::npos);
    }
  }
  const auto after = fs::exists(dir.path() / "ledger") ? fs::file_size(dir.path() / "ledger") : 0;
  CHECK(size == after);
}

TEST_CASE("store: what was bought is in the ledger, also after the next open") {
  TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    Buy(store.get(), {"a", "b", "c"});
    CHECK(TextsOf(*store) == Sums{3, 0, 0});
  }
  CHECK(TextsOf(*MustOpen(dir.path())) == Sums{3, 0, 0});
  const auto reader = MustOpen(dir.path(), /*read_only=*/true);
  CHECK(TextsOf(*reader) == Sums{3, 0, 0});
  CHECK(reader->Spending()->front().spent.cost == Money{3000});
}

TEST_CASE("store: an older copy of the database is refused, with the number of lost texts") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a"});
  const Backup old(dir, "store");
  {
    const auto store = MustOpen(dir.path());
    Buy(store.get(), {"b", "c"});
    Buy(store.get(), {"d"});
  }
  const Backup newest(dir, "store");
  old.PutBack();
  CheckRefused(dir, "3 texts that were paid for are missing (commit 1 of 3)",
               /*also_for_reading=*/true);
  newest.PutBack();
  const auto store = MustOpen(dir.path());
  CHECK(Has(*store, "d"));
  CHECK(TextsOf(*store) == Sums{4, 0, 0});
}

TEST_CASE("store: an older copy is refused also when what it lacks cost nothing") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a"});
  const Backup old(dir, "store");
  Put(MustOpen(dir.path()).get(), {"b"}, /*request=*/0);
  old.PutBack();
  CheckRefused(dir, "vectors of its last commits are missing", /*also_for_reading=*/true);
}

TEST_CASE("store: without its ledger a store is readable, but not for writing") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a", "b"});
  fs::remove(dir.path() / "ledger");
  CheckRefused(dir, "--new-ledger", /*also_for_reading=*/false);
  {
    const auto reader = MustOpen(dir.path(), /*read_only=*/true);
    CHECK(Has(*reader, "a"));
    CHECK(reader->Spending().code() == Code::kCorruption);
    CHECK(reader->Doubts().code() == Code::kCorruption);
    CHECK(reader->Jobs().code() == Code::kCorruption);
  }
  CHECK(!fs::exists(dir.path() / "ledger"));
  StoreOptions options;
  options.new_ledger = true;
  {
    const auto store = Store::Open(dir.path(), options);
    REQUIRE_MESSAGE(store.ok(), store.status().message());
    CHECK((*store)->Spending()->empty());
    Buy(store->get(), {"c"});
  }
  CHECK(TextsOf(*MustOpen(dir.path())) == Sums{1, 0, 0});
  const auto again = Store::Open(dir.path(), options);
  CHECK(again.code() == Code::kInvalidArgument);
  CHECK(again.status().message().find("move it away") != std::string::npos);
}

Result<std::unique_ptr<Store>> OpenWithNewLedger(const fs::path& directory) {
  StoreOptions options;
  options.new_ledger = true;
  return Store::Open(directory, options);
}

TEST_CASE("store: a ledger is missed before the first commit when something may have been paid") {
  TempDir dir;
  MustOpen(dir.path()).reset();
  const fs::path jobs = dir.path() / "jobs";
  SUBCASE("a space was made") {
    REQUIRE(StoreWriter(MustOpen(dir.path()).get()).AddSpace({kIdentity, "test", 1}).ok());
  }
  SUBCASE("a job has a file") {
    fs::create_directory(jobs);
    std::ofstream(jobs / "0123456789abcdef.jsonl") << "{}\n";
  }
  fs::remove(dir.path() / "ledger");
  CheckRefused(dir, "is gone", /*also_for_reading=*/false);
  const auto reader = MustOpen(dir.path(), /*read_only=*/true);
  for (const Status& status :
       {reader->Spending().status(), reader->Doubts().status(), reader->Jobs().status()}) {
    CHECK(status.code() == Code::kCorruption);
    CHECK(status.message().find("move it away") != std::string::npos);
  }
  CHECK(!fs::exists(dir.path() / "ledger"));
}

TEST_CASE("store: files of jobs keep a new ledger from being begun, with or without a store") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a"});
  const fs::path jobs = dir.path() / "jobs";
  fs::create_directory(jobs);
  fs::remove(dir.path() / "ledger");
  SUBCASE("with a store") {}
  SUBCASE("without") { fs::remove_all(dir.path() / "store"); }
  std::ofstream(jobs / "request-7.jsonl") << "{}\n";
  CHECK(TryOpen(dir.path()).code() == Code::kCorruption);
  const auto refused = OpenWithNewLedger(dir.path());
  REQUIRE(refused.code() == Code::kInvalidArgument);
  CHECK(refused.status().message().find(jobs.string() + "': they are paid for") !=
        std::string::npos);
  CHECK(!fs::exists(dir.path() / "ledger"));
  fs::rename(jobs, dir.path() / "old jobs");
  CHECK(OpenWithNewLedger(dir.path()).ok());
  CHECK(TextsOf(*MustOpen(dir.path())) == Sums{0, 0, 0});
}

TEST_CASE("store: an empty directory of jobs is not missed money") {
  TempDir dir;
  MustOpen(dir.path()).reset();
  fs::create_directory(dir.path() / "jobs");
  fs::remove(dir.path() / "ledger");
  CHECK(MustOpen(dir.path(), /*read_only=*/true)->Spending()->empty());
  Buy(MustOpen(dir.path()).get(), {"a"});
}

TEST_CASE("store: a store that was never written to may lose its ledger") {
  TempDir dir;
  MustOpen(dir.path()).reset();
  fs::remove(dir.path() / "ledger");
  Buy(MustOpen(dir.path()).get(), {"a"});
}

TEST_CASE("store: an older copy of the ledger is refused for writing") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a"});
  const Backup old(dir, "ledger");
  int later = 0;
  SUBCASE("by one commit") { later = 1; }
  SUBCASE("by several") { later = 3; }
  for (int i = 0; i < later; ++i) Buy(MustOpen(dir.path()).get(), {"b" + std::to_string(i)});
  const Backup newest(dir, "ledger");
  old.PutBack();
  CheckRefused(dir, "is older than the store", /*also_for_reading=*/false);
  newest.PutBack();
  CHECK(TextsOf(*MustOpen(dir.path())).spent == static_cast<std::uint64_t>(later) + 1);
}

TEST_CASE("store: a ledger that missed two commits is refused also if it knows their requests") {
  TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    const std::uint64_t first = Begin(store.get(), {"a"});
    const std::uint64_t second = Begin(store.get(), {"b"});
    const Backup before_the_commits(dir, "ledger");
    Put(store.get(), {"a"}, first);
    Put(store.get(), {"b"}, second);
    before_the_commits.PutBack();
  }
  CheckRefused(dir, "lacks 2 commits that cost money", /*also_for_reading=*/false);
}

TEST_CASE("store: a ledger without its database is refused, and kept") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a", "b"});
  fs::remove_all(dir.path() / "store");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto store = TryOpen(dir.path());
    REQUIRE(store.code() == Code::kCorruption);
    CHECK(store.status().message().find("2 texts that were paid for") != std::string::npos);
    CHECK(store.status().message().find("nothing was sent") != std::string::npos);
  }
  CHECK(!fs::exists(dir.path() / "store"));
}

TEST_CASE("store: a ledger without its database that knows of money in doubt is refused as well") {
  TempDir dir;
  Begin(MustOpen(dir.path()).get(), {"a"});
  fs::remove_all(dir.path() / "store");
  CHECK(TryOpen(dir.path()).code() == Code::kCorruption);
}

TEST_CASE("store: a ledger that knows nothing does not keep a new store from being made") {
  TempDir dir;
  MustOpen(dir.path()).reset();
  fs::remove_all(dir.path() / "store");
  Buy(MustOpen(dir.path()).get(), {"a"});
}

TEST_CASE("store: the ledger of another store is refused") {
  TempDir dir;
  TempDir other;
  Buy(MustOpen(dir.path()).get(), {"a"});
  Buy(MustOpen(other.path()).get(), {"a"});
  fs::copy_file(other.path() / "ledger", dir.path() / "ledger",
                fs::copy_options::overwrite_existing);
  CHECK(TryOpen(dir.path()).code() == Code::kIncompatible);
}

TEST_CASE("store: a commit that the ledger missed is written down at the next open, once") {
  TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    Buy(store.get(), {"a"});
    const std::uint64_t request = Begin(store.get(), {"b", "c"});
    const Backup before_the_commit(dir, "ledger");
    Put(store.get(), {"b", "c"}, request);
    before_the_commit.PutBack();
  }
  for (int opened = 0; opened < 2; ++opened) {
    const auto store = MustOpen(dir.path());
    CHECK(TextsOf(*store) == Sums{3, 0, 0});
    CHECK(store->Doubts()->empty());
    CHECK(Has(*store, "c"));
  }
  Buy(MustOpen(dir.path()).get(), {"d"});
  CHECK(TextsOf(*MustOpen(dir.path())) == Sums{4, 0, 0});
}

TEST_CASE("store: a reader that finds the ledger a commit behind sees the vectors all the same") {
  TempDir dir;
  {
    const auto store = MustOpen(dir.path());
    const std::uint64_t request = Begin(store.get(), {"a"});
    const Backup before_the_commit(dir, "ledger");
    Put(store.get(), {"a"}, request);
    before_the_commit.PutBack();
  }
  const auto reader = MustOpen(dir.path(), /*read_only=*/true);
  CHECK(Has(*reader, "a"));
  CHECK(TextsOf(*reader) == Sums{0, 1, 0});
}

TEST_CASE("store: a request that a process left open is in doubt for the next writer") {
  TempDir dir;
  Begin(MustOpen(dir.path()).get(), {"a", "b"});
  CHECK(TextsOf(*MustOpen(dir.path(), /*read_only=*/true)) == Sums{0, 2, 0});
  for (int opened = 0; opened < 2; ++opened) {
    const auto store = MustOpen(dir.path());
    CHECK(TextsOf(*store) == Sums{0, 0, 2});
    REQUIRE(store->Doubts()->size() == 1);
    CHECK(store->Doubts()->front().cost == Money{2000});
    CHECK(store->Doubts()->front().reason.find("the process ended") != std::string::npos);
  }
}

TEST_CASE("store: commits after one that a power cut tore stay, and that one stays away") {
  TempDir dir;
  Buy(MustOpen(dir.path()).get(), {"a"});
  const Backup before_the_cut(dir, "ledger");
  Buy(MustOpen(dir.path()).get(), {"torn"});
  before_the_cut.PutBack();
  fs::path log;  // The last one.
  for (const auto& entry : fs::directory_iterator(dir.path() / "store")) {
    if (entry.path().extension() == ".log" && entry.path() > log) log = entry.path();
  }
  fs::resize_file(log, fs::file_size(log) - 7);
  for (const char* text : {"b", "c", "d"}) {
    const auto store = MustOpen(dir.path());  // Never closed: its logs are replayed every time.
    CHECK(!Has(*store, "torn"));
    Buy(store.get(), {text});
  }
  CHECK(MustOpen(dir.path())->Close().ok());
  const auto store = MustOpen(dir.path());
  for (const char* text : {"a", "b", "c", "d"}) CHECK(Has(*store, text));
  CHECK(TextsOf(*store) == Sums{4, 0, 0});
}

TEST_CASE("store: a store from before there were ledgers gets one and goes on") {
  TempDir dir;
  Copy(fs::path(EMBSTORE_SOURCE_DIR) / "tests/golden/store-v1/store", dir.path() / "store");
  std::uint64_t commits = 0;
  {
    const auto reader = MustOpen(dir.path(), /*read_only=*/true);
    CHECK(reader->Spending()->empty());
    CHECK(reader->Jobs()->empty());
    CHECK(!fs::exists(dir.path() / "ledger"));
    commits = reader->CommitNumber();
    CHECK(commits > 0);
  }
  Buy(MustOpen(dir.path()).get(), {"new"});
  {
    const auto store = MustOpen(dir.path());
    CHECK(store->CommitNumber() == commits + 1);
    CHECK(TextsOf(*store) == Sums{1, 0, 0});
  }
  fs::remove(dir.path() / "ledger");  // From now on it is missed.
  CHECK(TryOpen(dir.path()).code() == Code::kCorruption);
}

TEST_CASE("store: readers beside a writer never take the store for an old one") {
  TempDir dir;
  const auto store = MustOpen(dir.path());
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 150; ++i) Buy(store.get(), {"text " + std::to_string(i)});
    done = true;
  });
  int opened = 0;
  std::string refused;
  do {
    const auto reader = TryOpen(dir.path(), /*read_only=*/true);
    if (!reader.ok()) refused = reader.status().message();
    ++opened;
  } while (!done);
  writer.join();
  CHECK_MESSAGE(refused.empty(), refused);
  CHECK(opened > 1);
}

}  // namespace
}  // namespace embstore
