// SPDX-License-Identifier: Apache-2.0
// Ingest and export.
#include "embstore/ingest.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embstore/export.h"
#include "engine/c_api/boundary.h"
#include "engine/c_api/handles.h"

namespace embstore::c_api {
namespace {

Result<std::unique_ptr<Dataset>> MakeDataset(const embstore_documents* given) {
  embstore_documents read;
  Status status = Require({{given, "documents"}});
  if (status.ok()) status = ReadStruct(given, &read);
  if (status.ok() && read.count != 0) status = Require({{read.texts, "texts"}});
  if (!status.ok()) return status;
  std::vector<OwnedDocument> documents(read.count);
  for (std::size_t i = 0; i < read.count; ++i) {
    documents[i].text = View(read.texts[i]);
    if (read.ids != nullptr) documents[i].id = View(read.ids[i]);
    if (read.labels != nullptr && read.labels[i].data != nullptr) {
      documents[i].label = View(read.labels[i]);
    }
  }
  return MakeMemoryDataset(std::move(documents));
}

/// Tells the caller's callbacks; raises `stop` when one asks for it.
class CallbackObserver final : public IngestObserver {
 public:
  CallbackObserver(const embstore_ingest_options& options, StopFlag* stop)
      : options_(options), stop_(stop) {}

  void OnWarning(const std::string& message) override {
    if (options_.warning != nullptr) options_.warning(options_.context, message.c_str());
  }
  void OnProgress(const IngestProgress& progress) override {
    if (options_.progress == nullptr) return;
    const embstore_progress told{sizeof told, progress.texts_done, progress.texts_total,
                                 progress.tokens, progress.cost.nano_usd};
    if (options_.progress(options_.context, &told) != 0) *stop_ = true;
  }

 private:
  const embstore_ingest_options& options_;
  StopFlag* const stop_;
};

IngestOptions MakeOptions(const char* name, const embstore_ingest_options& read) {
  IngestOptions options;
  options.split = name;
  options.dataset_name = Text(read.dataset_name);
  options.batch_size = read.batch_size;
  options.concurrency = read.concurrency;
  options.refresh = read.refresh != 0;
  options.price = Price{read.price_micro_usd_per_million_tokens};
  if (read.max_cost_nano_usd != 0) options.budgets.per_run = Money{read.max_cost_nano_usd};
  return options;
}

embstore_ingest_report Tell(const IngestReport& report) {
  embstore_ingest_report told{};
  told.documents = report.documents;
  told.unique_documents = report.unique_documents;
  told.cached = report.cached;
  told.embedded = report.embedded;
  told.failed = report.failed;
  told.skipped = report.skipped;
  told.in_doubt = report.in_doubt;
  told.api_calls = report.api_calls;
  told.tokens = report.tokens;
  told.cost_nano_usd = report.cost.nano_usd;
  told.complete = report.complete ? 1 : 0;
  return told;
}

Result<ExportOptions> MakeOptions(const char* name, const embstore_space& space,
                                  const embstore_export_options* given) {
  embstore_export_options read;
  if (Status status = ReadStruct(given, &read); !status.ok()) return status;
  ExportOptions options;
  options.split = name;
  options.space = space.info.id;
  options.output_dir = Text(read.output_dir);
  options.dimensions = read.dimensions;
  options.normalize = read.as_given == 0;
  options.verify = read.verify != 0;
  switch (read.missing) {
    case EMBSTORE_MISSING_FAIL:
      return options;
    case EMBSTORE_MISSING_SKIP:
      options.missing = MissingPolicy::kSkip;
      return options;
    case EMBSTORE_MISSING_NAN:
      options.missing = MissingPolicy::kNan;
      return options;
  }
  return Status(Code::kInvalidArgument, "missing has no such value");
}

}  // namespace
}  // namespace embstore::c_api

embstore_code embstore_ingest(embstore_store* store, const char* name,
                              const embstore_documents* documents, embstore_provider* provider,
                              const embstore_ingest_options* options,
                              embstore_ingest_report* report, embstore_error** error) {
  using namespace embstore::c_api;
  using embstore::Status;
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {name, "name"}, {provider, "provider"}});
    if (given.ok()) given = RequireReport(report);
    embstore_ingest_options read;
    if (given.ok()) given = ReadStruct(options, &read);
    if (!given.ok()) return given;
    auto dataset = MakeDataset(documents);
    if (!dataset.ok()) return dataset.status();
    embstore::StopFlag stop = false;
    CallbackObserver observer(read, &stop);
    embstore::IngestOptions made = MakeOptions(name, read);
    made.observer = &observer;
    made.stop = &stop;
    auto ingested = embstore::Ingest(store->store.get(), **dataset, provider->provider.get(), made);
    if (!ingested.ok()) return ingested.status();
    WriteStruct(Tell(*ingested), report);
    return ingested->outcome;
  });
}

embstore_code embstore_export(const embstore_store* store, const char* name,
                              const embstore_space* space, const embstore_export_options* options,
                              embstore_export_report* report, embstore_error** error) {
  using namespace embstore::c_api;
  using embstore::Status;
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {name, "name"}, {space, "space"}});
    if (given.ok()) given = RequireReport(report);
    if (!given.ok()) return given;
    auto made = MakeOptions(name, *space, options);
    if (!made.ok()) return made.status();
    auto exported = embstore::ExportSplit(*store->store, *made);
    if (!exported.ok()) return exported.status();
    WriteStruct(embstore_export_report{0, exported->rows, exported->missing, exported->dimensions,
                                       exported->unchanged ? 1 : 0},
                report);
    return {};
  });
}
