// SPDX-License-Identifier: Apache-2.0
// A run by jobs that ends at any point is gone on with by the next one: no text is sent twice, and
// the ledger agrees with what the server billed.
#include <doctest/doctest.h>

#include <fstream>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

constexpr int kTexts = 15;  // Two jobs.

/// Goes on in a "new process": the store is opened anew, the server is as it was.
void GoOn(JobBench* bench) {
  bench->api.before = nullptr;
  bench->api.after = nullptr;
  bench->recorder.on_words = nullptr;
  bench->recorder.on_progress = nullptr;
  bench->options.stop = nullptr;
  bench->Reopen();
  const IngestReport report = bench->MustRun(Texts(Numbered(kTexts)));
  CHECK_MESSAGE(report.outcome.ok(), report.outcome.message());
  CHECK(report.complete);
}

void CheckPaidOnce(JobBench* bench) {
  CHECK(bench->api.EachSentOnce());
  CHECK(bench->api.EachBilledOnce());
  CHECK(bench->HasAll(Numbered(kTexts)));
  CHECK(bench->IsSettledButForDoubt());
  CHECK(!std::filesystem::exists(bench->dir.path() / "jobs"));
}

/// Runs with `arm` having set a trap at point n, for n = 0, 1, ... until the trap is not reached.
/// Answers how many points there were.
int ForEachPoint(const std::function<void(JobBench*, int, bool*)>& arm) {
  for (int n = 0;; ++n) {
    CAPTURE(n);
    REQUIRE(n < 500);
    JobBench bench;
    bool reached = false;
    arm(&bench, n, &reached);
    try {
      static_cast<void>(bench.Run(Texts(Numbered(kTexts))));
    } catch (const Killed&) {
    }
    GoOn(&bench);
    CheckPaidOnce(&bench);
    if (!reached) return n;
  }
}

ScriptedBatchApi::Script At(int n, bool* reached, std::function<Status()> what) {
  return [n, reached, what](std::size_t call, BatchCall) {
    if (call != static_cast<std::size_t>(n)) return Status();
    *reached = true;
    return what();
  };
}

Status Die() { throw Killed(); }

TEST_CASE("jobs: a process that dies before any call to the server pays for nothing twice") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->api.before = At(n, reached, Die);
        }) > 10);
}

TEST_CASE("jobs: a process that dies after any call to the server pays for nothing twice") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->api.after = At(n, reached, Die);
        }) > 10);
}

TEST_CASE("jobs: a process that dies when it has something to say pays for nothing twice") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->recorder.on_words = [n, reached, said = 0]() mutable {
            if (said++ != n) return;
            *reached = true;
            throw Killed();
          };
        }) > 5);
}

TEST_CASE("jobs: a process that dies between commits pays for nothing twice") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->recorder.on_progress = [n, reached, commits = 0]() mutable {
            if (commits++ != n) return;
            *reached = true;
            throw Killed();
          };
        }) > 2);
}

TEST_CASE("jobs: a large result of which a part is stored is gone on with, and paid for once") {
  for (int n = 0; n < 3; ++n) {
    CAPTURE(n);
    JobBench bench;
    bench.options.batch.max_job_texts = 1000;
    bench.options.batch.max_job_tokens = 1'000'000;
    bench.recorder.on_progress = [n, commits = 0]() mutable {
      if (commits++ == n) throw Killed();
    };
    CHECK_THROWS_AS(static_cast<void>(bench.Run(Texts(Numbered(600)))), Killed);
    bench.recorder.on_progress = nullptr;
    bench.Reopen();
    CHECK(bench.Sums().spent.texts == (n == 2 ? 600 : 256 * (n + 1)));
    CHECK(bench.OpenJobs().front().stored_texts == bench.Sums().spent.texts);
    CHECK(bench.MustRun(Texts(Numbered(600))).complete);
    CHECK(bench.api.jobs.size() == 1);
    CHECK(bench.api.calls_of[BatchCall::kDownload] == 1);
    CHECK(bench.HasAll(Numbered(600)));
    CHECK(bench.Sums().spent.texts == 600);
    CHECK(bench.IsSettled());
  }
}

TEST_CASE("jobs: a server that refuses for good at any call ends a run and costs nothing twice") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->api.before = At(n, reached, [] { return Status(Code::kQuotaExhausted, "no"); });
        }) > 10);
}

TEST_CASE("jobs: a server that is away for any one call is asked again") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->api.before = At(n, reached, [] { return Status(Code::kUnavailable, "away"); });
        }) > 10);
}

TEST_CASE("jobs: an answer that is lost at any one call costs nothing twice") {
  CHECK(ForEachPoint([](JobBench* bench, int n, bool* reached) {
          bench->api.after = At(n, reached, [] { return Status(Code::kUnavailable, "lost"); });
        }) > 10);
}

TEST_CASE("jobs: a run that is stopped at any call is gone on with") {
  CHECK(ForEachPoint([stop = std::make_shared<StopFlag>()](JobBench* bench, int n, bool* reached) {
          *stop = false;
          bench->options.stop = stop.get();
          bench->api.after = At(n, reached, [&stop] {
            *stop = true;
            return Status();
          });
        }) > 10);
}

TEST_CASE("jobs: a job that was made without an answer is found by its name") {
  JobBench bench;
  bool lost = false;
  bench.api.after = [&](std::size_t, BatchCall kind) {
    return kind == BatchCall::kCreate && !std::exchange(lost, true)
               ? Status(Code::kUnavailable, "lost")
               : Status();
  };
  SUBCASE("at once") {}
  SUBCASE("when the list shows it late") { bench.api.lists_without_jobs = 5; }
  CHECK(bench.MustRun(Texts(Numbered(kTexts))).complete);
  CHECK(bench.recorder.Warned("no answer to its creation"));
  CHECK(bench.recorder.Noticed("was found on the server"));
  CHECK(bench.api.jobs.size() == 2);
  CheckPaidOnce(&bench);
}

TEST_CASE("jobs: a job that was not made is made once the grace time is over, not before") {
  JobBench bench;
  bool lost = false;
  std::chrono::nanoseconds lost_at{0};
  std::chrono::nanoseconds made_at{0};
  bench.api.before = [&](std::size_t, BatchCall kind) {
    if (kind != BatchCall::kCreate) return Status();
    if (!std::exchange(lost, true)) {
      lost_at = bench.clock.Monotonic();
      return Status(Code::kInDoubt, "reset");
    }
    made_at = bench.clock.Monotonic();
    return Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.jobs.size() == 1);
  CHECK(made_at - lost_at >= bench.options.batch.creation_grace);
  CHECK(bench.IsSettled(/*texts_in_doubt=*/10));
}

/// An input file that the ledger does not know, and the job of it on the server.
void AddUnknownJob(JobBench* bench, const std::string& state) {
  const std::string token = "0123456789abcdef";
  std::filesystem::create_directory(bench->dir.path() / "jobs");
  const auto file = bench->dir.path() / "jobs" / (token + ".jsonl");
  std::ofstream(file) << ToHex(MakeTextKey("a text").hash) << "\ta text\n";
  const auto uploaded = bench->api.Upload(file, token);
  REQUIRE(uploaded.ok());
  bench->api.AddJob(*uploaded, "embstore-" + bench->store->Id() + "-" + token);
  bench->api.jobs.back().state = state;
}

TEST_CASE("jobs: a job that the ledger does not know ends a run unless it ended without a result") {
  for (const IngestMode mode : {IngestMode::kSync, IngestMode::kBatch}) {
    for (const std::string state : {"PENDING", "SUCCEEDED", "CANCELLED", "FAILED", "EXPIRED"}) {
      CAPTURE(state);
      JobBench bench;
      bench.options.mode = mode;
      AddUnknownJob(&bench, "BATCH_STATE_" + state);
      bench.api.polls_until_done = state == "PENDING" ? 2 : 0;
      const IngestReport report = bench.MustRun(Texts(Numbered(5)));
      const bool is_free = state == "FAILED" || state == "EXPIRED";
      CHECK(report.outcome.code() == (is_free ? Code::kOk : Code::kCorruption));
      CHECK(report.complete == is_free);
    }
  }
}

TEST_CASE("jobs: what a job delivered before it failed is not thrown away with its file") {
  JobBench bench;
  AddUnknownJob(&bench, "BATCH_STATE_FAILED");
  bench.api.jobs.back().result_file = "files/a-part";
  bench.api.polls_until_done = 0;
  CHECK(bench.MustRun(Texts(Numbered(5))).outcome.code() == Code::kCorruption);
}

TEST_CASE("jobs: a server that does not answer a look for unknown jobs is asked again") {
  for (const int failures : {2, 100}) {
    CAPTURE(failures);
    JobBench bench;
    bench.options.mode = IngestMode::kSync;
    AddUnknownJob(&bench, "BATCH_STATE_FAILED");
    int lists = 0;
    bench.api.before = [&](std::size_t, BatchCall kind) {
      const bool fails = kind == BatchCall::kList && ++lists <= failures;
      return fails ? Status(Code::kUnavailable, "away") : Status();
    };
    const IngestReport report = bench.MustRun(Texts(Numbered(5)));
    CHECK(report.complete == (failures == 2));
    CHECK(lists == (failures == 2 ? 3 : 4));
    CHECK(bench.provider.calls().empty() == (failures != 2));
  }
}

TEST_CASE("jobs: an interrupted look for unknown jobs sends nothing") {
  JobBench bench;
  bench.options.mode = IngestMode::kSync;
  AddUnknownJob(&bench, "BATCH_STATE_FAILED");
  StopFlag stop = false;
  bench.options.stop = &stop;
  bench.api.before = [&](std::size_t, BatchCall kind) {
    stop = true;
    return kind == BatchCall::kList ? Status(Code::kUnavailable, "away") : Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(5))).outcome.code() == Code::kCancelled);
  CHECK(bench.provider.calls().empty());
}

/// The first creation makes two jobs, and its answer is lost.
ScriptedBatchApi::Script Doubled(JobBench* bench) {
  return [bench, doubled = false](std::size_t, BatchCall kind) mutable {
    if (kind != BatchCall::kCreate || std::exchange(doubled, true)) return Status();
    const auto job = bench->api.jobs.back();
    bench->api.AddJob(job.input_file, job.display_name);
    return Status(Code::kUnavailable, "lost");
  };
}

TEST_CASE("jobs: of two jobs with one name the one that has succeeded is taken") {
  JobBench bench;
  bench.api.after = [&bench, twice = Doubled(&bench)](std::size_t call, BatchCall kind) mutable {
    const Status status = twice(call, kind);
    if (!status.ok()) {
      for (int i = 0; i < 2; ++i) REQUIRE(bench.api.Get("batches/1").ok());
    }
    return status;
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.recorder.Warned("batches/1 is taken, batches/0 was cancelled"));
  CHECK(bench.api.EachBilledOnce());
}

TEST_CASE("jobs: the doubt about a second job is written down once, wherever a run dies") {
  for (int words = 0; words < 20; ++words) {
    CAPTURE(words);
    JobBench bench;
    bench.api.after = Doubled(&bench);
    bench.recorder.on_words = [&, said = 0]() mutable {
      if (said++ == words) throw Killed();
    };
    bool died = false;
    try {
      static_cast<void>(bench.Run(Texts(Numbered(10))));
    } catch (const Killed&) {
      died = true;
    }
    bench.recorder.on_words = nullptr;
    bench.Reopen();
    CHECK(bench.MustRun(Texts(Numbered(10))).complete);
    CHECK(bench.Sums().in_doubt.texts == 10);
    if (!died) break;
  }
}

TEST_CASE("jobs: of two jobs with one name one is taken and the other cancelled, in plain words") {
  JobBench bench;
  bool doubled = false;
  bench.api.after = [&](std::size_t, BatchCall kind) {
    if (kind != BatchCall::kCreate || std::exchange(doubled, true)) return Status();
    const auto job = bench.api.jobs.back();  // The request came twice.
    bench.api.AddJob(job.input_file, job.display_name);
    return Status(Code::kUnavailable, "lost");
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.recorder.Warned("the server has 2 jobs"));
  CHECK(bench.recorder.Warned("batches/0 is taken, batches/1 was cancelled"));
  CHECK(bench.api.cancelled == std::vector<std::string>{"batches/1"});
  CHECK(bench.api.EachBilledOnce());
  CHECK(bench.IsSettled(/*texts_in_doubt=*/10));
}

TEST_CASE("jobs: of two jobs with one name a cancelled one is never the one that is taken") {
  JobBench bench;
  bool doubled = false;
  bench.api.after = [&](std::size_t, BatchCall kind) {
    if (kind != BatchCall::kCreate || std::exchange(doubled, true)) return Status();
    const auto job = bench.api.jobs.back();
    bench.api.AddJob(job.input_file, job.display_name);
    // An earlier run took the second and died before it had written that down.
    bench.api.jobs[0].state = "BATCH_STATE_CANCELLED";
    return Status(Code::kUnavailable, "lost");
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.jobs.size() == 2);
  CHECK(bench.api.jobs[1].state == "BATCH_STATE_SUCCEEDED");
}

TEST_CASE("jobs: a second job that failed is not cancelled and not in doubt") {
  JobBench bench;
  bool doubled = false;
  bench.api.after = [&](std::size_t, BatchCall kind) {
    if (kind != BatchCall::kCreate || std::exchange(doubled, true)) return Status();
    const auto job = bench.api.jobs.back();
    bench.api.AddJob(job.input_file, job.display_name);
    bench.api.jobs[0].state = "BATCH_STATE_FAILED";
    return Status(Code::kUnavailable, "lost");
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.cancelled.empty());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a job that has been cancelled goes on counting until the server says so") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(10)));
  const std::uint64_t id = bench.OpenJobs().front().id;
  REQUIRE(CancelJob(bench.store.get(), &bench.provider, id).ok());
  CHECK(bench.api.cancelled.size() == 1);
  CHECK(bench.OpenJobs().size() == 1);
  bench.options.batch.wait = true;
  const auto report = CollectJobs(bench.store.get(), &bench.provider, bench.options);
  REQUIRE(report.ok());
  CHECK(report->failed == 10);
  CHECK(bench.OpenJobs().empty());
  CHECK(bench.Sums().in_doubt.texts == 10);  // Nobody says what a cancelled job costs.
}

/// A bench whose only job stands at `step`, the run having died there.
void DieAt(JobStep step, JobBench* bench) {
  bool reached = false;
  const BatchCall call = step == JobStep::kPlanned ? BatchCall::kUpload : BatchCall::kCreate;
  const auto die = [&reached, call](std::size_t, BatchCall kind) -> Status {
    if (kind != call) return {};
    reached = true;
    throw Killed();
  };
  if (step == JobStep::kUploaded) {
    bench->api.queue = 0;
    bench->options.batch.wait = false;
    bench->MustRun(Texts(Numbered(10)));
    bench->api.queue = 100;
    bench->options.batch.wait = true;
    reached = true;
  } else {
    bench->api.before = die;
    CHECK_THROWS_AS(bench->Run(Texts(Numbered(10))), Killed);
    bench->api.before = nullptr;
  }
  CHECK(reached);
  bench->Reopen();
  REQUIRE(bench->OpenJobs().size() == 1);
  REQUIRE(bench->OpenJobs().front().step == step);
}

TEST_CASE("jobs: a job that the server does not have yet is cancelled here, and nothing was paid") {
  JobBench bench;
  SUBCASE("planned") { DieAt(JobStep::kPlanned, &bench); }
  SUBCASE("uploaded") { DieAt(JobStep::kUploaded, &bench); }
  const std::uint64_t id = bench.OpenJobs().front().id;
  REQUIRE(CancelJob(bench.store.get(), &bench.provider, id).ok());
  CHECK(bench.OpenJobs().empty());
  CHECK(bench.Sums().under_way.texts == 0);
  CHECK(bench.Sums().in_doubt.texts == 0);
  CHECK(CancelJob(bench.store.get(), &bench.provider, id).code() == Code::kNotFound);
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a job that may or may not be on the server cannot be cancelled") {
  JobBench bench;
  DieAt(JobStep::kCreating, &bench);
  const std::uint64_t id = bench.OpenJobs().front().id;
  CHECK(CancelJob(bench.store.get(), &bench.provider, id).code() == Code::kInvalidArgument);
  CHECK(bench.OpenJobs().size() == 1);
  CHECK(CancelJob(bench.store.get(), &bench.provider, id + 1).code() == Code::kNotFound);
}

TEST_CASE("jobs: an abandoned job's texts are missing again and its cost is in doubt") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(10)));
  const std::uint64_t id = bench.OpenJobs().front().id;
  REQUIRE(AbandonJob(bench.store.get(), id).ok());
  CHECK(AbandonJob(bench.store.get(), id).code() == Code::kNotFound);
  CHECK(bench.Sums().in_doubt.texts == 10);
  CHECK(bench.Doubts().size() == 1);
  bench.options.batch.wait = true;
  bench.options.doubt.resend = false;  // A person has decided; that policy is for others.
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.jobs.size() == 2);
}

}  // namespace
}  // namespace embstore
