// SPDX-License-Identifier: Apache-2.0
// config.yaml as a plain struct. Nothing is opened or created from it here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/dataset.h"
#include "embstore/money.h"
#include "embstore/status.h"
#include "embstore/visibility.h"

namespace embstore {

struct SplitConfig {
  std::filesystem::path path;            ///< Relative to the working directory.
  std::uint64_t expected_documents = 0;  ///< 0: no expectation.
};

struct DatasetConfig {
  std::string name = "ag_news";
  DatasetFormat format = DatasetFormat::kAgNews;
  std::vector<std::string> text_fields = {"text"};
  std::string id_field;
  std::string label_field;
  std::map<std::string, SplitConfig> splits;
};

struct EmbeddingConfig {
  std::string provider = "gemini";  ///< gemini, openai or local.
  std::string model = "gemini-embedding-001";
  std::uint32_t dimensions = 768;
  std::string task_type = "CLUSTERING";
  bool normalize = true;
  std::uint32_t batch_size = 100;
  bool use_batch_api = true;  ///< Where the provider has one.
  bool cache_enabled = true;
  bool checkpoint_enabled = true;
  bool store_texts = true;
  std::filesystem::path cache_dir = "data/embeddings";
  std::string base_url;               ///< Empty: the provider's own.
  std::uint32_t concurrency = 0;      ///< 0: what the provider suggests.
  std::uint64_t max_text_tokens = 0;  ///< 0: the model's own limit.
  bool check_pairing = true;
};

/// See BatchPolicy.
struct BatchConfig {
  std::uint64_t max_job_tokens = 250'000;
  std::uint32_t max_job_texts = 50'000;
  std::uint64_t max_job_bytes = 100'000'000;
  std::uint64_t max_enqueued_tokens = 500'000;
  std::uint32_t max_jobs = 100;
  std::uint32_t max_rounds = 3;
  double first_poll_seconds = 1;
  double max_poll_seconds = 60;
  double queue_wait_seconds = 60;
  double creation_grace_seconds = 120;
};

/// Limits against the ledger; nothing: no limit.
struct BudgetConfig {
  std::optional<Money> per_run;
  std::optional<Money> per_day;
  std::optional<Money> per_split;
};

struct DoubtConfig {
  bool resend = true;
  Money max_resend{1'000'000'000};
};

/// Of servers that speak OpenAI's API.
struct OpenAiConfig {
  bool send_dimensions = true;
  std::uint64_t max_request_tokens = 300'000;
  bool allow_plain_http = false;
};

struct RetryConfig {
  std::uint32_t max_retries = 3;
  double initial_wait_seconds = 4.0;  ///< Doubles with every retry.
  std::uint32_t max_rate_limit_waits = 10;
  std::uint32_t max_failed_batches_in_a_row = 5;
};

/// Quotas in force for the account; nothing: the provider's default.
struct LimitsConfig {
  std::optional<std::uint64_t> texts_per_minute;
  std::optional<std::uint64_t> tokens_per_minute;
  std::optional<std::uint64_t> requests_per_minute;
};

struct HttpConfig {
  double connect_timeout_seconds = 10.0;
  double request_timeout_seconds = 120.0;
  std::string ca_file;
  std::string proxy;
};

/// Prices of one model, per million tokens.
struct ModelPrice {
  Price sync;
  Price batch;
};

struct PricingConfig {
  std::string as_of;  ///< ISO date of the table.
  std::map<std::string, ModelPrice> models;
};

/// The defaults of a Config equal the shipped config.yaml, but for `dataset.splits`.
struct EMBSTORE_API Config {
  Config();
  std::uint64_t seed = 42;
  DatasetConfig dataset;
  EmbeddingConfig embedding;
  BatchConfig batch;
  BudgetConfig budget;
  DoubtConfig doubt;
  OpenAiConfig openai;
  RetryConfig retry;
  LimitsConfig limits;
  HttpConfig http;
  PricingConfig pricing;
};

/// Reads and checks a configuration. Every error is kInvalidArgument and names file and line;
/// unknown keys come with the nearest known one. kNotFound: no such file.
EMBSTORE_API Result<Config> LoadConfig(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages.
EMBSTORE_API Result<Config> ParseConfig(std::string_view yaml, const std::string& name);

}  // namespace embstore
