// SPDX-License-Identifier: Apache-2.0
// Files of jobs and answers that the ledger has lost are taken over once, whatever is in them.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/record/keys.h"
#include "engine/recover/lost_jobs.h"
#include "engine/recover/new_store.h"
#include "engine/store/kept_files.h"
#include "engine/store/store_swap.h"
#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

using namespace testing;  // NOLINT: the tests' own vocabulary.
namespace fs = std::filesystem;

constexpr const char* kToken = "0123456789abcdef";

SpaceId SpaceHere() { return MakeSpaceId({"example-model", 2, "", 1}); }

Salvage SalvageWithSpace() {
  Salvage salvage;
  salvage.spaces[SpaceHere()] = {{"example-model", 2, "", 1}, "example-provider", kMicros};
  return salvage;
}

std::uint64_t KeyOf(const std::string& text) { return LedgerKey(MakeTextKey(text)); }

std::string InputLine(const std::string& text) {
  return R"({"key":")" + ToHex(MakeTextKey(text).hash) + R"(","text":")" + text + "\"}\n";
}

std::string Answer(const std::vector<std::string>& texts) {
  std::string content;
  for (const std::string& text : texts) {
    AppendReplyRow(text, 1, std::vector<float>{1, 2}, &content);
  }
  SealReply(&content);
  return content;
}

struct Files {
  Files() { REQUIRE(MakeJobsDirectory(dir.path()).ok()); }

  void Put(const std::string& name, const std::string& content) {
    WriteFile(dir.path() / "jobs" / name, content);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const fs::path& file : *ListJobsDirectory(dir.path())) names.push_back(file.filename());
    return names;
  }
  std::size_t Unknown(const std::vector<LedgerEntry>& entries) const {
    return FilesOfUnknownJobs(dir.path(), entries).size();
  }

  TempDir dir;
};

TEST_CASE("an input file becomes a job to look for, also when it cannot be read as a whole") {
  const std::string good = InputLine("one") + InputLine("two");
  std::string damaged = good;
  damaged[good.find("one")] ^= 1;
  struct Case {
    std::string content;
    std::vector<std::uint64_t> keys;
    bool has_digest;
  };
  for (const Case& c : {Case{good, {KeyOf("one"), KeyOf("two")}, true},
                        Case{damaged, {KeyOf("two")}, false}, Case{"nonsense", {}, false}}) {
    CAPTURE(c.content);
    Files files;
    files.Put(std::string(kToken) + ".jsonl", c.content);
    CHECK(files.Unknown({}) == 1);
    const auto found = FindLostJobs(files.dir.path(), {}, SalvageWithSpace(), kStoreId, kMicros);
    REQUIRE(found.size() == 2);
    const RequestIntent& intent = std::get<RequestEntry>(found[0]).intent;
    CHECK(intent.keys == c.keys);
    CHECK(intent.space == SpaceHere());
    CHECK((intent.input_digest != 0) == c.has_digest);
    CHECK(std::get<JobChange>(found[1]).step == JobStep::kCreating);
    CHECK(files.Unknown(found) == 0);  // It is not reported again.
  }
}

TEST_CASE("an answer is known again, also when it cannot be read") {
  for (const std::string& content : {Answer({"one", "two"}), std::string("nonsense")}) {
    CAPTURE(content);
    Files files;
    files.Put("request-3.jsonl", content);
    CHECK(files.Unknown({}) == 1);
    const Witnesses witnesses{
        {}, {}, FindLostQuarantine(files.dir.path(), {}, {}, SalvageWithSpace(), kMicros)};
    const RebuiltLedger rebuilt = RebuildLedger({}, {}, witnesses, 0, kMicros);
    CHECK(files.Unknown(rebuilt.entries) == 0);
    REQUIRE(
        WriteLedger(files.dir.path() / "ledger", {kStoreId, {}, kMicros}, rebuilt.entries).ok());
    const auto jobs = MustOpen(files.dir.path() / "ledger")->Jobs();
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].id == 3);
    CHECK(jobs[0].step == JobStep::kQuarantined);
    CHECK(jobs[0].texts == (content == "nonsense" ? 0 : 2));
  }
}

/// What is made of the answer to "one" and "two", whose vectors have 2 dimensions.
RequestIntent FoundBeside(const std::vector<LedgerEntry>& entries, const Salvage& salvage) {
  Files files;
  files.Put("request-3.jsonl", Answer({"one", "two"}));
  const auto found = FindLostQuarantine(files.dir.path(), entries, {}, salvage, kMicros);
  REQUIRE(found.size() == 1);
  return found.at(3);
}

TEST_CASE("a lost answer is of the paid space that fits, not of any of that length") {
  const auto add = [](Salvage* salvage, const char* model, std::uint32_t dimensions,
                      const char* provider) {
    const EmbeddingIdentity identity{model, dimensions, "", 1};
    salvage->spaces[MakeSpaceId(identity)] = {identity, provider, kMicros};
    return MakeSpaceId(identity);
  };
  Salvage salvage;
  for (const char* model : {"a", "b", "c", "d"}) add(&salvage, model, 2, "local");
  const SpaceId one = add(&salvage, "one", 2, "example-provider");
  const SpaceId longer = add(&salvage, "longer", 3, "example-provider");
  CHECK(FoundBeside({}, salvage).space == one);
  CHECK(FoundBeside({}, salvage).model == "one");
  const SpaceId other = add(&salvage, "other", 2, "other-provider");
  for (const SpaceId last : {one, other}) {
    RequestIntent intent = Intent({KeyOf("three")});
    intent.space = last;
    const RequestIntent found = FoundBeside({RequestEntry{1, intent}}, salvage);
    CHECK(found.space == last);
    CHECK(found.model == salvage.spaces.at(last).identity.model);
    CHECK(found.keys == std::vector{KeyOf("one"), KeyOf("two")});
    intent.space = longer;
    CHECK(FoundBeside({RequestEntry{1, intent}}, salvage).space != longer);
  }
  for (const SpaceId full : {one, other}) {  // What it has was not sent for it.
    Salvage with_texts = salvage;
    for (const char* text : {"one", "two"}) {
      SalvagedText stored;
      stored.index.fingerprint = MakeTextKey(text).fingerprint;
      with_texts.texts[VectorKey(full, MakeTextKey(text).hash)] = stored;
    }
    CHECK(FoundBeside({}, with_texts).space == (full == one ? other : one));
  }
}

TEST_CASE("an answer whose space is lost still says which texts were paid for") {
  const std::vector keys = {KeyOf("one"), KeyOf("two")};
  CHECK(FoundBeside({}, {}).keys == keys);
  RequestIntent intent = Intent({KeyOf("three")});
  const RequestIntent found = FoundBeside({RequestEntry{1, intent}}, {});
  CHECK(found.keys == keys);
  CHECK(found.space == kSpace);
  CHECK(found.model == intent.model);
  // A request that was made up does not hide it, and a job tells it too.
  CHECK(FoundBeside({RequestEntry{1, intent}, RequestEntry{2, {}}}, {}).space == kSpace);
  RequestIntent job = JobIntent({KeyOf("three")});
  job.display_name = std::string("embstore-") + kToken;
  CHECK(FoundBeside({RequestEntry{1, job}}, {}).space == kSpace);
  CHECK_FALSE(FoundBeside({RequestEntry{1, job}}, {}).batch);
  Salvage salvage;  // With vectors, whose space has no record any more.
  salvage.dimensions[kOtherSpace] = 2;
  CHECK(FoundBeside({RequestEntry{1, intent}}, salvage).space == kOtherSpace);
  CHECK(FoundBeside({RequestEntry{1, intent}}, salvage).model.empty());
}

TEST_CASE("an answer keeps the number of a request whose texts are not known") {
  Files files;
  files.Put("request-1.jsonl", Answer({"one"}));
  const std::vector<LedgerEntry> entries = {RequestEntry{1, Intent({})}};
  CHECK(files.Unknown(entries) == 0);
}

TEST_CASE("an answer with the number of a request for other texts gets a number of its own") {
  Files files;
  RequestIntent intent = Intent({KeyOf("one"), KeyOf("two")});
  const std::vector<LedgerEntry> entries = {RequestEntry{1, intent}, RequestEntry{2, intent}};
  files.Put("request-1.jsonl", Answer({"two", "one"}));
  files.Put("request-2.jsonl", Answer({"three"}));
  files.Put("request-99999999999.jsonl", Answer({"four"}));
  CHECK(files.Unknown(entries) == 2);
  const AnswerNumbers numbers = *NumberAnswers(files.dir.path(), entries);
  CHECK(numbers == AnswerNumbers{{2, 3}, {99999999999, 4}});
  const auto found =
      FindLostQuarantine(files.dir.path(), entries, numbers, SalvageWithSpace(), kMicros);
  REQUIRE(found.size() == 2);
  CHECK(found.at(3).keys == std::vector{KeyOf("three")});
  CHECK(found.at(4).keys == std::vector{KeyOf("four")});
  CHECK(files.Names() == std::vector<std::string>{"request-1.jsonl", "request-2.jsonl",
                                                  "request-99999999999.jsonl"});
}

TEST_CASE("no answer gets the number of another that has none of its own either") {
  Files files;
  const std::vector<LedgerEntry> entries = {RequestEntry{1, Intent({KeyOf("one")})}};
  files.Put("request-1.jsonl", Answer({"two"}));
  files.Put("request-100001.jsonl", Answer({"three"}));
  files.Put("request-100002.jsonl", Answer({"four"}));
  CHECK(*NumberAnswers(files.dir.path(), entries) ==
        AnswerNumbers{{1, 100'003}, {100'002, 100'004}});
}

TEST_CASE("a swap gives answers their numbers, also when it was cut off between two of them") {
  Files files;
  files.Put("request-3.jsonl", Answer({"three"}));  // It has been done.
  files.Put("request-99.jsonl", Answer({"four"}));
  WriteFile(files.dir.path() / "ledger.recovering", "the new one");
  REQUIRE(BeginSwap(files.dir.path(), {false, true, "then", 3, 1, {{2, 3}, {99, 4}}}).ok());
  CHECK(files.Names() == std::vector<std::string>{"request-3.jsonl", "request-99.jsonl"});
  const auto set_aside = FinishSwap(files.dir.path());
  REQUIRE_MESSAGE(set_aside.ok(), set_aside.status().message());
  CHECK(files.Names() == std::vector<std::string>{"request-3.jsonl", "request-4.jsonl"});
}

TEST_CASE("a swap that was cut off is finished beside a store that does not open") {
  const TempDir dir;
  fs::create_directory(dir.path() / "store");
  WriteFile(dir.path() / "store" / "CURRENT", "MANIFEST-004005\n");
  WriteFile(dir.path() / "ledger", "the damaged one");
  WriteFile(dir.path() / "ledger.recovering", "the new one");
  REQUIRE(BeginSwap(dir.path(), {false, true, "then", 3, 1, {}}).ok());
  const auto set_aside = FinishSwap(dir.path());
  REQUIRE_MESSAGE(set_aside.ok(), set_aside.status().message());
  CHECK_FALSE(HasPendingSwap(dir.path()));
  CHECK(ReadFile(dir.path() / "ledger") == "the new one");
  CHECK(ReadFile(dir.path() / "ledger.damaged-then") == "the damaged one");
}

/// Documents of which the second cannot be read.
class CutDataset final : public Dataset {
 public:
  std::string Name() const override { return "cut"; }
  std::string Layout() const override { return "cut"; }
  bool HasIds() const override { return false; }
  std::optional<SourceStamp> Stamp() const override { return std::nullopt; }
  Result<std::unique_ptr<DocumentReader>> Open() const override {
    return std::unique_ptr<DocumentReader>(std::make_unique<Reader>());
  }

 private:
  class Reader final : public DocumentReader {
   public:
    Result<bool> Next(Document* document) override {
      if (!first_) return Status(Code::kInvalidArgument, "line 2 is damaged");
      first_ = false;
      document->text = "a text";
      return true;
    }

   private:
    bool first_ = true;
  };
};

TEST_CASE("an input that cannot be read to its end ends a recovery") {
  const TempDir dir;
  const auto files = StoreFiles::Open(dir.path());
  REQUIRE(files.ok());
  const CutDataset input;
  const NewStore store{**files, SalvageWithSpace(), {}, false, {&input}, {}, {}};
  const Status written = WriteNewStore(store, dir.path() / "store.recovering");
  CHECK(written.code() == Code::kInvalidArgument);
  CHECK(written.message().find("line 2 is damaged") != std::string::npos);
}

}  // namespace
}  // namespace embstore
