// SPDX-License-Identifier: Apache-2.0
// Batch jobs when all goes well, and the bounds they keep.
#include <doctest/doctest.h>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

bool JobsDirectoryIsGone(const Bench& bench) {
  return !std::filesystem::exists(bench.dir.path() / "jobs");
}

TEST_CASE("jobs: every distinct text travels in one job and every document gets its vector") {
  JobBench bench;
  std::vector<std::string> texts = Numbered(35);
  texts.push_back("text number 3");
  const IngestReport report = bench.MustRun(Texts(texts));
  CHECK(report.outcome.ok());
  CHECK(report.complete);
  CHECK(report.embedded == 35);
  CHECK(report.api_calls == 4);
  CHECK(report.batches.total == 4);
  CHECK(report.batches.successful == 4);
  CHECK(report.in_jobs == 0);
  CHECK(bench.api.jobs.size() == 4);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.api.EachBilledOnce());
  CHECK(bench.HasAll(texts));
  CHECK(bench.IsSettled());
  CHECK(report.cost == bench.Sums().spent.cost);
  CHECK(bench.Sums().spent.texts == 35);
  CHECK(bench.provider.calls().empty());
  CHECK(JobsDirectoryIsGone(bench));
  CHECK(bench.api.files() == 4);  // The results; the inputs were deleted.
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(bench.VectorOf(std::to_string(i)) == bench.provider.VectorOf(texts[i]));
  }
}

TEST_CASE("jobs: a job keeps the bounds on texts, tokens and bytes") {
  JobBench bench;
  SUBCASE("texts") { bench.options.batch.max_job_texts = 3; }
  SUBCASE("tokens") { bench.options.batch.max_job_tokens = 45; }
  SUBCASE("bytes") { bench.options.batch.max_job_bytes = 430; }  // Names and key take 128 a row.
  SUBCASE("the account's whole queue") { bench.options.batch.max_enqueued_tokens = 45; }
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);  // Every text has 13 bytes and tokens.
  CHECK(bench.api.jobs.size() == 4);
  for (const auto& job : bench.api.jobs) CHECK(job.rows.size() <= 3);
}

TEST_CASE("jobs: no more tokens and jobs are under way at once than allowed") {
  JobBench bench;
  std::size_t most = 0;
  SUBCASE("tokens") {
    bench.options.batch.max_enqueued_tokens = 290;
    most = 2;
  }
  SUBCASE("jobs") {
    bench.options.batch.max_jobs = 3;
    most = 3;
  }
  CHECK(bench.MustRun(Texts(Numbered(70))).complete);
  CHECK(bench.api.most_open == most);
  CHECK(bench.api.EachSentOnce());
}

TEST_CASE("jobs: a full queue is waited for and is no failure") {
  JobBench bench;
  bench.api.queue = 1;
  const IngestReport report = bench.MustRun(Texts(Numbered(35)));
  CHECK(report.outcome.ok());
  CHECK(report.complete);
  CHECK(report.failed == 0);
  CHECK(bench.recorder.warnings.empty());
  CHECK(bench.recorder.Noticed("waits for room"));
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a queue that others keep full is asked again after a minute, then less often") {
  JobBench bench;
  int refused = 0;
  bench.api.before = [&](std::size_t, BatchCall kind) {
    return kind == BatchCall::kCreate && ++refused <= 6 ? Status(Code::kRateLimited, "full")
                                                        : Status();
  };
  CHECK(bench.MustRun(Texts({"a"})).complete);
  const auto waits = bench.clock.WaitsInSeconds();
  REQUIRE(waits.size() >= 6);
  CHECK(waits[0] == doctest::Approx(60));
  CHECK(waits[1] == doctest::Approx(90));
  CHECK(waits[5] == doctest::Approx(300));
}

TEST_CASE("jobs: a job is asked about after a second, then less and less often, never seldom") {
  JobBench bench;
  bench.api.polls_until_done = 20;
  SUBCASE("running") {}
  SUBCASE("in a state of a newer server") { bench.api.running_state = "BATCH_STATE_PAUSED"; }
  CHECK(bench.MustRun(Texts({"a"})).complete);
  const auto waits = bench.clock.WaitsInSeconds();
  REQUIRE(waits.size() == 20);
  CHECK(waits.front() == doctest::Approx(1));
  CHECK(std::is_sorted(waits.begin(), waits.end()));
  CHECK(waits.back() == doctest::Approx(60));
}

TEST_CASE("jobs: without waiting a run leaves jobs behind, later runs collect them") {
  JobBench bench;
  bench.options.batch.wait = false;
  const IngestReport first = bench.MustRun(Texts(Numbered(35)));
  CHECK(first.outcome.ok());
  CHECK(!first.complete);
  CHECK(first.embedded == 0);
  CHECK(first.in_jobs == 35);
  CHECK(bench.clock.WaitsInSeconds().empty());
  CHECK(bench.Sums().under_way.texts == 35);
  const IngestPlan plan = bench.MustPlan(Texts(Numbered(36)));
  CHECK(plan.in_jobs == 35);
  CHECK(plan.to_embed == 1);
  for (int runs = 0; runs < 3; ++runs) {
    bench.Reopen();
    bench.MustRun(Texts(Numbered(35)));
  }
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.HasAll(Numbered(35)));
  CHECK(bench.IsSettled());
  CHECK(bench.store->Coverages("s")->front().second.complete);
}

TEST_CASE("jobs: without waiting a run returns also when the next job does not fit") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.options.batch.max_enqueued_tokens = 300;  // Ten texts are 130 to 140.
  const IngestReport report = bench.MustRun(Texts(Numbered(40)));
  CHECK(report.outcome.ok());
  CHECK(report.in_jobs == 20);
  CHECK(bench.clock.WaitsInSeconds().empty());
}

TEST_CASE("jobs: texts in jobs are not sent by calls either") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(20)));
  bench.options.mode = IngestMode::kSync;
  const IngestReport sync = bench.MustRun(Texts(Numbered(25)));
  CHECK(sync.embedded == 5);
  CHECK(sync.in_jobs == 20);
  CHECK(!sync.complete);
  CHECK(bench.provider.billed().size() == 5);
}

TEST_CASE("jobs: two texts with one content hash both get their own vectors") {
  const auto [a, b] = CollidingTexts();
  JobBench bench;
  SUBCASE("waiting") { CHECK(bench.MustRun(Texts({a, b, "c"})).complete); }
  SUBCASE("without waiting") {
    bench.options.batch.wait = false;
    for (int runs = 0; runs < 6; ++runs) bench.MustRun(Texts({a, b, "c"}));
  }
  CHECK(bench.HasAll({a, b, "c"}));
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: what the server counted is what was spent, an estimate is marked as one") {
  JobBench bench;
  SUBCASE("counted") {}
  SUBCASE("estimated") { bench.api.report_tokens = false; }
  const IngestReport report = bench.MustRun(Texts(Numbered(20)));
  CHECK(report.tokens_estimated == !bench.api.report_tokens);
  CHECK(report.tokens == bench.api.billed_tokens());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a job of thousands of texts is stored in several commits, and paid for once") {
  JobBench bench;
  bench.options.batch.max_job_texts = 1000;
  const auto texts = Numbered(700);
  CHECK(bench.MustRun(Texts(texts)).complete);
  CHECK(bench.api.jobs.size() == 1);
  CHECK(bench.store->CommitNumber() == 3);
  CHECK(bench.HasAll(texts));
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a refresh by jobs pays again and keeps one vector a text") {
  JobBench bench;
  bench.MustRun(Texts(Numbered(15)));
  bench.options.refresh = true;
  CHECK(bench.MustRun(Texts(Numbered(15))).embedded == 15);
  for (const auto& [text, times] : bench.api.billed) CHECK(times == 2);
  CHECK(bench.HasAll(Numbered(15)));
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a run collects the jobs of another split and brings its coverage up to date") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.options.split = "other";
  bench.MustRun(Texts(Numbered(15)));
  bench.options.split = "s";
  bench.options.batch.wait = true;
  const IngestReport report = bench.MustRun(Texts({"text number 3", "mine"}));
  CHECK(report.complete);
  CHECK(bench.api.EachSentOnce());
  const auto coverages = bench.store->Coverages("other");
  REQUIRE(coverages->size() == 1);
  CHECK(coverages->front().second.embedded == 15);
  CHECK(coverages->front().second.complete);
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: texts of another split's job that failed are not bought by this split's run") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.options.split = "other";
  bench.MustRun(Texts(Numbered(10)));
  bench.api.final_state = "BATCH_STATE_EXPIRED";
  bench.recorder.on_words = [&] {
    if (bench.recorder.Warned("ended as")) bench.api.final_state = "BATCH_STATE_SUCCEEDED";
  };
  bench.options.split = "s";
  bench.options.batch.wait = true;
  const IngestReport report = bench.MustRun(Texts({"text number 3", "mine"}));
  CHECK(report.complete);
  CHECK(report.embedded == 2);
  CHECK(bench.HasAll({"text number 3", "mine"}));
  CHECK(bench.Sums().spent.texts == 2);
}

TEST_CASE("jobs: a job of another split that ends frees nothing of this split's budget") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.options.split = "other";
  bench.MustRun(Texts(Numbered(10)));  // 130 tokens under way.
  bench.api.final_state = "BATCH_STATE_EXPIRED";
  bench.options.split = "s";
  bench.options.batch.wait = true;
  bench.options.budgets.per_split = Money{13'000};  // One text.
  bench.recorder.on_words = [&] {
    if (bench.recorder.Warned("ended as")) bench.api.final_state = "BATCH_STATE_SUCCEEDED";
  };
  bench.options.batch.max_job_texts = 1;
  bench.options.batch.max_jobs = 2;
  const IngestReport report = bench.MustRun(Texts({"own text no 0", "own text no 1"}));
  CHECK(report.outcome.code() == Code::kBudgetReached);
  CHECK(report.embedded == 1);
}

TEST_CASE("jobs: jobs of another model stay where they are") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(5)));
  bench.provider.identity_.model = "another";
  bench.options.batch.wait = true;
  CHECK(bench.MustRun(Texts(Numbered(5))).complete);
  CHECK(bench.OpenJobs().size() == 1);
  bench.provider.identity_.model = "scripted";
  CHECK(bench.MustRun(Texts(Numbered(5))).complete);
  CHECK(bench.OpenJobs().empty());
  CHECK(bench.api.jobs.size() == 2);
}

TEST_CASE("jobs: budgets count what is under way") {
  JobBench bench;
  bench.options.batch.wait = false;
  const Money budget{300'000};  // Two jobs of ten texts with 13 or 14 tokens.
  SUBCASE("of a run") { bench.options.budgets.per_run = budget; }
  SUBCASE("of a day") { bench.options.budgets.per_day = budget; }
  SUBCASE("of a split") { bench.options.budgets.per_split = budget; }
  const IngestReport report = bench.MustRun(Texts(Numbered(40)));
  CHECK(report.outcome.code() == Code::kBudgetReached);
  CHECK(bench.api.jobs.size() == 2);
  bench.Reopen();
  if (!bench.options.budgets.per_run) {
    CHECK(bench.MustRun(Texts(Numbered(40))).outcome.code() == Code::kBudgetReached);
    CHECK(bench.api.jobs.size() == 2);
  }
  bench.options.budgets = {};
  bench.options.batch.wait = true;
  CHECK(bench.MustRun(Texts(Numbered(40))).complete);
  CHECK(bench.api.EachSentOnce());
}

TEST_CASE("jobs: a budget that is reached lets the jobs under way come home") {
  JobBench bench;
  bench.options.budgets.per_run = Money{300'000};
  const IngestReport report = bench.MustRun(Texts(Numbered(40)));
  CHECK(report.outcome.code() == Code::kBudgetReached);
  CHECK(report.embedded == 20);
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a job of an earlier run that cost nothing gives its money back to the budget") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.options.budgets.per_split = Money{150'000};  // Room for one job.
  bench.MustRun(Texts(Numbered(10)));
  bench.Reopen();
  bench.options.batch.wait = true;
  bench.api.final_state = "BATCH_STATE_FAILED";
  bench.recorder.on_words = [&] {
    if (bench.recorder.Warned("ended as")) bench.api.final_state = "BATCH_STATE_SUCCEEDED";
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: CollectJobs takes home what is ready and sends nothing") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(15)));
  SUBCASE("waiting") {
    bench.options.batch.wait = true;
    const auto report = CollectJobs(bench.store.get(), &bench.provider, bench.options);
    REQUIRE(report.ok());
    CHECK(report->collected == 2);
    CHECK(report->stored == 15);
    CHECK(report->open == 0);
    CHECK(bench.HasAll(Numbered(15)));
    CHECK(bench.IsSettled());
    CHECK(bench.store->Coverages("s")->front().second.complete);
  }
  SUBCASE("without waiting") {
    const auto report = CollectJobs(bench.store.get(), &bench.provider, bench.options);
    REQUIRE(report.ok());
    CHECK(report->collected == 0);
    CHECK(report->open == 2);
  }
  CHECK(bench.api.jobs.size() == 2);
}

TEST_CASE("jobs: a provider without jobs is refused before anything is sent") {
  JobBench bench;
  bench.provider.batch_api = nullptr;
  const auto report = bench.Run(Texts({"a"}));
  CHECK(report.code() == Code::kInvalidArgument);
  CHECK(bench.provider.calls().empty());
}

}  // namespace
}  // namespace embstore
