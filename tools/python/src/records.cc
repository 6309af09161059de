// SPDX-License-Identifier: Apache-2.0
// What the store records about coverage, jobs, failures and money, as dicts of plain values.
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "embstore/export.h"

namespace embstore::python {
namespace py = pybind11;
using namespace py::literals;

namespace {

using StorePointer = std::shared_ptr<Store>;

struct Coverage {
  SpaceId space;
  CoverageRecord record;
  ExportInfo exported;
};

const char* ExportWord(ExportState state) {
  return state == ExportState::kCurrent ? "current"
         : state == ExportState::kOther ? "older"
                                        : "none";
}

py::list Coverages(OpenStore& store, const SplitInfo& split) {
  using Found = std::vector<Coverage>;
  const Found found = store.Use([&](const StorePointer& engine) -> Result<Found> {
    auto coverages = engine->Coverages(split.name);
    if (!coverages.ok()) return coverages.status();
    Found current;
    for (auto& [space, record] : *coverages) {
      if (record.generation != split.record.generation) {
        // The numbers are about an earlier list of documents.
        auto embedded = engine->CountEmbedded(split, space);
        if (!embedded.ok()) return embedded.status();
        record.embedded = *embedded;
      }
      auto exported = FindExport(*engine, split.name, space);
      if (!exported.ok()) return exported.status();
      current.push_back({space, record, *exported});
    }
    return current;
  });
  py::list dicts;
  for (const auto& [space, record, exported] : found) {
    dicts.append(py::dict(
        "space"_a = ToHex(space), "embedded"_a = record.embedded, "imported"_a = record.imported,
        "last_position"_a = record.last_position, "batch_size"_a = record.batch_size,
        "total_batches"_a = record.total_batches, "updated_micros"_a = record.updated_micros,
        "export"_a = ExportWord(exported.state), "export_bytes"_a = exported.bytes));
  }
  return dicts;
}

py::dict JobDict(const JobRecord& job) {
  return py::dict("id"_a = job.id, "name"_a = job.name, "display_name"_a = job.display_name,
                  "state"_a = job.state, "open"_a = job.step != JobStep::kEnded,
                  "split"_a = job.split, "model"_a = job.model, "texts"_a = job.texts,
                  "stored_texts"_a = job.stored_texts, "tokens"_a = job.tokens,
                  "price_usd"_a = job.cost.usd(), "created_micros"_a = job.created_micros,
                  "updated_micros"_a = job.updated_micros, "note"_a = job.note);
}

py::dict FailureDict(const FailureRecord& failure) {
  return py::dict("split"_a = failure.split, "id"_a = failure.document_id, "code"_a = failure.code,
                  "reason"_a = failure.reason);
}

py::tuple AmountTuple(const SpendRecord::Amount& amount) {
  return py::make_tuple(amount.texts, amount.tokens, amount.cost.nano_usd);
}

py::dict SpendDict(const SpendRecord& spend) {
  return py::dict(
      "day"_a = spend.day, "split"_a = spend.split, "model"_a = spend.model,
      "batch"_a = spend.batch, "spent"_a = AmountTuple(spend.spent),
      "wasted"_a = AmountTuple(spend.wasted), "in_doubt"_a = AmountTuple(spend.in_doubt),
      "under_way"_a = AmountTuple(spend.under_way), "reported_tokens"_a = spend.reported_tokens,
      "estimate_of_reported"_a = spend.estimate_of_reported);
}

py::dict DoubtDict(const DoubtRecord& doubt) {
  return py::dict("request"_a = doubt.request, "split"_a = doubt.split, "model"_a = doubt.model,
                  "texts"_a = doubt.texts, "tokens"_a = doubt.tokens,
                  "price_usd"_a = doubt.cost.usd(), "since_micros"_a = doubt.since_micros,
                  "reason"_a = doubt.reason);
}

template <typename Record>
py::list Dicts(const std::vector<Record>& records, py::dict (*dict)(const Record&)) {
  py::list dicts;
  for (const Record& record : records) dicts.append(dict(record));
  return dicts;
}

}  // namespace

void BindRecords(StoreClass& store) {
  store.def("coverages", &Coverages);
  store.def("count_vectors", [](OpenStore& s, const SpaceInfo& space) {
    return s.Use([&](const StorePointer& engine) { return engine->CountVectors(space.id); });
  });
  store.def("disk_bytes", [](OpenStore& s) {
    return s.Use([](const StorePointer& engine) { return engine->DiskBytes(); });
  });
  store.def("jobs", [](OpenStore& s) {
    return Dicts(s.Use([](const StorePointer& engine) { return engine->Jobs(); }), &JobDict);
  });
  store.def("failures", [](OpenStore& s) {
    return Dicts(s.Use([](const StorePointer& engine) { return engine->Failures(); }),
                 &FailureDict);
  });
  store.def("spending", [](OpenStore& s) {
    return Dicts(s.Use([](const StorePointer& engine) { return engine->Spending(); }), &SpendDict);
  });
  store.def("doubts", [](OpenStore& s) {
    return Dicts(s.Use([](const StorePointer& engine) { return engine->Doubts(); }), &DoubtDict);
  });
}

}  // namespace embstore::python
