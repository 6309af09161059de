// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

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

TEST_CASE("ingest: a plan knows what is in jobs and what may have been paid for") {
  JobBench bench;
  bench.options.batch.wait = false;
  bench.MustRun(Texts(Numbered(12)));
  bench.options.mode = IngestMode::kSync;
  bench.options.retry.max_retries = 0;
  bench.provider.script = [](std::size_t, auto) { return Status(Code::kInDoubt, "lost"); };
  bench.MustRun(Texts(Numbered(15)));
  const IngestPlan plan = bench.MustPlan(Texts(Numbered(20)));
  CHECK(plan.in_jobs == 12);
  CHECK(plan.in_doubt == 3);
  CHECK(plan.to_embed == 8);
  CHECK(plan.unique_documents == plan.cached + plan.in_jobs + plan.to_embed);
  bench.options.doubt.resend = false;
  CHECK(bench.MustPlan(Texts(Numbered(20))).to_embed == 5);
}

TEST_CASE("ingest: estimates are corrected by what the server counted before, model by model") {
  Bench bench;
  const auto texts = Numbered(200);
  bench.provider.spoil = [](std::size_t, EmbedReply* reply) {
    reply->total_tokens = reply->vectors.size() / 4 * 28;  // A text counts 28 instead of 13 to 15.
  };
  CHECK(bench.MustPlan(Texts(texts)).token_ratio == 1);
  bench.MustRun(Texts(texts));
  std::uint64_t estimate = 0;
  for (const std::string& text : texts) estimate += text.size();
  const double ratio = 200.0 * 28 / static_cast<double>(estimate);
  const IngestPlan plan = bench.MustPlan(Texts({"eleven byte"}));
  CHECK(plan.token_ratio == doctest::Approx(ratio));
  CHECK(plan.tokens == static_cast<std::uint64_t>(std::ceil(11 * ratio)));
  CHECK(plan.cost == CostOf(plan.tokens, bench.options.price));
  bench.provider.spoil = nullptr;
  CHECK(bench.MustRun(Texts({"eleven byte"})).tokens == plan.tokens);
  bench.provider.identity_.model = "another";
  CHECK(bench.MustPlan(Texts({"eleven byte"})).token_ratio == 1);
}

TEST_CASE("ingest: a few counted tokens teach nothing, and nothing is learned beyond reason") {
  Bench bench;
  std::uint64_t factor = 1;
  bench.provider.spoil = [&](std::size_t, EmbedReply* reply) {
    reply->total_tokens = reply->vectors.size() / 4 * 13 * factor;
  };
  factor = 50;
  bench.MustRun(Texts(Numbered(10)));  // Below a thousand tokens.
  CHECK(bench.MustPlan(Texts({"a"})).token_ratio == 1);
  bench.MustRun(Texts(Numbered(100)));
  CHECK(bench.MustPlan(Texts({"a"})).token_ratio == 4);
}

}  // namespace
}  // namespace embstore
