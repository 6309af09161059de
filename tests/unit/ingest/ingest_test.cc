// SPDX-License-Identifier: Apache-2.0
#include "embstore/ingest.h"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <set>

#include "engine/base/file.h"
#include "engine/ingest/checkpoint.h"
#include "support/fake_clock.h"
#include "support/scripted_provider.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::FakeClock;
using testing::ScriptedProvider;
using testing::TempDir;

std::vector<OwnedDocument> Texts(const std::vector<std::string>& texts) {
  std::vector<OwnedDocument> documents;
  for (const std::string& text : texts) documents.push_back({"", text, std::nullopt});
  return documents;
}

std::vector<std::string> Numbered(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back("text number " + std::to_string(i));
  return texts;
}

/// Collects what an ingest says; may stop it.
class Recorder final : public IngestObserver {
 public:
  void OnWarning(const std::string& message) override { warnings.push_back(message); }
  void OnPlan(const IngestPlan& p) override { plan = p; }
  void OnProgress(const IngestProgress& /*progress*/) override {
    if (on_progress) on_progress();
  }
  bool Warned(const std::string& part) const {
    return std::any_of(warnings.begin(), warnings.end(), [&](const std::string& warning) {
      return warning.find(part) != std::string::npos;
    });
  }
  std::vector<std::string> warnings;
  IngestPlan plan;
  std::function<void()> on_progress;
};

/// A store, a provider, a clock, and the options to run them with.
struct Bench {
  Bench() {
    Reopen();
    options.split = "s";
    options.observer = &recorder;
    options.clock = &clock;
    options.concurrency = 1;
  }

  void Reopen() {
    store.reset();
    auto opened = Store::Open(dir.path(), {});
    REQUIRE_MESSAGE(opened.ok(), opened.status().message());
    store = std::move(*opened);
  }

  Result<IngestReport> Run(std::vector<OwnedDocument> documents) {
    auto dataset = MakeMemoryDataset(std::move(documents));
    REQUIRE(dataset.ok());
    return Ingest(store.get(), **dataset, &provider, options);
  }

  IngestReport MustRun(std::vector<OwnedDocument> documents) {
    auto report = Run(std::move(documents));
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    return *report;
  }

  /// The stored vector of document `id`; empty when there is none.
  std::vector<float> VectorOf(const std::string& id) {
    const auto split = store->FindSplit("s");
    REQUIRE(split.ok());
    const auto document = store->FindDocument(*split, id);
    REQUIRE(document.ok());
    std::vector<float> vector(provider.identity().dimensions);
    const SpaceId space = MakeSpaceId(provider.identity());
    return store->GetVector(space, document->record.text, vector).ok() ? vector
                                                                       : std::vector<float>();
  }

  TempDir dir;
  FakeClock clock;
  ScriptedProvider provider;
  Recorder recorder;
  IngestOptions options;
  std::unique_ptr<Store> store;
};

TEST_CASE("ingest: every distinct text is sent once and every document gets its vector") {
  Bench bench;
  std::vector<std::string> texts = Numbered(35);
  texts.push_back("text number 3");
  texts.push_back("text number 3");
  const IngestReport report = bench.MustRun(Texts(texts));
  CHECK(report.documents == 37);
  CHECK(report.unique_documents == 35);
  CHECK(report.embedded == 35);
  CHECK(report.batches.total == 4);
  CHECK(report.batches.successful == 4);
  CHECK(report.complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
  CHECK(bench.provider.billed().size() == 35);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(bench.VectorOf(std::to_string(i)) == bench.provider.VectorOf(texts[i]));
  }
}

TEST_CASE("ingest: a second run sends nothing, also after a reopen") {
  Bench bench;
  bench.MustRun(Texts(Numbered(25)));
  bench.Reopen();
  const std::size_t calls = bench.provider.calls().size();
  const IngestReport again = bench.MustRun(Texts(Numbered(25)));
  CHECK(again.embedded == 0);
  CHECK(again.cached == 25);
  CHECK(again.unchanged);
  CHECK(bench.provider.calls().size() == calls);
}

TEST_CASE("ingest: a changed split sends only what is new") {
  Bench bench;
  bench.MustRun(Texts(Numbered(25)));
  auto texts = Numbered(25);
  texts[7] = "changed";
  texts.insert(texts.begin(), "new");
  const IngestReport report = bench.MustRun(Texts(texts));
  CHECK(report.embedded == 2);
  CHECK(report.cached == 24);
  CHECK(bench.VectorOf("0") == bench.provider.VectorOf("new"));
  CHECK(bench.VectorOf("8") == bench.provider.VectorOf("changed"));
  CHECK(bench.VectorOf("25") == bench.provider.VectorOf("text number 24"));
}

TEST_CASE("ingest: another model's vectors are another space, and both stay") {
  Bench bench;
  bench.MustRun(Texts(Numbered(5)));
  bench.provider.identity_.dimensions = 6;
  const IngestReport report = bench.MustRun(Texts(Numbered(5)));
  CHECK(report.embedded == 5);
  CHECK(bench.VectorOf("2").size() == 6);
  bench.provider.identity_.dimensions = 4;
  CHECK(bench.VectorOf("2").size() == 4);
  CHECK(bench.store->Coverages("s")->size() == 2);
}

TEST_CASE("ingest: refresh pays again and keeps one vector a text") {
  Bench bench;
  bench.MustRun(Texts(Numbered(5)));
  bench.options.refresh = true;
  bench.provider.spoil = [](std::size_t, EmbedReply* reply) { reply->vectors[0] = 123; };
  CHECK(bench.MustRun(Texts(Numbered(5))).embedded == 5);
  CHECK(bench.VectorOf("0")[0] == 123);
  CHECK(*bench.store->CountVectors(MakeSpaceId(bench.provider.identity())) == 5);
}

TEST_CASE("ingest: an unfinished refresh leaves the split complete and records no failure") {
  Bench bench;
  bench.MustRun(Texts(Numbered(20)));
  bench.options.refresh = true;
  bench.provider.script = [](std::size_t call, auto) {
    return call == 2 ? Status(Code::kRejected, "no") : Status(Code::kQuotaExhausted, "later");
  };
  bench.MustRun(Texts(Numbered(20)));
  const auto coverages = bench.store->Coverages("s");
  CHECK(coverages->front().second.embedded == 20);
  CHECK(coverages->front().second.complete);
  CHECK(bench.store->Failures()->empty());
}

TEST_CASE("ingest: bad input is refused before anything is sent") {
  Bench bench;
  bench.MustRun(Texts({"kept"}));
  SUBCASE("an id with two texts") {
    const auto report = bench.Run({{"a", "one", {}}, {"b", "two", {}}, {"a", "three", {}}});
    REQUIRE(report.code() == Code::kInvalidArgument);
    CHECK(report.status().message().find("document id 'a'") != std::string::npos);
  }
  SUBCASE("no document at all") { CHECK(bench.Run({}).code() == Code::kInvalidArgument); }
  SUBCASE("a name that is no file name") {
    bench.options.split = "../up";
    CHECK(bench.Run(Texts({"x"})).code() == Code::kInvalidArgument);
  }
  CHECK(bench.provider.calls().size() == 1);
  CHECK(bench.store->FindSplit("s")->record.documents == 1);
}

TEST_CASE("ingest: an id that repeats its text is a warning") {
  Bench bench;
  const IngestReport report = bench.MustRun({{"a", "one", {}}, {"a", "one", {}}});
  CHECK(report.complete);
  CHECK(bench.recorder.Warned("repeat the id"));
}

TEST_CASE("ingest: empty and over-long texts are never sent and are named") {
  Bench bench;
  bench.provider.limits_.max_text_tokens = 20;
  const IngestReport report =
      bench.MustRun(Texts({"fine", "", "  \n", std::string(21, 'x'), std::string(20, 'y')}));
  CHECK(report.embedded == 2);
  CHECK(report.skipped == 3);
  CHECK(!report.complete);
  CHECK(report.outcome.ok());
  CHECK(bench.provider.billed().size() == 2);
  const auto failures = bench.store->Failures();
  REQUIRE(failures->size() == 3);
  std::set<std::string> reasons;
  for (const FailureRecord& failure : *failures) reasons.insert(failure.reason);
  CHECK(reasons.count("the text is empty") == 1);
  CHECK(reasons.count("the text has about 21 tokens, the model takes 20") == 1);
}

TEST_CASE("ingest: requests keep the provider's bounds on texts, tokens and bytes") {
  Bench bench;
  SUBCASE("texts") { bench.provider.limits_.max_texts = 3; }
  SUBCASE("tokens") { bench.provider.limits_.max_request_tokens = 45; }
  SUBCASE("bytes") { bench.provider.limits_.max_request_bytes = 45; }
  SUBCASE("the caller's smaller batch") { bench.options.batch_size = 3; }
  bench.MustRun(Texts(Numbered(10)));  // Every text has 13 bytes, so 13 "tokens".
  const auto calls = bench.provider.calls();
  CHECK(calls.size() == 4);
  for (const auto& call : calls) CHECK(call.size() <= 3);
}

TEST_CASE("ingest: an unreachable server is asked again after 4, 8 and 16 seconds") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call < 3 ? Status(Code::kUnavailable, "reset") : Status();
  };
  const IngestReport report = bench.MustRun(Texts({"a"}));
  CHECK(report.complete);
  CHECK(report.api_calls == 4);
  const auto waits = bench.clock.WaitsInSeconds();
  REQUIRE(waits.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const double planned = 4.0 * (1 << i);
    CHECK(waits[i] >= planned);
    CHECK(waits[i] <= planned * 1.25);
  }
}

TEST_CASE("ingest: a longer hint of the server wins over the planned wait") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call == 0 ? Status(Code::kUnavailable, "busy", {std::chrono::seconds(60), 0, 0})
                     : Status();
  };
  bench.MustRun(Texts({"a"}));
  CHECK(bench.clock.WaitsInSeconds().front() >= 60.0);
}

TEST_CASE("ingest: a batch without an answer is given up after three retries, the rest goes on") {
  Bench bench;
  bench.provider.script = [](std::size_t, std::span<const std::string_view> texts) {
    return texts.front() == "text number 10" ? Status(Code::kUnavailable, "no answer") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(30)));
  CHECK(report.outcome.ok());
  CHECK(report.embedded == 20);
  CHECK(report.failed == 10);
  CHECK(report.batches.failed == 1);
  CHECK(report.batches.successful == 2);
  CHECK(bench.recorder.Warned("Batch 2 failed after 3 retries, skipping"));
  bench.provider.script = nullptr;
  const IngestReport next = bench.MustRun(Texts(Numbered(30)));
  CHECK(next.embedded == 10);
  CHECK(next.complete);
  CHECK(bench.store->Failures()->empty());
}

TEST_CASE("ingest: the run ends when batch after batch fails") {
  Bench bench;
  bench.provider.script = [](std::size_t, auto) { return Status(Code::kUnavailable, "down"); };
  const IngestReport report = bench.MustRun(Texts(Numbered(200)));
  CHECK(report.outcome.code() == Code::kUnavailable);
  CHECK(report.batches.failed >= 5);
  CHECK(report.batches.failed <= 7);
  CHECK(report.outcome.message().find("down") != std::string::npos);
}

TEST_CASE("ingest: an invalid reply stores nothing, is not paid for again, and the run goes on") {
  Bench bench;
  SUBCASE("a vector short") {
    bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
      if (call == 1) reply->vectors.resize(reply->vectors.size() - 4);
    };
  }
  SUBCASE("a vector too many") {
    bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
      if (call == 1) reply->vectors.resize(reply->vectors.size() + 4, 1.0F);
    };
  }
  SUBCASE("not a number") {
    bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
      if (call == 1) reply->vectors[5] = std::numeric_limits<float>::quiet_NaN();
    };
  }
  SUBCASE("a zero vector") {
    bench.provider.spoil = [](std::size_t call, EmbedReply* reply) {
      if (call == 1) std::fill_n(reply->vectors.begin() + 8, 4, 0.0F);
    };
  }
  const IngestReport report = bench.MustRun(Texts(Numbered(30)));
  CHECK(report.outcome.ok());
  CHECK(report.batches.skipped == 1);
  CHECK(report.embedded == 20);
  CHECK(report.failed == 10);
  CHECK(report.api_calls == 3);
  CHECK(bench.VectorOf("15").empty());
  CHECK(bench.recorder.Warned("invalid reply"));
}

TEST_CASE("ingest: the one text that a server refuses is found, its neighbours are stored") {
  Bench bench;
  bench.provider.limits_.max_texts = 100;
  bench.provider.script = [](std::size_t, std::span<const std::string_view> texts) {
    for (const auto text : texts) {
      if (text == "text number 42") return Status(Code::kRejected, "bad text");
    }
    return Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(100)));
  CHECK(report.embedded == 99);
  CHECK(report.failed == 1);
  CHECK(report.batches.successful == 1);
  CHECK(report.api_calls <= 15);
  const auto failures = bench.store->Failures();
  REQUIRE(failures->size() == 1);
  CHECK(failures->front().document_id == "42");
  CHECK(failures->front().reason == "bad text");
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: when every text is refused the search for the bad one ends") {
  Bench bench;
  bench.provider.limits_.max_texts = 100;
  bench.provider.script = [](std::size_t, auto) { return Status(Code::kRejected, "no"); };
  const IngestReport report = bench.MustRun(Texts(Numbered(100)));
  CHECK(report.failed == 100);
  CHECK(report.api_calls <= 128);
  CHECK(report.batches.failed == 1);
}

TEST_CASE("ingest: a daily quota ends the run at once and the next run goes on") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call >= 2 ? Status(Code::kQuotaExhausted, "daily quota") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(50)));
  CHECK(report.outcome.code() == Code::kQuotaExhausted);
  CHECK(report.embedded == 20);
  CHECK(report.failed == 0);
  CHECK(bench.provider.calls().size() == 3);
  CHECK(bench.clock.WaitsInSeconds().empty());
  bench.provider.script = nullptr;
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(50))).embedded == 30);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: a quota per minute is waited for and is no failure") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call == 1 ? Status(Code::kRateLimited, "slow down", {std::chrono::seconds(42), 60, 0})
                     : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(30)));
  CHECK(report.complete);
  CHECK(report.batches.successful == 3);
  const auto waits = bench.clock.WaitsInSeconds();
  REQUIRE(!waits.empty());
  CHECK(waits[0] == doctest::Approx(42));
  // From then on ten texts every ten seconds, as the named quota of 60 a minute allows.
  CHECK(waits.back() == doctest::Approx(10 / 0.985).epsilon(0.01));
}

TEST_CASE("ingest: a batch larger than the named quota is sent in pieces") {
  Bench bench;
  bench.provider.script = [](std::size_t, std::span<const std::string_view> texts) {
    return texts.size() > 4
               ? Status(Code::kRateLimited, "too many", {std::chrono::seconds(1), 4, 0})
               : Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
}

TEST_CASE("ingest: no request begins that could pass the budget") {
  Bench bench;
  bench.options.price = {
      1'000'000};  // One dollar per million tokens: about 140 micro-dollars a batch.
  bench.options.max_cost = Money{300'000};
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(report.complete);
  const IngestReport more = bench.MustRun(Texts(Numbered(50)));
  CHECK(more.outcome.code() == Code::kBudgetReached);
  CHECK(more.embedded == 20);
  CHECK(more.cost <= Money{300'000});
  CHECK(more.outcome.message().find("$0.0003") != std::string::npos);
  bench.options.max_cost.reset();
  CHECK(bench.MustRun(Texts(Numbered(50))).complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: a provider that throws ends the run, not the process") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) -> Status {
    if (call == 1) throw std::runtime_error("out of cheese");
    return {};
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(30)));
  CHECK(report.outcome.code() == Code::kInternal);
  CHECK(report.outcome.message() == "the provider threw: out of cheese");
  CHECK(report.embedded == 10);
}

TEST_CASE("ingest: the server's token count is believed, an estimate is marked as one") {
  Bench bench;
  bench.options.price = {150'000};
  SUBCASE("estimated") {
    const IngestReport report = bench.MustRun(Texts(Numbered(10)));
    CHECK(report.tokens == 130);
    CHECK(report.tokens_estimated);
    CHECK(report.cost == CostOf(130, {150'000}));
  }
  SUBCASE("counted by the server") {
    bench.provider.spoil = [](std::size_t, EmbedReply* reply) { reply->total_tokens = 77; };
    const IngestReport report = bench.MustRun(Texts(Numbered(10)));
    CHECK(report.tokens == 77);
    CHECK(!report.tokens_estimated);
  }
}

TEST_CASE("ingest: a stop keeps what is in flight and sends nothing new") {
  Bench bench;
  StopFlag stop{false};
  bench.options.stop = &stop;
  bench.recorder.on_progress = [&] { stop = true; };
  const IngestReport report = bench.MustRun(Texts(Numbered(200)));
  CHECK(report.outcome.code() == Code::kCancelled);
  CHECK(report.embedded > 0);
  CHECK(report.embedded < 200);
  CHECK(report.embedded == bench.provider.billed().size());
  bench.recorder.on_progress = nullptr;
  stop = false;
  CHECK(bench.MustRun(Texts(Numbered(200))).complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: never more batches are sent and not yet durable than may be in flight") {
  Bench bench;
  bench.options.concurrency = 3;
  std::atomic<std::size_t> durable{0};
  std::atomic<std::size_t> most{0};
  bench.recorder.on_progress = [&] {
    durable = *bench.store->CountVectors(MakeSpaceId(bench.provider.identity()));
  };
  bench.provider.script = [&](std::size_t call, auto) {
    const std::size_t waiting = (call + 1) * 10 - durable;
    std::size_t seen = most;
    while (waiting > seen && !most.compare_exchange_weak(seen, waiting)) {
    }
    return Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(600))).complete);
  CHECK(most <= 30);
}

TEST_CASE("ingest: the checkpoint file is there while a split is incomplete, and only then") {
  Bench bench;
  bench.provider.script = [](std::size_t call, auto) {
    return call >= 2 ? Status(Code::kQuotaExhausted, "daily quota") : Status();
  };
  bench.MustRun(Texts(Numbered(50)));
  const auto path = CheckpointPath(bench.dir.path(), "s");
  const auto json = ReadWholeFile(path, 10'000);
  REQUIRE(json.ok());
  CHECK(json->find("\"last_processed_index\": 19") != std::string::npos);
  CHECK(json->find("\"embedded\": 20") != std::string::npos);
  CHECK(json->find("\"total_batches\": 5") != std::string::npos);
  bench.provider.script = nullptr;
  bench.MustRun(Texts(Numbered(50)));
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("ingest: a number of documents that was not expected is a warning with both numbers") {
  Bench bench;
  bench.options.expected_documents = 120'000;
  bench.MustRun(Texts(Numbered(3)));
  CHECK(bench.recorder.Warned("has 3 documents, 120000 were expected"));
}

TEST_CASE("ingest: a limit takes the first documents and can be lifted later") {
  Bench bench;
  bench.options.limit = 4;
  CHECK(bench.MustRun(Texts(Numbered(30))).documents == 4);
  bench.options.limit = 0;
  const IngestReport all = bench.MustRun(Texts(Numbered(30)));
  CHECK(all.cached == 4);
  CHECK(all.embedded == 26);
}

TEST_CASE("ingest: many workers store each vector under its own text") {
  Bench bench;
  bench.options.concurrency = 8;
  const auto texts = Numbered(500);
  CHECK(bench.MustRun(Texts(texts)).complete);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(bench.VectorOf(std::to_string(i)) == bench.provider.VectorOf(texts[i]));
  }
}

TEST_CASE("ingest: two texts with one content hash are both paid for and keep their own vectors") {
  std::string a(256, 'e');
  a.replace(32, 4, " @@@").replace(96, 4, "icvs");
  std::string b = a;
  a[36] = b[100] = 'b';
  a[100] = b[36] = 'c';
  REQUIRE(MakeTextKey(a).hash == MakeTextKey(b).hash);
  Bench bench;
  SUBCASE("in one run") { CHECK(bench.MustRun(Texts({a, b, a})).embedded == 2); }
  SUBCASE("in two runs") {
    bench.MustRun(Texts({a}));
    const IngestReport second = bench.MustRun(Texts({a, b, a}));
    CHECK(second.cached == 1);
    CHECK(second.embedded == 1);
  }
  CHECK(bench.VectorOf("0") == bench.provider.VectorOf(a));
  CHECK(bench.VectorOf("1") == bench.provider.VectorOf(b));
  CHECK(bench.VectorOf("2") == bench.provider.VectorOf(a));
}

TEST_CASE("ingest: a plan sends nothing, writes nothing and needs no store") {
  Bench bench;
  auto dataset = MakeMemoryDataset(Texts({"a", "b", "a", "", "c"}));
  auto plan = PlanIngest(nullptr, **dataset, bench.provider, bench.options);
  REQUIRE(plan.ok());
  CHECK(plan->documents == 5);
  CHECK(plan->unique_documents == 4);
  CHECK(plan->duplicates == 1);
  CHECK(plan->to_embed == 3);
  CHECK(plan->empty == 1);
  bench.MustRun(Texts({"a"}));
  plan = PlanIngest(bench.store.get(), **dataset, bench.provider, bench.options);
  CHECK(plan->cached == 1);
  CHECK(plan->to_embed == 2);
  CHECK(bench.provider.calls().size() == 1);
}

/// Says something else when it is read again.
class FickleDataset final : public Dataset {
 public:
  Result<std::unique_ptr<DocumentReader>> Open() const override {
    auto dataset = MakeMemoryDataset(Texts({"a", "b", opened_++ == 0 ? "c" : "a"}));
    reading_.push_back(std::move(*dataset));
    return reading_.back()->Open();
  }
  std::string Name() const override { return "fickle"; }
  std::string Layout() const override { return "fickle"; }
  bool HasIds() const override { return false; }
  std::optional<SourceStamp> Stamp() const override { return std::nullopt; }

 private:
  mutable int opened_ = 0;
  mutable std::vector<std::unique_ptr<Dataset>> reading_;
};

TEST_CASE("ingest: a text that the scan did not see is never sent") {
  Bench bench;
  bench.provider.limits_.max_texts = 1;
  const FickleDataset dataset;
  const auto report = Ingest(bench.store.get(), dataset, &bench.provider, bench.options);
  REQUIRE(report.ok());
  CHECK(report->outcome.code() == Code::kInvalidArgument);
  CHECK(!report->complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

TEST_CASE("ingest: when nothing gets an answer the run has failed, however short it was") {
  Bench bench;
  bench.provider.script = [](std::size_t, auto) { return Status(Code::kUnavailable, "down"); };
  const IngestReport report = bench.MustRun(Texts({"a"}));
  CHECK(report.outcome.code() == Code::kUnavailable);
}

TEST_CASE("ingest: a provider without dimensions is refused before it can spoil the store") {
  Bench bench;
  bench.provider.identity_.dimensions = 0;
  CHECK(bench.Run(Texts({"a"})).code() == Code::kInvalidArgument);
  CHECK(bench.store->Spaces()->empty());
}

/// A file that can be rewritten, as a dataset.
struct FileBench : Bench {
  FileBench() : path(dir.path() / "in.csv") {}
  void Write(const std::string& content) { std::ofstream(path, std::ios::binary) << content; }
  IngestReport RunFile() {
    FileDatasetOptions file;
    file.path = path;
    auto dataset = OpenFileDataset(file);
    REQUIRE(dataset.ok());
    auto report = Ingest(store.get(), **dataset, &provider, options);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    return *report;
  }
  std::filesystem::path path;
};

TEST_CASE("ingest: an unchanged file is answered from the manifest without reading it") {
  FileBench bench;
  bench.clock.Advance(std::chrono::hours(24 * 365 * 10));  // Long after the file was written.
  bench.Write("1,a,b\n2,c,d\n");
  CHECK(bench.RunFile().embedded == 2);
  bench.recorder.plan = {};
  const IngestReport again = bench.RunFile();
  CHECK(again.unchanged);
  CHECK(again.cached == 2);
  CHECK(bench.recorder.plan.documents == 0);  // A run that reads the file makes a plan.
}

TEST_CASE("ingest: a file that was rewritten with the same content is not embedded again") {
  FileBench bench;
  bench.Write("1,a,b\n2,c,d\n");
  bench.RunFile();
  std::filesystem::remove(bench.path);
  bench.Write("1,a,b\n2,c,d\n");
  const IngestReport again = bench.RunFile();
  CHECK(again.embedded == 0);
  CHECK(again.unchanged);
  CHECK(bench.store->FindSplit("s")->record.generation == 1);
}

TEST_CASE("ingest: an error on a late line leaves the earlier document list in place") {
  FileBench bench;
  bench.Write("1,a,b\n2,c,d\n");
  bench.RunFile();
  bench.Write("1,x,y\n2,c\n");
  FileDatasetOptions file;
  file.path = bench.path;
  auto dataset = OpenFileDataset(file);
  const auto report = Ingest(bench.store.get(), **dataset, &bench.provider, bench.options);
  REQUIRE(report.code() == Code::kInvalidArgument);
  CHECK(report.status().message().find("in.csv:2") != std::string::npos);
  CHECK(bench.provider.calls().size() == 1);
  CHECK(bench.VectorOf("0") == bench.provider.VectorOf("a b"));
}

}  // namespace
}  // namespace embstore
