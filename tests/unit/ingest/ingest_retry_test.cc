// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <new>
#include <thread>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

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

TEST_CASE("ingest: when nothing gets an answer the run has failed, however short it was") {
  Bench bench;
  bench.provider.script = [](std::size_t, auto) { return Status(Code::kUnavailable, "down"); };
  const IngestReport report = bench.MustRun(Texts({"a"}));
  CHECK(report.outcome.code() == Code::kUnavailable);
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

/// Refuses memory, once, to a thread that asks for the time after it was told to.
class RefusingClock final : public Clock {
 public:
  void RefuseThisThread() { refused_ = std::this_thread::get_id(); }

  std::chrono::nanoseconds Monotonic() override { return clock_.Monotonic(); }
  std::int64_t WallMicros() override {
    std::thread::id self = std::this_thread::get_id();
    if (refused_.compare_exchange_strong(self, {})) throw std::bad_alloc();
    return clock_.WallMicros();
  }
  bool SleepFor(std::chrono::nanoseconds duration, const StopFlag* stop) override {
    return clock_.SleepFor(duration, stop);
  }

 private:
  FakeClock clock_;
  std::atomic<std::thread::id> refused_{};
};

TEST_CASE("a worker that is refused memory leaves its request in doubt, and what came before") {
  Bench bench;
  RefusingClock clock;
  bench.options.clock = &clock;
  bench.options.doubt.resend = false;
  bench.provider.script = [&](std::size_t call, auto) {
    if (call != 1) return Status();
    clock.RefuseThisThread();  // While the end of the request is written down.
    return Status(Code::kUnavailable, "away");
  };
  const IngestReport report = bench.MustRun(Texts(Numbered(20)));
  CHECK(report.outcome.code() == Code::kInternal);
  CHECK(report.embedded == 10);
  CHECK(report.in_doubt == 10);
  CHECK(bench.Sums().in_doubt.texts == 10);
  CHECK(bench.MustRun(Texts(Numbered(20))).outcome.code() == Code::kHeld);
  CHECK(bench.provider.calls().size() == 2);
}

}  // namespace
}  // namespace embstore
