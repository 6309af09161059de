// SPDX-License-Identifier: Apache-2.0
// The flags that choose input and model, merged with the configuration. The one place that reads
// the environment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app.h"
#include "embstore/config.h"
#include "embstore/dataset.h"
#include "embstore/import.h"
#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "providers.h"

namespace CLI {
class App;
}

namespace embstore::tool {

/// The flags of `ingest` and `plan`. Unset ones leave the configuration as it is.
struct IngestFlags {
  std::string split;
  std::optional<std::string> input;
  std::optional<std::string> format;
  std::optional<std::string> text_fields;
  std::optional<std::string> id_field;
  std::optional<std::string> label_field;
  std::optional<std::string> provider;
  std::optional<std::string> model;
  std::optional<std::uint32_t> dimensions;
  std::optional<std::string> mode;
  std::optional<std::string> base_url;
  std::optional<std::uint32_t> batch_size;
  std::optional<std::uint32_t> concurrency;
  std::uint64_t limit = 0;
  std::optional<std::string> max_cost;
  bool refresh = false;
  bool wait = true;
  bool new_ledger = false;
};

/// What to say of a --max-cost that is no amount.
Status BadCost(const std::string& max_cost);

void AddIngestFlags(CLI::App& command, IngestFlags& flags);
/// Of these only what chooses documents and space.
void AddSplitFlags(CLI::App& command, IngestFlags& flags);

/// Of these only what says how documents are made of a file.
void AddFormatFlags(CLI::App& command, IngestFlags& flags);
/// `file` as `config` and these flags say.
Result<std::unique_ptr<Dataset>> OpenInput(const std::string& file, IngestFlags flags,
                                           Config config);

/// The options that batch jobs are taken on with, also outside of a run.
void FillJobOptions(const Config& config, bool wait, IngestOptions* options);

/// What `ingest` and `plan` work on: configuration and flags made real.
struct PreparedIngest {
  Config config;
  std::unique_ptr<Provider> provider;
  std::unique_ptr<Dataset> dataset;
  IngestOptions options;
  ModelPrice price;
  std::string price_warning;  ///< Empty, or that the model has no price.
};
Result<PreparedIngest> PrepareIngest(const App& app, const IngestFlags& flags, Purpose purpose);

/// How texts without a split are embedded by `provider`, within `max_cost` if there is one. Warns
/// when the model has no price.
Result<IngestOptions> MakeTextOptions(const App& app, const Config& config,
                                      const Provider& provider,
                                      const std::optional<std::string>& max_cost);

/// What `import` works on.
struct PreparedImport {
  Config config;
  std::unique_ptr<Dataset> dataset;  ///< Null: none is given, none is configured;
  Status no_input;                   ///< then this says so.
  ImportOptions options;
};
Result<PreparedImport> PrepareImport(const App& app, const IngestFlags& flags);

/// What a reading command works on.
struct OpenedSplit {
  Config config;
  std::unique_ptr<Store> store;
  SplitInfo split;
  SpaceInfo space;
};

/// Opens the store for reading and finds the split and one of its spaces: the only one, the one
/// whose model is `model`, or the configured one.
Result<OpenedSplit> OpenSplit(const App& app, const std::string& split,
                              const std::optional<std::string>& model);

void AddModelFlag(CLI::App& command, std::optional<std::string>& model);

}  // namespace embstore::tool
