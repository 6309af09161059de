// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/base/split_name.h"
#include "engine/base/text.h"
#include "flags.h"

namespace embstore::tool {
namespace {

// As in config.yaml.
constexpr std::uint64_t kMostDimensions = 8192;
constexpr std::uint64_t kMostTexts = 2048;
constexpr std::uint64_t kMostRequests = 256;
constexpr std::uint64_t kMostDocuments = 1'000'000'000'000;

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t comma = text.find(',', begin);
    parts.push_back(text.substr(begin, comma - begin));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

Status ApplyFlags(const IngestFlags& flags, Config* config) {
  EmbeddingConfig& embedding = config->embedding;
  if (flags.provider && *flags.provider != embedding.provider) {
    const std::array<std::string_view, 3> known = {kGemini, kOpenAi, kLocal};
    if (std::find(known.begin(), known.end(), *flags.provider) == known.end()) {
      const std::string_view near = NearestName(*flags.provider, known);
      return {Code::kInvalidArgument,
              "unknown provider '" + Printable(*flags.provider, 40) +
                  "'; there are gemini, openai and local" +
                  (near.empty() ? "" : " (did you mean " + std::string(near) + "?)")};
    }
    // The configured model and address belong to the configured provider.
    embedding.provider = *flags.provider;
    embedding.model = DefaultModel(*flags.provider);
    embedding.base_url.clear();
  }
  if (flags.model) embedding.model = *flags.model;
  if (flags.dimensions) embedding.dimensions = *flags.dimensions;
  if (flags.base_url) embedding.base_url = *flags.base_url;
  if (flags.batch_size) embedding.batch_size = *flags.batch_size;
  if (flags.concurrency) embedding.concurrency = *flags.concurrency;
  if (flags.refresh) embedding.cache_enabled = false;
  if (embedding.batch_size == 0) return {Code::kInvalidArgument, "--batch-size is at least 1"};

  DatasetConfig& dataset = config->dataset;
  if (flags.format) {
    const auto format = ParseDatasetFormat(*flags.format);
    if (!format) {
      return {Code::kInvalidArgument,
              "--format is ag_news, csv or jsonl, not '" + Printable(*flags.format, 40) + "'"};
    }
    dataset.format = *format;
  }
  if (flags.text_fields) dataset.text_fields = SplitAtCommas(*flags.text_fields);
  if (flags.id_field) dataset.id_field = *flags.id_field;
  if (flags.label_field) dataset.label_field = *flags.label_field;
  if (flags.input) {
    if (flags.input->empty()) return {Code::kInvalidArgument, "--input names no file"};
    config->dataset.splits[flags.split].path = *flags.input;
  }
  return {};
}

/// --mode, or batch where the configuration wants it and the provider has it.
Result<IngestMode> ModeOf(const IngestFlags& flags, const Config& config, Provider& provider) {
  const bool has_batch = provider.batch() != nullptr;
  if (!flags.mode) {
    return config.embedding.use_batch_api && has_batch ? IngestMode::kBatch : IngestMode::kSync;
  }
  if (*flags.mode == "sync") return IngestMode::kSync;
  if (*flags.mode != "batch") {
    return Status(Code::kInvalidArgument,
                  "--mode is 'sync' or 'batch', not '" + Printable(*flags.mode, 40) + "'");
  }
  if (has_batch) return IngestMode::kBatch;
  return Status(Code::kInvalidArgument, "provider '" + std::string(provider.name()) +
                                            "' has no batch jobs; nothing was sent: use --mode "
                                            "sync");
}

BatchPolicy MakeBatchPolicy(const BatchConfig& config, bool wait) {
  BatchPolicy policy;
  policy.max_job_tokens = config.max_job_tokens;
  policy.max_job_texts = config.max_job_texts;
  policy.max_job_bytes = config.max_job_bytes;
  policy.max_enqueued_tokens = config.max_enqueued_tokens;
  policy.max_jobs = config.max_jobs;
  policy.max_rounds = config.max_rounds;
  policy.first_poll = Milliseconds(config.first_poll_seconds);
  policy.max_poll = Milliseconds(config.max_poll_seconds);
  policy.queue_wait = Milliseconds(config.queue_wait_seconds);
  policy.max_queue_wait = 5 * policy.queue_wait;
  policy.creation_grace = Milliseconds(config.creation_grace_seconds);
  policy.wait = wait;
  return policy;
}

/// Ok when a file is given or configured.
Status CheckInput(const IngestFlags& flags, const Config& config) {
  const auto split = config.dataset.splits.find(flags.split);
  if (split != config.dataset.splits.end() && !split->second.path.empty()) return {};
  std::string known;
  for (const auto& [name, unused] : config.dataset.splits) {
    known += (known.empty() ? "" : ", ") + name;
  }
  return {Code::kInvalidArgument,
          "no input for split '" + Printable(flags.split, 64) +
              "': give --input FILE, or name it under dataset.splits in config.yaml" +
              (known.empty() ? "" : " (there are: " + known + ")")};
}

Result<std::unique_ptr<Dataset>> OpenDataset(const IngestFlags& flags, const Config& config) {
  if (Status checked = CheckInput(flags, config); !checked.ok()) return checked;
  FileDatasetOptions options;
  options.path = config.dataset.splits.at(flags.split).path;
  options.format = config.dataset.format;
  if (options.format != DatasetFormat::kAgNews) {
    options.text_fields = config.dataset.text_fields;
    options.id_field = config.dataset.id_field;
    options.label_field = config.dataset.label_field;
  }
  auto dataset = OpenFileDataset(std::move(options));
  if (dataset.code() == Code::kNotFound) {
    return Status(Code::kInvalidArgument, dataset.status().message());
  }
  return dataset;
}

Result<IngestOptions> MakeIngestOptions(const IngestFlags& flags, const Config& config,
                                        IngestMode mode, const ModelPrice& price,
                                        const std::string& price_warning) {
  IngestOptions options;
  options.split = flags.split;
  options.dataset_name = config.dataset.name;
  const auto split = config.dataset.splits.find(flags.split);
  // An expectation is about the configured file, not about another one.
  if (split != config.dataset.splits.end() && !flags.input) {
    options.expected_documents = split->second.expected_documents;
  }
  options.limit = flags.limit;
  options.batch_size = config.embedding.batch_size;
  options.concurrency = config.embedding.concurrency;
  options.refresh = !config.embedding.cache_enabled;
  options.write_checkpoint = config.embedding.checkpoint_enabled;
  options.mode = mode;
  options.price = mode == IngestMode::kBatch ? price.batch : price.sync;
  options.budgets = {config.budget.per_run, config.budget.per_day, config.budget.per_split};
  if (flags.max_cost) {
    options.budgets.per_run = ParseUsd(*flags.max_cost);
    if (!options.budgets.per_run) return BadCost(*flags.max_cost);
  }
  const Budgets& budgets = options.budgets;
  if (!price_warning.empty() && (budgets.per_run || budgets.per_day || budgets.per_split)) {
    return Status(Code::kInvalidArgument,
                  "a budget needs a price: " + price_warning + "; nothing was sent");
  }
  options.doubt = {config.doubt.resend, config.doubt.max_resend};
  options.check_pairing = config.embedding.check_pairing && config.embedding.provider != kLocal;
  FillJobOptions(config, flags.wait, &options);
  options.jitter_seed = config.seed;
  return options;
}

std::string Describe(const SpaceInfo& space) {
  const EmbeddingIdentity& identity = space.record.identity;
  std::string text = identity.model + " (" + std::to_string(identity.dimensions) + " dimensions";
  if (!identity.task_type.empty()) text += ", " + identity.task_type;
  return text + ")";
}

}  // namespace

void AddFormatFlags(CLI::App& command, IngestFlags& flags) {
  command.add_option("--format", flags.format, "ag_news, csv or jsonl");
  command.add_option("--text-field", flags.text_fields, "Field(s) with the text: F[,F2]");
  command.add_option("--id-field", flags.id_field, "Field with the document id");
  command.add_option("--label-field", flags.label_field, "Field with the label");
}

void AddSplitFlags(CLI::App& command, IngestFlags& flags) {
  command.add_option("split", flags.split, "Name of the split, e.g. train")->required();
  command.add_option("--input", flags.input, "Input file; plain, gzip or zstd");
  AddFormatFlags(command, flags);
  command.add_option("--provider", flags.provider, "gemini, openai or local")
      ->envname("EMBSTORE_PROVIDER");
  command.add_option("--model", flags.model, "Model name")->envname("EMBSTORE_MODEL");
  command.add_option("--dimensions", flags.dimensions, "Numbers a vector")
      ->check(WholeNumber(kMostDimensions))
      ->envname("EMBSTORE_DIMENSIONS");
  command.add_option("--limit", flags.limit, "Only the first N documents")
      ->check(WholeNumber(kMostDocuments));
}

Status BadCost(const std::string& max_cost) {
  return {Code::kInvalidArgument,
          "--max-cost is an amount in USD such as 1.50, not '" + Printable(max_cost, 40) + "'"};
}

void AddIngestFlags(CLI::App& command, IngestFlags& flags) {
  AddSplitFlags(command, flags);
  command.add_option("--mode", flags.mode, "sync, or batch: half the price, takes longer")
      ->envname("EMBSTORE_MODE");
  command.add_option("--base-url", flags.base_url, "Server, e.g. http://127.0.0.1:8080")
      ->envname("EMBSTORE_BASE_URL");
  command.add_option("--batch-size", flags.batch_size, "Texts a request")
      ->check(WholeNumber(kMostTexts))
      ->envname("EMBSTORE_BATCH_SIZE");
  command.add_option("--concurrency", flags.concurrency, "Requests in flight")
      ->check(WholeNumber(kMostRequests))
      ->envname("EMBSTORE_CONCURRENCY");
  command.add_option("--max-cost", flags.max_cost, "Stop before spending more than this, in USD");
  command.add_flag("--refresh", flags.refresh, "Embed again what is cached (and pay again)");
  command.add_flag("--wait,!--no-wait", flags.wait,
                   "Wait for batch jobs (default), or return once they are submitted");
  command.add_flag("--new-ledger", flags.new_ledger,
                   "Begin a new ledger where the old one is lost");
}

void FillJobOptions(const Config& config, bool wait, IngestOptions* options) {
  options->batch = MakeBatchPolicy(config.batch, wait);
  options->retry.max_retries = config.retry.max_retries;
  options->retry.initial_wait = Milliseconds(config.retry.initial_wait_seconds);
  options->retry.max_rate_limit_waits = config.retry.max_rate_limit_waits;
  options->retry.max_failed_batches_in_a_row = config.retry.max_failed_batches_in_a_row;
}

Result<PreparedIngest> PrepareIngest(const App& app, const IngestFlags& flags, Purpose purpose) {
  PreparedIngest prepared;
  auto config = app.LoadConfiguration();
  if (!config.ok()) return config.status();
  prepared.config = std::move(*config);
  if (Status applied = ApplyFlags(flags, &prepared.config); !applied.ok()) return applied;
  if (Status named = CheckSplitName(flags.split); !named.ok()) return named;
  auto provider = MakeProvider(prepared.config, purpose);
  if (!provider.ok()) return provider.status();
  prepared.provider = std::move(*provider);
  prepared.price = PriceOf(prepared.config, *prepared.provider, &prepared.price_warning);
  const auto mode = ModeOf(flags, prepared.config, *prepared.provider);
  if (!mode.ok()) return mode.status();
  auto options =
      MakeIngestOptions(flags, prepared.config, *mode, prepared.price, prepared.price_warning);
  if (!options.ok()) return options.status();
  prepared.options = std::move(*options);
  auto dataset = OpenDataset(flags, prepared.config);
  if (!dataset.ok()) return dataset.status();
  prepared.dataset = std::move(*dataset);
  return prepared;
}

Result<std::unique_ptr<Dataset>> OpenInput(const std::string& file, IngestFlags flags,
                                           Config config) {
  flags.split = "input";
  flags.input = file;
  if (Status applied = ApplyFlags(flags, &config); !applied.ok()) return applied;
  return OpenDataset(flags, config);
}

Result<PreparedImport> PrepareImport(const App& app, const IngestFlags& flags) {
  PreparedImport prepared;
  auto config = app.LoadConfiguration();
  if (!config.ok()) return config.status();
  prepared.config = std::move(*config);
  if (Status applied = ApplyFlags(flags, &prepared.config); !applied.ok()) return applied;
  if (Status named = CheckSplitName(flags.split); !named.ok()) return named;
  const auto provider = MakeProvider(prepared.config, Purpose::kPlan);
  if (!provider.ok()) return provider.status();
  ImportOptions& options = prepared.options;
  options.split = flags.split;
  options.dataset_name = prepared.config.dataset.name;
  options.limit = flags.limit;
  options.identity = (*provider)->identity();
  options.provider = (*provider)->name();
  options.check_pairing = prepared.config.embedding.check_pairing;
  prepared.no_input = CheckInput(flags, prepared.config);
  if (!prepared.no_input.ok()) return prepared;
  auto dataset = OpenDataset(flags, prepared.config);
  if (!dataset.ok()) return dataset.status();
  prepared.dataset = std::move(*dataset);
  return prepared;
}

Result<IngestOptions> MakeTextOptions(const App& app, const Config& config,
                                      const Provider& provider,
                                      const std::optional<std::string>& max_cost) {
  std::string warning;
  const ModelPrice price = PriceOf(config, provider, &warning);
  if (!warning.empty()) app.Warn(warning);
  // On the heap: g++ 12 takes it for uninitialised otherwise, under sanitizers.
  const auto flags = std::make_unique<IngestFlags>();
  flags->max_cost = max_cost;
  return MakeIngestOptions(*flags, config, IngestMode::kSync, price, warning);
}

namespace {

Result<SpaceInfo> ChooseSpace(const Store& store, const SplitInfo& split, const Config& config,
                              const std::optional<std::string>& model) {
  auto spaces = store.SpacesOf(split.name);
  if (!spaces.ok()) return spaces.status();
  std::string known;
  for (const SpaceInfo& space : *spaces) known += (known.empty() ? "" : "; ") + Describe(space);
  const std::string there_are = "split '" + split.name + "' has " +
                                (known.empty() ? "no vectors yet" : "vectors of: " + known);
  if (model) {
    std::erase_if(*spaces, [&](const SpaceInfo& s) { return s.record.identity.model != *model; });
  }
  if (spaces->empty()) return Status(Code::kNotFound, there_are);
  if (spaces->size() == 1) return spaces->front();
  auto provider = MakeProvider(config, Purpose::kPlan);
  if (provider.code() == Code::kInternal) return provider.status();
  if (provider.ok()) {
    const SpaceId configured = MakeSpaceId((*provider)->identity());
    for (const SpaceInfo& space : *spaces) {
      if (space.id == configured) return space;
    }
  }
  return Status(Code::kInvalidArgument, there_are +
                                            ". Choose one with --model, or with model, dimensions "
                                            "and task_type under embedding: in config.yaml");
}

}  // namespace

Result<OpenedSplit> OpenSplit(const App& app, const std::string& split,
                              const std::optional<std::string>& model) {
  auto config = app.LoadConfiguration();
  if (!config.ok()) return config.status();
  auto store = app.OpenStore(*config, /*read_only=*/true);
  if (!store.ok()) return store.status();
  auto info = (*store)->FindSplit(split);
  if (!info.ok()) return info.status();
  auto space = ChooseSpace(**store, *info, *config, model);
  if (!space.ok()) return space.status();
  return OpenedSplit{std::move(*config), std::move(*store), std::move(*info), std::move(*space)};
}

void AddModelFlag(CLI::App& command, std::optional<std::string>& model) {
  command.add_option("--model", model, "Which model's vectors, if there are several");
}

}  // namespace embstore::tool
