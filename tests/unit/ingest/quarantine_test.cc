// SPDX-License-Identifier: Apache-2.0
// Answers that do not fit their texts: set aside, never stored by themselves, never paid for again
// by themselves.
#include "engine/ingest/quarantine.h"

#include <doctest/doctest.h>

#include <fstream>

#include "engine/hash/hash.h"
#include "engine/store/store_writer.h"
#include "engine/store/write_run.h"
#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

constexpr std::uint32_t kDimensions = 128;

/// Real sentences, for the check compares words.
const std::vector<std::string>& Sentences() {
  static const std::vector<std::string> kSentences = [] {
    FileDatasetOptions file;
    file.path = std::filesystem::path(EMBSTORE_SOURCE_DIR) / "tests/data/wordnet/sample.csv";
    auto dataset = OpenFileDataset(file);
    REQUIRE(dataset.ok());
    auto reader = (*dataset)->Open();
    REQUIRE(reader.ok());
    std::vector<std::string> texts;
    Document document;
    while (texts.size() < 200 && *(*reader)->Next(&document)) texts.emplace_back(document.text);
    return texts;
  }();
  return kSentences;
}

/// A bench whose vectors follow the words of the texts, so that the check can tell.
struct PairBench : Bench {
  PairBench() {
    local = *MakeLocalProvider({42, kDimensions});
    provider.identity_.dimensions = kDimensions;
    provider.limits_.max_texts = 200;
    provider.vector_of = [this](std::string_view text) {
      return local->Embed(std::span(&text, 1))->vectors;
    };
  }
  std::unique_ptr<Provider> local;
};

void Rotate(std::vector<float>* vectors) {
  std::rotate(vectors->begin(), vectors->begin() + kDimensions, vectors->end());
}

/// Every key gets the vector of its neighbour.
void Mispair(std::vector<std::string>* lines) {
  std::sort(lines->begin(), lines->end());
  std::vector<std::string> rests;
  for (const std::string& line : *lines) rests.push_back(line.substr(line.find(' ')));
  std::rotate(rests.begin(), rests.begin() + 1, rests.end());
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string& line = (*lines)[i];
    line = line.substr(0, line.find(' ')) + rests[i];
  }
}

TEST_CASE("quarantine: right answers pass, by calls and by jobs") {
  PairBench bench;
  SUBCASE("calls") {}
  SUBCASE("jobs") { bench.options.mode = IngestMode::kBatch; }
  CHECK(bench.MustRun(Texts(Sentences())).complete);
  CHECK(bench.HasAll(Sentences()));
  CHECK(bench.OpenJobs().empty());
}

/// Runs both ways; neither may send or store anything.
void CheckNothingIsSent(PairBench* bench) {
  const std::size_t calls = bench->provider.calls().size();
  const std::size_t jobs = bench->api.jobs.size();
  for (const IngestMode mode : {IngestMode::kSync, IngestMode::kBatch}) {
    bench->options.mode = mode;
    bench->Reopen();
    const IngestReport report = bench->MustRun(Texts(Sentences()));
    CHECK(report.outcome.code() == Code::kHeld);
    CHECK(report.outcome.message().find("--accept or --abandon") != std::string::npos);
    CHECK(!report.complete);
    CHECK(*bench->store->CountVectors(bench->space()) == 0);
  }
  CHECK(bench->provider.calls().size() == calls);
  CHECK(bench->api.jobs.size() == jobs);
  CHECK(bench->Sums().under_way.texts == 200);
  CHECK(bench->MustPlan(Texts(Sentences())).in_jobs == 200);
  REQUIRE(bench->OpenJobs().size() == 1);
  CHECK(bench->OpenJobs().front().step == JobStep::kQuarantined);
}

TEST_CASE("quarantine: an answer in another order is set aside until a person decides") {
  PairBench bench;
  bench.provider.spoil = [](std::size_t, EmbedReply* reply) { Rotate(&reply->vectors); };
  const IngestReport report = bench.MustRun(Texts(Sentences()));
  CHECK(report.outcome.code() == Code::kHeld);
  CHECK(report.embedded == 0);
  bench.provider.spoil = nullptr;
  CheckNothingIsSent(&bench);
  const std::uint64_t id = bench.OpenJobs().front().id;
  CHECK(!bench.OpenJobs().front().batch);
  CHECK(std::filesystem::exists(QuarantinePath(bench.dir.path(), id)));
  SUBCASE("accepted") {
    const auto stored = AcceptJob(bench.store.get(), &bench.provider, id);
    REQUIRE(stored.ok());
    CHECK(*stored == 200);
    CHECK(bench.VectorOf("0") == bench.provider.VectorOf(Sentences()[1]));
    CHECK(bench.Sums().spent.texts == 200);
    CHECK(bench.Sums().under_way.texts == 0);
    CHECK(bench.store->Coverages("s")->front().second.complete);
  }
  SUBCASE("abandoned") {
    REQUIRE(AbandonJob(bench.store.get(), id).ok());
    CHECK(bench.Sums().in_doubt.texts == 200);
    bench.options.mode = IngestMode::kSync;
    CHECK(bench.MustRun(Texts(Sentences())).complete);
    CHECK(bench.HasAll(Sentences()));
    CHECK(bench.provider.calls().size() == 2);
  }
  CHECK(!std::filesystem::exists(QuarantinePath(bench.dir.path(), id)));
  CHECK(bench.OpenJobs().empty());
  CHECK(AcceptJob(bench.store.get(), &bench.provider, id).code() == Code::kNotFound);
}

/// Puts an answer to `texts` where the one to `request` has its place.
void PutAnswer(const Bench& bench, std::uint64_t request, const std::vector<std::string>& texts) {
  std::string content;
  for (const std::string& text : texts) {
    AppendReplyRow(text, 1, std::vector<float>(bench.provider.identity().dimensions, 0.5F),
                   &content);
  }
  SealReply(&content);
  REQUIRE(MakeJobsDirectory(bench.dir.path()).ok());
  std::ofstream(QuarantinePath(bench.dir.path(), request), std::ios::binary) << content;
}

TEST_CASE("quarantine: an answer to other texts is not accepted for the number that it has") {
  PairBench bench;
  bench.provider.spoil = [](std::size_t, EmbedReply* reply) { Rotate(&reply->vectors); };
  CHECK(bench.MustRun(Texts(Sentences())).outcome.code() == Code::kHeld);
  const std::uint64_t id = bench.OpenJobs().front().id;
  PutAnswer(bench, id, {"another text", "and one more"});
  const auto stored = AcceptJob(bench.store.get(), &bench.provider, id);
  CHECK(stored.code() == Code::kCorruption);
  CHECK(stored.status().message().find("is not to request") != std::string::npos);
  CHECK(*bench.store->CountVectors(bench.space()) == 0);
  CHECK(bench.Sums().under_way.texts == 200);
}

TEST_CASE("quarantine: an answer is accepted for a request whose texts are not known") {
  Bench bench;
  RequestIntent intent;
  intent.model = "scripted";
  intent.space = bench.space();
  {
    const auto turn = WriteRun::Begin(bench.store.get(), nullptr);
    REQUIRE(turn.ok());
    Ledger& ledger = StoreWriter(bench.store.get()).ledger();
    const auto begun = ledger.Begin(intent);
    REQUIRE(begun.ok());
    JobChange change;
    change.request = *begun;
    change.step = JobStep::kQuarantined;
    REQUIRE(ledger.ChangeJob(change).ok());
  }
  const std::uint64_t id = bench.OpenJobs().front().id;
  PutAnswer(bench, id, {"one", "two"});
  const auto stored = AcceptJob(bench.store.get(), &bench.provider, id);
  REQUIRE_MESSAGE(stored.ok(), stored.status().message());
  CHECK(*stored == 2);
  CHECK(bench.Sums().spent.texts == 2);
  CHECK(bench.OpenJobs().empty());
}

TEST_CASE("quarantine: an answer that was not noted is taken over by its texts") {
  for (const bool own : {true, false}) {
    CAPTURE(own);
    Bench bench;
    RequestIntent intent;
    intent.model = "scripted";
    intent.space = bench.space();
    for (const char* text : {"one", "two"}) intent.keys.push_back(LedgerKey(MakeTextKey(text)));
    std::uint64_t id = 0;
    {
      const auto turn = WriteRun::Begin(bench.store.get(), nullptr);
      REQUIRE(turn.ok());
      const auto begun = StoreWriter(bench.store.get()).ledger().Begin(intent);
      REQUIRE(begun.ok());
      id = *begun;
    }
    PutAnswer(bench, id, {"two", own ? "one" : "three"});
    bench.Reopen();
    CHECK(bench.OpenJobs().size() == (own ? 1 : 0));
    CHECK(bench.Sums().in_doubt.texts == (own ? 0 : 2));
    CHECK(std::filesystem::exists(QuarantinePath(bench.dir.path(), id)));
  }
}

TEST_CASE("quarantine: where nothing was paid a wrong answer is skipped and asked for again") {
  PairBench bench;
  bench.provider.paid_ = false;
  bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
    if (call == 0) Rotate(&reply->vectors);
  };
  const IngestReport report = bench.MustRun(Texts(Sentences()));
  CHECK(report.batches.skipped == 1);
  CHECK(bench.OpenJobs().empty());
  CHECK(bench.MustRun(Texts(Sentences())).complete);
}

TEST_CASE("quarantine: with the check switched off an answer is stored as it comes") {
  PairBench bench;
  bench.options.check_pairing = false;
  bench.provider.spoil = [](std::size_t, EmbedReply* reply) { Rotate(&reply->vectors); };
  CHECK(bench.MustRun(Texts(Sentences())).complete);
}

struct SpoiledJob : PairBench {
  explicit SpoiledJob(std::function<void(std::vector<std::string>*)> spoil) {
    options.mode = IngestMode::kBatch;
    api.spoil = std::move(spoil);
    const IngestReport report = MustRun(Texts(Sentences()));
    CHECK(report.outcome.code() == Code::kHeld);
    CHECK(report.embedded == 0);
    CHECK(report.batches.skipped == 1);
    api.spoil = nullptr;
    CheckNothingIsSent(this);
    REQUIRE(OpenJobs().size() == 1);
    job = OpenJobs().front();
    CHECK(job.batch);
  }
  JobRecord job;
};

TEST_CASE("quarantine: a result whose keys or vectors are mixed up is set aside, in plain words") {
  const auto check = [](std::function<void(std::vector<std::string>*)> spoil, const char* words) {
    SpoiledJob bench(std::move(spoil));
    CHECK_MESSAGE(bench.job.note.find(words) != std::string::npos, bench.job.note);
  };
  SUBCASE("wrong pairs") { check(Mispair, "do not fit its texts"); }
  SUBCASE("a missing row") {
    check([](auto* lines) { lines->pop_back(); }, "lacks 1 of 200 rows");
  }
  SUBCASE("no row at all") {
    check([](auto* lines) { lines->clear(); }, "lacks 200 of 200 rows");
  }
  SUBCASE("an unknown key") {
    check([](auto* lines) { lines->back().replace(0, 32, 32, '0'); }, "unknown key '0000");
  }
  SUBCASE("a key twice") {
    check([](auto* lines) { lines->push_back(lines->front()); }, "two rows with the key");
  }
  SUBCASE("a line that is none") {
    check([](auto* lines) { lines->at(4) = "nonsense"; }, "line 5 of its result");
  }
  SUBCASE("a vector of another size") {
    check([](auto* lines) { lines->at(4) += " 1"; }, "line 5 of its result");
  }
}

TEST_CASE("quarantine: accepting a job stores what fits, the rest is sent again and paid anew") {
  SpoiledJob bench([](auto* lines) {
    lines->pop_back();
    lines->front().replace(0, 32, 32, '0');
    lines->push_back(lines->at(1));
    lines->at(2) = "nonsense";
  });
  const auto stored = AcceptJob(bench.store.get(), &bench.provider, bench.job.id);
  REQUIRE_MESSAGE(stored.ok(), stored.status().message());
  CHECK(*stored == 197);
  CHECK(bench.OpenJobs().empty());
  CHECK(bench.Sums().spent.texts == 197);
  CHECK(bench.store->Coverages("s")->front().second.embedded == 197);
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Sentences())).complete);
  REQUIRE(bench.api.jobs.size() == 2);
  CHECK(bench.api.jobs[1].rows.size() == 3);
  CHECK(bench.HasAll(Sentences()));
  CHECK(!std::filesystem::exists(bench.dir.path() / "jobs"));
}

TEST_CASE("quarantine: an abandoned job is in doubt and its texts are sent again") {
  SpoiledJob bench(Mispair);
  REQUIRE(AbandonJob(bench.store.get(), bench.job.id).ok());
  CHECK(bench.Sums().in_doubt.texts == 200);
  CHECK(bench.Sums().under_way.texts == 0);
  CHECK(bench.MustRun(Texts(Sentences())).complete);
  CHECK(bench.api.jobs.size() == 2);
  CHECK(bench.HasAll(Sentences()));
}

TEST_CASE("quarantine: a quarantined job cannot be cancelled, and another model cannot accept it") {
  SpoiledJob bench(Mispair);
  CHECK(CancelJob(bench.store.get(), &bench.provider, bench.job.id).code() ==
        Code::kInvalidArgument);
  bench.provider.identity_.model = "another";
  CHECK(AcceptJob(bench.store.get(), &bench.provider, bench.job.id).code() ==
        Code::kInvalidArgument);
  CHECK(*bench.store->CountVectors(bench.space()) == 0);
  bench.provider.identity_.model = "scripted";
  CHECK(bench.OpenJobs().size() == 1);
  CHECK(*bench.store->CountVectors(bench.space()) == 0);
}

TEST_CASE("jobs: one that the server does not know stays open, is not sent again, and is found") {
  PairBench bench;
  bench.options.mode = IngestMode::kBatch;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Sentences()));
  auto jobs = std::exchange(bench.api.jobs, {});  // As behind another address or key.
  bench.options.batch.wait = true;
  const IngestReport report = bench.MustRun(Texts(Sentences()));
  CHECK(report.outcome.code() == Code::kHeld);
  CHECK(report.outcome.message().find("does not know job 1") != std::string::npos);
  CHECK(bench.api.jobs.empty());
  REQUIRE(bench.OpenJobs().size() == 1);
  CHECK(bench.OpenJobs().front().step == JobStep::kCreated);
  bench.api.jobs = std::move(jobs);
  CHECK(bench.MustRun(Texts(Sentences())).complete);
  CHECK(bench.api.EachBilledOnce());
}

TEST_CASE("quarantine: whoever reads an answer finds the same rows, or the same damage") {
  TempDir dir;
  REQUIRE(MakeJobsDirectory(dir.path()).ok());
  const auto path = QuarantinePath(dir.path(), 7);
  const auto read = [&](std::string lines) {
    SealReply(&lines);
    std::ofstream(path, std::ios::binary) << lines;
    const auto answer = ReadAnswer(path);
    CHECK(ReadQuarantine(dir.path(), 7, 2).code() == answer.code());
    if (answer.ok()) return std::to_string(answer->texts.size());
    CHECK(answer.status().message().find("the quarantined answer") != std::string::npos);
    return std::string("damaged");
  };
  const std::string row = R"({"text":"one","vector":[1,2]})";
  CHECK(read("") == "0");
  CHECK(read(row + "\n") == "1");
  CHECK(read(row) == "damaged");
  CHECK(read(row + "\n" + R"({"text":"two","vector":[1,2,3]})" + "\n") == "damaged");
  CHECK(read(R"({"text":"one","vector":[]})"
             "\n") == "damaged");
}

TEST_CASE("quarantine: a kept answer comes back as it was, or not at all") {
  TempDir dir;
  const std::vector<std::string_view> texts = {"one\n\"line\"", "zwei \xC3\xBC"};
  EmbedReply reply;
  reply.vectors = {0.1F, -1e-30F, 3.4e38F, 2, 1, 1.0F / 3};
  const auto reserve = ReplyReserve::Take(dir.path(), 0, 0);
  REQUIRE(WriteQuarantine(reserve->get(), 7, texts, reply, 3).ok());
  const auto answer = ReadQuarantine(dir.path(), 7, 3);
  REQUIRE(answer.ok());
  CHECK(answer->texts == std::vector<std::string>(texts.begin(), texts.end()));
  CHECK(answer->vectors == reply.vectors);
  CHECK(ReadQuarantine(dir.path(), 8, 3).code() == Code::kNotFound);
  const auto path = QuarantinePath(dir.path(), 7);
  std::string content;
  std::getline(std::ifstream(path, std::ios::binary), content, '\0');
  const auto read_with = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return ReadQuarantine(dir.path(), 7, 3).code();
  };
  for (std::size_t i = 0; i < content.size(); ++i) {
    CAPTURE(i);
    std::string damaged = content;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CHECK(read_with(damaged) == Code::kCorruption);
    CHECK(read_with(content.substr(0, i)) == Code::kCorruption);
  }
  CHECK(read_with(content) == Code::kOk);

  // Even when the digest fits: a last line without its end, and vectors that must not be stored.
  const auto sealed = [&](const std::string& lines) {
    return read_with(lines + "{\"xxh3_128\":\"" + ToHex(HashBytes(lines)) + "\"}\n");
  };
  CHECK(sealed("{\"text\":\"one\",\"vector\":[1,2,3]}\n") == Code::kOk);
  CHECK(sealed("{\"text\":\"one\",\"vector\":[1,2,3]}") == Code::kCorruption);
  CHECK(sealed("{\"text\":\"one\",\"vector\":[1,2,1e39]}\n") == Code::kCorruption);
  CHECK(sealed("{\"text\":\"one\",\"vector\":[0,0,0]}\n") == Code::kCorruption);
  CHECK(sealed("{\"text\":\"one\",\"vector\":[1,2]}\n") == Code::kCorruption);
}

}  // namespace
}  // namespace embstore
