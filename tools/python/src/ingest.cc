// SPDX-License-Identifier: Apache-2.0
#include "embstore/ingest.h"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "embstore/config.h"
#include "embstore/dataset.h"
#include "errors.h"
#include "values.h"

namespace embstore::python {
namespace py = pybind11;
using namespace py::literals;

namespace {

using DatasetPointer = std::shared_ptr<Dataset>;

DatasetPointer MakeFile(const std::filesystem::path& path, const std::string& format,
                        std::vector<std::string> text_fields, std::string id_field,
                        std::string label_field) {
  FileDatasetOptions options;
  options.path = path;
  const auto parsed = ParseDatasetFormat(format);
  if (!parsed) Refuse("the format is 'ag_news', 'csv' or 'jsonl', not '" + format + "'");
  options.format = *parsed;
  options.text_fields = std::move(text_fields);
  options.id_field = std::move(id_field);
  options.label_field = std::move(label_field);
  return Take(OpenFileDataset(std::move(options)));
}

/// `ids` and `labels` are lists as long as `texts`, or None; a label may be None.
DatasetPointer MakeMemory(const py::list& texts, const py::object& ids, const py::object& labels) {
  std::vector<OwnedDocument> documents(texts.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    OwnedDocument& document = documents[i];
    document.text = String(texts[i], i);
    if (!ids.is_none()) {
      document.id = String(ids[py::int_(i)], i);
      if (document.id.empty()) Refuse("document " + std::to_string(i) + " has an empty id");
    }
    if (labels.is_none()) continue;
    const py::object label = labels[py::int_(i)];
    if (!label.is_none()) document.label = String(label, i);
  }
  return Take(MakeMemoryDataset(std::move(documents)));
}

py::dict PlanDict(const IngestPlan& plan) {
  return py::dict("documents"_a = plan.documents, "unique_documents"_a = plan.unique_documents,
                  "duplicates"_a = plan.duplicates, "cached"_a = plan.cached,
                  "in_jobs"_a = plan.in_jobs, "in_doubt"_a = plan.in_doubt,
                  "to_embed"_a = plan.to_embed, "too_long"_a = plan.too_long,
                  "empty"_a = plan.empty, "batches"_a = plan.batches, "tokens"_a = plan.tokens,
                  "cost_usd"_a = plan.cost.usd());
}

py::dict ProgressDict(const IngestProgress& progress) {
  return py::dict("texts_done"_a = progress.texts_done, "texts_total"_a = progress.texts_total,
                  "batches_done"_a = progress.batches_done, "tokens"_a = progress.tokens,
                  "cost_usd"_a = progress.cost.usd());
}

py::dict ReportDict(const std::string& split, const IngestReport& r) {
  const py::dict batches("total"_a = r.batches.total, "successful"_a = r.batches.successful,
                         "failed"_a = r.batches.failed, "skipped"_a = r.batches.skipped);
  return py::dict("split"_a = split, "documents"_a = r.documents,
                  "unique_documents"_a = r.unique_documents, "cached"_a = r.cached,
                  "embedded"_a = r.embedded, "failed"_a = r.failed, "skipped"_a = r.skipped,
                  "in_jobs"_a = r.in_jobs, "held"_a = r.held, "in_doubt_texts"_a = r.in_doubt,
                  "in_doubt_usd"_a = r.in_doubt_cost.usd(), "kept_texts"_a = r.kept,
                  "batches"_a = batches, "api_calls"_a = r.api_calls, "tokens"_a = r.tokens,
                  "tokens_estimated"_a = r.tokens_estimated, "estimated_cost_usd"_a = r.cost.usd(),
                  "elapsed_seconds"_a = r.elapsed_seconds,
                  "mean_batch_seconds"_a = r.mean_batch_seconds, "space"_a = ToHex(r.space),
                  "complete"_a = r.complete);
}

/// Hands events to a Python function (kind: str, what), which only puts them into a queue.
class Events final : public IngestObserver {
 public:
  explicit Events(py::function put) : put_(std::move(put)) {}

  void OnWarning(const std::string& message) override { Put("warning", message); }
  void OnNotice(const std::string& message) override { Put("notice", message); }
  void OnProgress(const IngestProgress& progress) override {
    const py::gil_scoped_acquire locked;
    put_("progress", ProgressDict(progress));
  }
  void OnPlan(const IngestPlan& plan) override {
    OnProgress({.texts_done = 0, .texts_total = plan.to_embed, .batches_done = 0, .cost = {}});
  }

 private:
  void Put(const char* kind, const std::string& message) {
    const py::gil_scoped_acquire locked;
    put_(kind, message);
  }

  const py::function put_;
};

Money ParseMoney(const std::string& text) {
  const auto money = ParseUsd(text);
  if (!money) Refuse("max_cost is an amount in USD such as 1.50, not '" + text + "'");
  return *money;
}

/// `price`, else what the table of prices knows.
Price PriceOf(const Provider& provider, IngestMode mode, const std::optional<std::string>& price,
              bool needed) {
  if (price) {
    const auto parsed = ParsePricePerMillion(*price);
    if (!parsed) Refuse("price is USD for a million tokens such as 0.15, not '" + *price + "'");
    return *parsed;
  }
  if (!provider.paid()) return {};
  const PricingConfig pricing = Config().pricing;
  const auto known = pricing.models.find(provider.identity().model);
  if (known != pricing.models.end()) {
    return mode == IngestMode::kBatch ? known->second.batch : known->second.sync;
  }
  if (needed) {
    Refuse("a budget needs a price, and none is known for model '" + provider.identity().model +
           "': give price=; nothing was sent");
  }
  return {};
}

/// The options of a run from the keyword arguments that embstore/ingest.py checks and names.
IngestOptions MakeOptions(const std::string& split, const Provider& provider,
                          const py::dict& arguments) {
  const auto number = [&](const char* key) { return py::cast<std::uint32_t>(arguments[key]); };
  const auto flag = [&](const char* key) { return py::cast<bool>(arguments[key]); };
  const auto text = [&](const char* key) {
    return py::cast<std::optional<std::string>>(arguments[key]);
  };
  IngestOptions options;
  options.split = split;
  options.dataset_name = split;
  options.limit = py::cast<std::uint64_t>(arguments["limit"]);
  options.batch_size = number("batch_size");
  options.concurrency = number("concurrency");
  options.refresh = flag("refresh");
  options.mode = flag("batch_jobs") ? IngestMode::kBatch : IngestMode::kSync;
  options.batch.wait = flag("wait");
  options.check_pairing = flag("check_pairing");
  options.retry.max_retries = number("max_retries");
  options.retry.initial_wait = std::chrono::milliseconds(
      static_cast<std::int64_t>(py::cast<double>(arguments["retry_wait"]) * 1000));
  const auto max_cost = text("max_cost");
  if (max_cost) options.budgets.per_run = ParseMoney(*max_cost);
  options.price = PriceOf(provider, options.mode, text("price"), max_cost.has_value());
  return options;
}

py::dict Plan(OpenStore& store, const std::string& split, const Dataset& dataset,
              const Provider& provider, const py::dict& arguments) {
  const IngestOptions options = MakeOptions(split, provider, arguments);
  return PlanDict(store.Use([&](const std::shared_ptr<Store>& engine) {
    return PlanIngest(engine.get(), dataset, provider, options);
  }));
}

/// Runs `start(store, options)`, which answers a report. Answers that, and the exception that says
/// why the run ended early, or None.
template <typename Start>
py::tuple Run(OpenStore& store, IngestOptions options, const StopFlag& stop, py::function put,
              Start start) {
  if (store.read_only()) {
    Refuse("the store is open for reading only: open it with read_only=False");
  }
  Events events(std::move(put));
  options.stop = &stop;
  options.observer = &events;
  const IngestReport report = store.UseForRun(
      [&](const std::shared_ptr<Store>& engine) { return start(engine.get(), options); });
  const py::object outcome =
      report.outcome.ok() ? py::object(py::none()) : MakeException(report.outcome);
  return py::make_tuple(ReportDict(options.split, report), outcome);
}

py::tuple RunIngest(OpenStore& store, const std::string& split, const Dataset& dataset,
                    Provider& provider, const py::dict& arguments, const StopFlag& stop,
                    py::function put) {
  return Run(store, MakeOptions(split, provider, arguments), stop, std::move(put),
             [&](Store* engine, const IngestOptions& options) {
               return Ingest(engine, dataset, &provider, options);
             });
}

py::tuple RunEmbedTexts(OpenStore& store, const py::list& list, Provider& provider,
                        const py::dict& arguments, const StopFlag& stop, py::function put) {
  const std::vector<std::string> texts = Strings(list);
  return Run(store, MakeOptions("", provider, arguments), stop, std::move(put),
             [&](Store* engine, const IngestOptions& options) {
               return EmbedTexts(engine, texts, &provider, options);
             });
}

}  // namespace

void BindIngest(py::module_& module, StoreClass& store) {
  py::class_<Dataset, DatasetPointer>(module, "Dataset");
  module.def("make_file_dataset", &MakeFile);
  module.def("make_memory_dataset", &MakeMemory);
  py::class_<StopFlag, std::shared_ptr<StopFlag>>(module, "StopFlag")
      .def(py::init([] { return std::make_shared<StopFlag>(false); }))
      .def("set", [](StopFlag& stop) { stop = true; });
  store.def("plan", &Plan);
  store.def("ingest", &RunIngest);
  store.def("embed_texts", &RunEmbedTexts);
}

}  // namespace embstore::python
