// SPDX-License-Identifier: Apache-2.0
// Answers that are paid for when the disk fails: kept, stored by the next open, never paid twice.
#include <doctest/doctest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "embstore/overview.h"
#include "embstore/verify.h"
#include "engine/ingest/quarantine.h"
#include "engine/store/kept_files.h"
#include "engine/store/store_writer.h"
#include "support/file_size_limit.h"
#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using namespace testing;

constexpr std::uint32_t kDimensions = 64;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A disk on which the log of the database cannot grow any more from some call on; smaller files
/// can.
struct FullBench : Bench {
  FullBench() {
    provider.identity_.dimensions = kDimensions;
    provider.script = [this](std::size_t call, std::span<const std::string_view>) {
      if (call >= full_from) FillUp();
      return Status();
    };
  }

  /// Returns when all calls that are to be in flight are, and the disk is full.
  void FillUp() {
    std::unique_lock lock(mutex);
    if (++waiting == in_flight) {
      limit.emplace(BytesOfLog());
      all_in_flight.notify_all();
    }
    all_in_flight.wait(lock, [this] { return waiting >= in_flight; });
  }

  std::uintmax_t BytesOfLog() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(dir.path() / "store")) {
      if (entry.path().extension() == ".log") bytes = std::max(bytes, entry.file_size());
    }
    return bytes;
  }

  IngestReport RunIntoFullDisk() {
    IngestReport report = MustRun(Texts(texts));
    CHECK(report.outcome.code() == Code::kWriteFailed);
    CHECK(!report.complete);
    const std::size_t calls = provider.calls().size() - full_from;
    CHECK(calls >= in_flight);
    CHECK(calls <= (provider.paid_ ? 1 : 4) * in_flight);  // Sent and not durable.
    limit.reset();
    full_from = 1000;
    return report;
  }

  std::vector<fs::path> KeptFiles() const {
    std::vector<fs::path> kept = *ListJobsDirectory(dir.path());
    CHECK(std::all_of(kept.begin(), kept.end(), IsKeptFile));
    return kept;
  }

  /// Goes on to the end: nothing is paid twice, and the books say so.
  void CheckGoesOn(std::uint64_t kept) {
    Reopen();
    CHECK(KeptFiles().empty());
    CHECK(!fs::exists(dir.path() / "jobs"));
    CHECK(Sums().under_way.texts == 0);
    CHECK(Sums().in_doubt.texts == 0);
    CHECK(*store->CountVectors(space()) == full_from_texts + kept);
    const IngestReport report = MustRun(Texts(texts));
    CHECK(recorder.Noticed(std::to_string(kept) + " texts that an earlier run paid for"));
    CHECK(report.complete);
    CheckAllBilledOnce();
  }

  void CheckAllBilledOnce() {
    CHECK(HasAll(texts));
    std::uint64_t tokens = 0;
    for (const auto& [text, times] : provider.billed()) {
      CHECK(times == 1);
      tokens += text.size();
    }
    CHECK(Sums().spent.tokens == tokens);
    CHECK(Sums().spent.texts == texts.size());
    const CoverageRecord coverage = store->Coverages("s")->front().second;
    CHECK(coverage.complete);
    CHECK(coverage.tokens == tokens);
    CHECK(coverage.api_calls == provider.calls().size());
    CHECK(coverage.cost == Sums().spent.cost);
    std::uint64_t of_runs = 0;
    const auto runs = store->Runs();
    for (const RunRecord& run : *runs) of_runs += run.tokens;
    CHECK(of_runs == tokens);
  }

  const std::vector<std::string> texts = Numbered(120);
  std::size_t full_from = 6;
  std::size_t full_from_texts = 60;
  std::size_t in_flight = 1;
  std::optional<FileSizeLimit> limit;
  std::mutex mutex;
  std::condition_variable all_in_flight;
  std::size_t waiting = 0;
};

TEST_CASE("kept: an answer that cannot be stored is stored by the next open and not paid again") {
  FullBench bench;
  const IngestReport report = bench.RunIntoFullDisk();
  CHECK(report.kept == 10);
  CHECK(report.embedded == 60);
  const std::string said = report.outcome.message();
  CHECK_MESSAGE(said.find("10 texts that were paid for are kept in '") != std::string::npos, said);
  CHECK_MESSAGE(said.find(" bytes are needed") != std::string::npos, said);
  CHECK_MESSAGE(said.find("without paying for it again, and goes on") != std::string::npos, said);
  CHECK(bench.KeptFiles() == std::vector{KeptPath(bench.dir.path(), 7)});
  bench.CheckGoesOn(10);
}

TEST_CASE("kept: all answers in flight are kept, and no request follows the first error") {
  FullBench bench;
  bench.options.concurrency = 4;
  bench.in_flight = 4;
  // Calls 4 to 7 are in flight together, whatever the order of the commits before them.
  bench.full_from = 4;
  bench.full_from_texts = 40;
  const IngestReport report = bench.RunIntoFullDisk();
  CHECK(report.kept == 40);
  CHECK(bench.KeptFiles().size() == 4);
  bench.CheckGoesOn(40);
}

TEST_CASE("kept: parts of a batch that was split are kept together") {
  FullBench bench;
  bench.full_from = 6;
  bench.provider.script = [&](std::size_t call, std::span<const std::string_view> texts) {
    if (call < 6) return Status();
    if (texts.size() == 10) return Status(Code::kRejected, "too many");
    if (call == 8) bench.FillUp();
    return Status();
  };
  const IngestReport report = bench.MustRun(Texts(bench.texts));
  CHECK(report.outcome.code() == Code::kWriteFailed);
  CHECK(report.kept == 10);
  CHECK(bench.KeptFiles().size() == 1);
  bench.limit.reset();
  bench.provider.script = nullptr;
  bench.Reopen();
  CHECK(bench.MustRun(Texts(bench.texts)).complete);
  CHECK(bench.HasAll(bench.texts));
  for (const auto& [text, times] : bench.provider.billed()) CHECK(times == 1);
  CHECK(bench.Sums().in_doubt.texts == 0);
}

TEST_CASE("kept: after a failed commit this store object stores nothing more") {
  FullBench bench;
  bench.RunIntoFullDisk();
  const std::size_t calls = bench.provider.calls().size();
  CHECK(bench.Run(Texts(bench.texts)).code() == Code::kWriteFailed);
  CHECK(bench.provider.calls().size() == calls);
  bench.CheckGoesOn(10);
}

TEST_CASE("kept: those who only read are told of it") {
  FullBench bench;
  bench.RunIntoFullDisk();
  bench.Close();
  StoreOptions reading;
  reading.read_only = true;
  bench.Reopen(reading);
  const auto overview = MakeOverview(*bench.store);
  REQUIRE(overview.ok());
  CHECK(overview->kept.replies == 1);
  CHECK(overview->kept.texts == 10);
  CHECK(KeptText(overview->kept) ==
        "1 paid replies (10 texts) wait to be stored by the next ingest\n");
  CHECK(bench.Sums().under_way.texts == 10);
  const IngestPlan plan = bench.MustPlan(Texts(bench.texts));
  CHECK(plan.cached == 70);
  CHECK(plan.to_embed == 50);
  const auto verified = VerifyAll(bench.dir.path(), {});
  REQUIRE(verified.ok());
  CHECK(verified->ok());
  CHECK(verified->litter.empty());
  CHECK(verified->kept_replies == 1);
  CHECK(bench.KeptFiles().size() == 1);
  bench.CheckGoesOn(10);
}

TEST_CASE("kept: a damaged file is said and left, and its texts are in doubt") {
  FullBench bench;
  bench.RunIntoFullDisk();
  bench.Close();
  const fs::path path = bench.KeptFiles().front();
  std::string content = ReadFile(path);
  content[content.size() / 2] ^= 1;
  std::ofstream(path, std::ios::binary) << content;
  const auto verified = VerifyAll(bench.dir.path(), {});
  REQUIRE(verified.ok());
  REQUIRE(verified->damaged.size() == 1);
  CHECK(verified->damaged.front().where == path.string());
  for (int i = 0; i < 2; ++i) {
    bench.Reopen();
    CHECK(bench.Sums().in_doubt.texts == 10);
    bench.recorder.warnings.clear();
    CHECK(bench.MustRun(Texts(bench.texts)).complete);
    CHECK(bench.recorder.Warned("'" + path.string() + "' are damaged"));
    CHECK(ReadFile(path) == content);
  }
  CHECK(bench.HasAll(bench.texts));
}

TEST_CASE("kept: a file of answers that are stored is removed, and nothing is booked again") {
  FullBench bench;
  bench.RunIntoFullDisk();
  bench.Close();
  const fs::path path = bench.KeptFiles().front();
  const std::string content = ReadFile(path);
  bench.CheckGoesOn(10);
  bench.Close();
  fs::create_directory(bench.dir.path() / "jobs");
  std::ofstream(path, std::ios::binary) << content;
  bench.Reopen();
  CHECK(bench.KeptFiles().empty());
  bench.CheckAllBilledOnce();
}

TEST_CASE("kept: an answer that counts as lost is stored all the same, but not booked") {
  FullBench bench;
  bench.RunIntoFullDisk();
  bench.Close();
  const fs::path path = bench.KeptFiles().front();
  const std::string content = ReadFile(path);
  fs::remove(path);
  bench.Reopen();
  CHECK(bench.Sums().in_doubt.texts == 10);
  bench.Close();
  fs::create_directories(bench.dir.path() / "jobs");
  std::ofstream(path, std::ios::binary) << content;
  bench.Reopen();
  CHECK(bench.KeptFiles().empty());
  CHECK(bench.MustRun(Texts(bench.texts)).complete);
  CHECK(bench.HasAll(bench.texts));
  for (const auto& [text, times] : bench.provider.billed()) CHECK(times == 1);
  CHECK(bench.Sums().in_doubt.texts == 10);
  CHECK(bench.Sums().spent.texts == 110);
}

TEST_CASE("kept: answers that still do not fit stay, and the store does not open") {
  FullBench bench;
  bench.RunIntoFullDisk();
  bench.Close();
  {
    const FileSizeLimit limit(1000);  // Too small for a commit, not for what opening writes.
    const auto opened = Store::Open(bench.dir.path(), {});
    CHECK(opened.code() == Code::kWriteFailed);
  }
  CHECK(bench.KeptFiles().size() == 1);
  bench.CheckGoesOn(10);
}

TEST_CASE("kept: without room for the answers nothing is sent") {
  Bench bench;
  bench.provider.identity_.dimensions = 8192;
  {
    const FileSizeLimit limit(600'000);
    const auto report = bench.Run(Texts(Numbered(30)));
    REQUIRE(report.code() == Code::kWriteFailed);
    const std::string said = report.status().message();
    CHECK_MESSAGE(said.find(" bytes are needed") != std::string::npos, said);
    CHECK_MESSAGE(said.find("nothing was sent") != std::string::npos, said);
  }
  CHECK(bench.provider.calls().empty());
  CHECK(!fs::exists(bench.dir.path() / "jobs"));
  bench.Reopen();
  CHECK(bench.MustRun(Texts(Numbered(30))).complete);
}

TEST_CASE("kept: where nothing is paid no room is taken and nothing is kept") {
  FullBench bench;
  bench.provider.paid_ = false;
  const IngestReport report = bench.RunIntoFullDisk();
  CHECK(report.kept == 0);
  CHECK(!fs::exists(bench.dir.path() / "jobs"));
}

TEST_CASE("kept: room is taken during a run, and given back at its end or by the next one") {
  Bench bench;
  const fs::path reserve = ReservePath(bench.dir.path(), 0);
  std::uintmax_t bytes = 0;
  bench.provider.script = [&](std::size_t, std::span<const std::string_view>) {
    bytes = fs::file_size(reserve);
    return Status();
  };
  bench.MustRun(Texts(Numbered(20)));
  CHECK(bytes > 10 * 4 * 16);
  CHECK(!fs::exists(bench.dir.path() / "jobs"));
  bench.Close();
  fs::create_directory(bench.dir.path() / "jobs");
  std::ofstream(reserve, std::ios::binary) << std::string(1000, '\0');
  bench.Reopen();
  CHECK(!fs::exists(bench.dir.path() / "jobs"));
}

TEST_CASE("kept: a quarantined answer that the ledger was not told of is known after an open") {
  Bench bench;
  bench.MustRun(Texts({"first"}));
  const std::vector<std::string_view> texts = {"one", "two"};
  RequestIntent intent;
  intent.split = "s";
  intent.space = bench.space();
  for (const std::string_view text : texts) intent.keys.push_back(LedgerKey(MakeTextKey(text)));
  const auto request = StoreWriter(bench.store.get()).ledger().Begin(intent);
  REQUIRE(request.ok());
  EmbedReply reply;
  reply.vectors.assign(8, 1);
  const auto reserve = ReplyReserve::Take(bench.dir.path(), 0, 0);
  REQUIRE(WriteQuarantine(reserve->get(), *request, texts, reply, 4).ok());
  bench.Reopen();
  REQUIRE(bench.OpenJobs().size() == 1);
  CHECK(bench.OpenJobs().front().id == *request);
  CHECK(bench.OpenJobs().front().step == JobStep::kQuarantined);
  CHECK(bench.Sums().in_doubt.texts == 0);
  CHECK(*AcceptJob(bench.store.get(), &bench.provider, *request) == 2);
}

}  // namespace
}  // namespace embstore
