// SPDX-License-Identifier: Apache-2.0
// Jobs that fail, results that cannot be fetched, rows without a vector, files that are lost.
#include <doctest/doctest.h>

#include <fstream>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

TEST_CASE("jobs: a job that has succeeded and names no result yet is asked again") {
  JobBench bench;
  bench.api.polls_without_result = 6;
  CHECK(bench.MustRun(Texts(Numbered(15))).complete);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a result that cannot be fetched is fetched later and never bought again") {
  JobBench bench;
  int failures = 0;
  Code code = Code::kUnavailable;
  bool cut = false;
  SUBCASE("no connection") {}
  SUBCASE("not there") { code = Code::kNotFound; }
  SUBCASE("not readable") { code = Code::kInvalidReply; }
  SUBCASE("cut off at the end") { cut = true; }
  const auto fail = [&](std::size_t, BatchCall kind) {
    return kind == BatchCall::kDownload && ++failures <= 30 ? Status(code, "not now") : Status();
  };
  (cut ? bench.api.after : bench.api.before) = fail;
  const IngestReport report = bench.MustRun(Texts(Numbered(15)));
  CHECK_MESSAGE(report.outcome.ok(), report.outcome.message());
  CHECK(report.complete);
  CHECK(failures > 30);
  CHECK(bench.recorder.Warned("its result cannot be fetched now"));
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: failures of a download do not count against the patience with the server") {
  JobBench bench;
  int downloads = 0;
  int gets = 0;
  bench.api.before = [&](std::size_t, BatchCall kind) {
    if (kind == BatchCall::kDownload && ++downloads <= 20) return Status(Code::kUnavailable, "no");
    const bool lost = kind == BatchCall::kGet && downloads == 15 && ++gets <= 3;
    return lost ? Status(Code::kNotFound, "no such job") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(5)));
  CHECK_MESSAGE(report.complete, report.outcome.message());
}

TEST_CASE("jobs: texts of a job that ends without a result are sent with another one") {
  JobBench bench;
  std::string state;
  SUBCASE("failed") { state = "BATCH_STATE_FAILED"; }
  SUBCASE("expired") { state = "BATCH_STATE_EXPIRED"; }
  bench.api.final_state = state;
  bench.recorder.on_words = [&] {
    if (bench.recorder.Warned("ended as " + state)) {
      bench.api.final_state = "BATCH_STATE_SUCCEEDED";
    }
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(report.complete);
  CHECK(report.batches.failed == 1);
  CHECK(report.batches.successful == 1);
  CHECK(bench.api.jobs.size() == 2);
  CHECK(bench.api.EachBilledOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: what a job delivered before it failed is kept, only the rest is sent again") {
  JobBench bench;
  bench.api.result_of_failed = true;
  std::uint64_t in_doubt = 0;
  SUBCASE("failed") { bench.api.final_state = "BATCH_STATE_FAILED"; }
  SUBCASE("expired") { bench.api.final_state = "BATCH_STATE_EXPIRED"; }
  SUBCASE("cancelled, which may have been billed for more") {
    bench.api.final_state = "BATCH_STATE_CANCELLED";
    in_doubt = 5;
  }
  bench.recorder.on_words = [&] {
    if (bench.recorder.Warned("what it delivered is kept")) {
      bench.api.final_state = "BATCH_STATE_SUCCEEDED";
    }
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  REQUIRE(bench.api.jobs.size() == 2);
  CHECK(bench.api.jobs[1].rows.size() == 5);
  CHECK(bench.api.EachBilledOnce());
  CHECK(bench.HasAll(Numbered(10)));
  CHECK(bench.IsSettled(in_doubt));
}

TEST_CASE("jobs: a cancelled job without a result is in doubt, and its texts obey the policy") {
  JobBench bench;
  bench.api.final_state = "BATCH_STATE_CANCELLED";
  bench.recorder.on_words = [&] {
    if (bench.recorder.Warned("ended as")) bench.api.final_state = "BATCH_STATE_SUCCEEDED";
  };
  SUBCASE("resend") {
    CHECK(bench.MustRun(Texts(Numbered(10))).complete);
    CHECK(bench.api.jobs.size() == 2);
  }
  SUBCASE("hold") {
    bench.options.doubt.resend = false;
    CHECK(bench.MustRun(Texts(Numbered(10))).outcome.code() == Code::kHeld);
    CHECK(bench.api.jobs.size() == 1);
    bench.Reopen();
    CHECK(bench.MustRun(Texts(Numbered(10))).outcome.code() == Code::kHeld);
    CHECK(bench.api.jobs.size() == 1);
  }
  SUBCASE("a risk that is too great") {
    bench.options.doubt.max_resend = Money{1000};
    CHECK(bench.MustRun(Texts(Numbered(10))).outcome.code() == Code::kHeld);
    CHECK(bench.api.jobs.size() == 1);
  }
  CHECK(bench.Doubts().size() == 1);
  CHECK(bench.Sums().in_doubt.texts == 10);
}

TEST_CASE("jobs: a text whose row failed is sent again in later jobs, then given up by name") {
  JobBench bench;
  int rounds = 0;
  SUBCASE("the second time works") { rounds = 1; }
  SUBCASE("it never works") { rounds = 1000; }
  bench.api.row_error = [&](const std::string& text, int round) {
    return text == "text number 4" && round <= rounds ? Status(Code::kUnavailable, "no") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(report.outcome.ok());
  CHECK(bench.api.sent["text number 4"] == (rounds == 1 ? 2 : 3));
  CHECK(bench.api.sent["text number 5"] == 1);
  CHECK(report.complete == (rounds == 1));
  CHECK(report.failed == (rounds == 1 ? 0 : 1));
  CHECK(bench.store->Failures()->size() == (rounds == 1 ? 0 : 1));
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a text that the server refuses fails at once") {
  JobBench bench;
  bench.api.row_error = [&](const std::string& text, int) {
    return text == "text number 4" ? Status(Code::kRejected, "no") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(report.outcome.ok());
  CHECK(report.failed == 1);
  CHECK(report.embedded == 9);
  CHECK(bench.api.jobs.size() == 1);
  REQUIRE(bench.store->Failures()->size() == 1);
  CHECK(bench.store->Failures()->front().code == "rejected");
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: when every row fails nothing is spent, and the ledger does not claim otherwise") {
  JobBench bench;
  bench.api.row_error = [&](const std::string&, int) { return Status(Code::kRejected, "no"); };
  CHECK(bench.MustRun(Texts(Numbered(10))).failed == 10);
  CHECK(bench.Sums().spent.tokens == 0);
  bench.api.row_error = nullptr;
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: without waiting a failed row is left to a later run") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.api.row_error = [&](const std::string& text, int round) {
    return text == "text number 4" && round == 1 ? Status(Code::kUnavailable, "no") : Status();
  };
  for (int runs = 0; runs < 6; ++runs) bench.MustRun(Texts(Numbered(10)));
  CHECK(bench.HasAll(Numbered(10)));
  CHECK(bench.api.jobs.size() == 2);
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: after a refusal no job is left planned, so calls can send everything") {
  JobBench bench;
  bench.api.before = [](std::size_t, BatchCall kind) {
    return kind == BatchCall::kCreate ? Status(Code::kPermissionDenied, "free tier") : Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(35))).outcome.code() == Code::kPermissionDenied);
  CHECK(bench.OpenJobs().empty());
  bench.options.mode = IngestMode::kSync;
  CHECK(bench.MustRun(Texts(Numbered(35))).complete);
  CHECK(bench.Sums().in_doubt.texts == 0);
}

TEST_CASE("jobs: a server on which no job can be made ends the run") {
  JobBench bench;
  Code code = Code::kNotFound;
  std::uint64_t in_doubt = 0;
  std::string words = "no job";
  SUBCASE("it never has the input") {}
  SUBCASE("it never answers a creation") {
    code = Code::kInDoubt;
    in_doubt = 10 * bench.options.batch.max_rounds;
    words = "brought no result";
  }
  SUBCASE("it is away") { code = Code::kUnavailable; }
  SUBCASE("it refuses") { code = Code::kPermissionDenied; }
  bench.api.before = [&](std::size_t, BatchCall kind) {
    REQUIRE(bench.api.calls < 1000);
    return kind == BatchCall::kCreate ? Status(code, "no job") : Status();
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(!report.outcome.ok());
  CHECK(report.outcome.message().find(words) != std::string::npos);
  CHECK(bench.Sums().spent.tokens == 0);
  bench.api.before = nullptr;
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled(in_doubt));
}

TEST_CASE("jobs: an input that has expired on the server is uploaded again") {
  JobBench bench;
  int creations = 0;
  bench.api.before = [&](std::size_t, BatchCall kind) {
    if (kind == BatchCall::kCreate && creations++ == 0) bench.api.ForgetFiles();
    return Status();
  };
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.calls_of[BatchCall::kUpload] == 2);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

std::filesystem::path InputOf(const JobBench& bench) {
  for (const auto& entry : std::filesystem::directory_iterator(bench.dir.path() / "jobs")) {
    return entry.path();
  }
  return {};
}

enum class Loss { kGone, kCut, kChanged };

void Spoil(const std::filesystem::path& path, Loss loss) {
  REQUIRE(!path.empty());
  if (loss == Loss::kGone) {
    std::filesystem::remove(path);
  } else if (loss == Loss::kCut) {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  } else {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(40).put('T');
  }
}

TEST_CASE("jobs: an input that is lost before it was sent is no loss") {
  JobBench bench;
  bench.api.before = [](std::size_t, BatchCall) -> Status { throw Killed(); };
  CHECK_THROWS_AS(bench.Run(Texts(Numbered(10))), Killed);
  bench.api.before = nullptr;
  SUBCASE("gone") { Spoil(InputOf(bench), Loss::kGone); }
  SUBCASE("cut") { Spoil(InputOf(bench), Loss::kCut); }
  SUBCASE("changed") { Spoil(InputOf(bench), Loss::kChanged); }
  bench.Reopen();
  bench.MustRun(Texts(Numbered(10)));
  bench.Reopen();
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK_MESSAGE(report.outcome.ok(), report.outcome.message());
  CHECK(report.complete);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.HasAll(Numbered(10)));
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: an input that is lost while its job runs stops everything and pays nothing") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(10)));
  const auto path = InputOf(bench);
  const auto kept = bench.dir.path() / "kept";
  std::filesystem::copy_file(path, kept);
  SUBCASE("gone") { Spoil(path, Loss::kGone); }
  SUBCASE("cut") { Spoil(path, Loss::kCut); }
  SUBCASE("changed") { Spoil(path, Loss::kChanged); }
  bench.options.batch.wait = true;
  for (int runs = 0; runs < 2; ++runs) {
    bench.Reopen();
    const IngestReport report = bench.MustRun(Texts(Numbered(10)));
    CHECK(report.outcome.code() == Code::kCorruption);
    CHECK(report.outcome.message().find("--abandon 1") != std::string::npos);
    CHECK(report.embedded == 0);
  }
  CHECK(bench.api.jobs.size() == 1);
  std::filesystem::copy_file(kept, path, std::filesystem::copy_options::overwrite_existing);
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(10))).complete);
  CHECK(bench.api.EachSentOnce());
  CHECK(bench.IsSettled());
}

TEST_CASE("jobs: a failed job whose input is lost leaves its texts missing, not bought") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(10)));
  Spoil(InputOf(bench), Loss::kGone);
  bench.options.batch.wait = true;
  bench.api.final_state = "BATCH_STATE_FAILED";
  bench.MustRun(Texts(Numbered(10)));
  bench.api.final_state = "BATCH_STATE_SUCCEEDED";
  bench.Reopen();
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK_MESSAGE(report.complete, report.outcome.message());
  CHECK(bench.IsSettled());
}

}  // namespace
}  // namespace embstore
