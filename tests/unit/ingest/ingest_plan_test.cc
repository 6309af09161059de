// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

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

}  // namespace
}  // namespace embstore
