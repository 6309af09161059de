// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "engine/base/file.h"
#include "engine/ingest/checkpoint.h"
#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

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

TEST_CASE("ingest: texts without a split are paid once and stored, and make no document list") {
  Bench bench;
  bench.MustRun(Texts({"document"}));
  bench.options.split.clear();
  for (const std::uint64_t expected : {2U, 0U}) {
    const auto report = EmbedTexts(bench.store.get(), {"question", "document", "other"},
                                   &bench.provider, bench.options);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(report->outcome.ok());
    CHECK(report->embedded == expected);
  }
  CHECK(bench.provider.billed().at("question") == 1);
  CHECK(bench.provider.billed().at("document") == 1);
  CHECK(bench.HasAll({"document", "question", "other"}));
  CHECK(bench.store->Splits()->size() == 1);
  CHECK(bench.store->Coverages("s")->front().second.embedded == 1);
  CHECK(bench.Sums().spent.texts == 3);
  const auto blank = EmbedTexts(bench.store.get(), {" "}, &bench.provider, bench.options);
  REQUIRE(blank.ok());
  CHECK(blank->skipped == 1);
  CHECK(bench.store->Failures()->empty());
  bench.options.split = "s";
  CHECK(EmbedTexts(bench.store.get(), {"x"}, &bench.provider, bench.options).code() ==
        Code::kInvalidArgument);
}

TEST_CASE(
    "ingest: runs on one store take turns, so that each list is its own and nothing is bought "
    "twice") {
  Bench bench;
  bench.options.observer = nullptr;
  bench.options.check_pairing = false;
  constexpr int kRuns = 4;
  {
    std::vector<std::jthread> threads;
    for (int run = 0; run < kRuns; ++run) {
      threads.emplace_back([&bench, run] {
        IngestOptions options = bench.options;
        options.split = "s" + std::to_string(run);
        auto dataset = MakeMemoryDataset(Texts({"shared", "text of " + std::to_string(run)}));
        const auto report = Ingest(bench.store.get(), **dataset, &bench.provider, options);
        CHECK(report.ok());
        IngestOptions question = bench.options;
        question.split.clear();
        CHECK(EmbedTexts(bench.store.get(), {"question"}, &bench.provider, question).ok());
      });
    }
  }
  for (const auto& [text, times] : bench.provider.billed()) {
    CAPTURE(text);
    CHECK(times == 1);
  }
  for (int run = 0; run < kRuns; ++run) {
    bench.options.split = "s" + std::to_string(run);
    CHECK(bench.VectorOf("1") == bench.provider.VectorOf("text of " + std::to_string(run)));
  }
}

TEST_CASE("ingest: progress tells only of what is stored") {
  Bench bench;
  bench.options.batch_size = 2;
  std::vector<std::uint64_t> told;
  bench.recorder.on_progress = [&] {
    told.push_back(bench.recorder.progress.texts_done);
    CHECK(*bench.store->CountVectors(bench.space()) == told.back());
  };
  CHECK(bench.MustRun(Texts(Numbered(6))).complete);
  REQUIRE(!told.empty());
  CHECK(told.back() == 6);
}

TEST_CASE("ingest: a run inside a run on the same store is refused, not waited for") {
  Bench bench;
  Code inside = Code::kOk;
  bench.recorder.on_progress = [&] {
    IngestOptions options = bench.options;
    options.split.clear();
    options.observer = nullptr;
    inside = EmbedTexts(bench.store.get(), {"x"}, &bench.provider, options).code();
  };
  CHECK(bench.MustRun(Texts({"a"})).complete);
  CHECK(inside == Code::kInvalidArgument);
}

TEST_CASE("ingest: a store that is open for reading only is refused before anything is sent") {
  Bench bench;
  bench.MustRun(Texts({"a"}));
  StoreOptions options;
  options.read_only = true;
  bench.Reopen(options);
  CHECK(bench.Run(Texts({"a", "b"})).code() == Code::kInvalidArgument);
  CHECK(bench.provider.billed().size() == 1);
}

TEST_CASE("ingest: a budget without a price, and amounts below zero, are refused") {
  Bench bench;
  SUBCASE("no price") {
    bench.options.price = {};
    bench.options.budgets.per_run = Money{1};
  }
  SUBCASE("a price below zero") { bench.options.price = {-1}; }
  SUBCASE("a budget below zero") { bench.options.budgets.per_day = Money{-1}; }
  CHECK(bench.Run(Texts({"a"})).code() == Code::kInvalidArgument);
  CHECK(bench.provider.billed().empty());
}

TEST_CASE("ingest: a provider without dimensions is refused before it can spoil the store") {
  Bench bench;
  bench.provider.identity_.dimensions = 0;
  CHECK(bench.Run(Texts({"a"})).code() == Code::kInvalidArgument);
  CHECK(bench.store->Spaces()->empty());
}

}  // namespace
}  // namespace embstore
