// SPDX-License-Identifier: Apache-2.0
// The flags that choose input and model, merged with the configuration. The one place that reads
// the environment.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app.h"
#include "embstore/config.h"
#include "embstore/dataset.h"
#include "embstore/ingest.h"
#include "embstore/provider.h"

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
};

void AddIngestFlags(CLI::App& command, IngestFlags& flags);

/// Changes `config` as the flags say. kInvalidArgument: an impossible value.
Status ApplyFlags(const IngestFlags& flags, Config* config);

Result<std::unique_ptr<Dataset>> OpenDataset(const IngestFlags& flags, const Config& config);

enum class Purpose {
  kEmbed,  ///< Needs a key.
  kPlan,   ///< Sends nothing, so needs none.
};
Result<std::unique_ptr<Provider>> MakeProvider(const Config& config, Purpose purpose);

/// Everything of IngestOptions that flags and configuration decide.
Result<IngestOptions> MakeIngestOptions(const IngestFlags& flags, const Config& config,
                                        const Provider& provider);

/// The prices of the provider's model; nothing (with a warning to print) when it has none.
ModelPrice PriceOf(const Config& config, const Provider& provider, std::string* warning);

/// The space that a reading command is about: the only one that covers the split, the one whose
/// model is `model`, or the configured one.
Result<SpaceInfo> ChooseSpace(const Store& store, const SplitInfo& split, const Config& config,
                              const std::optional<std::string>& model);

}  // namespace embstore::tool
