// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "unit/ingest/ingest_testing.h"

namespace embstore {
namespace {

using namespace testing;

TEST_CASE("ingest: no request begins that could pass the budget") {
  Bench bench;
  bench.options.price = {
      1'000'000};  // One dollar per million tokens: about 140 micro-dollars a batch.
  bench.options.budgets.per_run = Money{300'000};
  const IngestReport report = bench.MustRun(Texts(Numbered(10)));
  CHECK(report.complete);
  const IngestReport more = bench.MustRun(Texts(Numbered(50)));
  CHECK(more.outcome.code() == Code::kBudgetReached);
  CHECK(more.embedded == 20);
  CHECK(more.cost <= Money{300'000});
  CHECK(more.outcome.message().find("$0.0003") != std::string::npos);
  bench.options.budgets.per_run.reset();
  CHECK(bench.MustRun(Texts(Numbered(50))).complete);
  for (const auto& [text, count] : bench.provider.billed()) CHECK(count == 1);
}

}  // namespace
}  // namespace embstore
