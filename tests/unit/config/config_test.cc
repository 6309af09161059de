// SPDX-License-Identifier: Apache-2.0
// What config.yaml may say, setting by setting, and the exact words when it may not.
#include "embstore/config.h"

#include <doctest/doctest.h>

#include <string>

namespace embstore {
namespace {

Config Parsed(std::string_view yaml) {
  const Result<Config> config = ParseConfig(yaml, "c.yaml");
  INFO(config.status().message());
  REQUIRE(config.ok());
  return *config;
}

std::string ErrorOf(std::string_view yaml) {
  const Result<Config> config = ParseConfig(yaml, "c.yaml");
  if (config.ok()) return "accepted";
  CHECK(config.code() == Code::kInvalidArgument);
  return config.status().message();
}

TEST_CASE("config: an empty file means the defaults") {
  for (const std::string_view yaml : {"", "# nothing\n", "---\n", "embedding:\nretry:\n", "{}"}) {
    CAPTURE(yaml);
    const Config config = Parsed(yaml);
    CHECK(config.seed == 42);
    CHECK(config.embedding.model == "gemini-embedding-001");
    CHECK(config.dataset.splits.empty());
  }
}

TEST_CASE("config: every kind of setting is read") {
  const Config config = Parsed(R"(
seed: 18446744073709551615
dataset:
  name: wiki-1
  format: jsonl
  text_fields: [title, "body text"]
  id_field: id
  label_field: topic
embedding:
  provider: local
  model: "any model"
  dimensions: 8192
  task_type: ""
  normalize: false
  batch_size: 2048
  use_batch_api: false
  cache_enabled: false
  checkpoint_enabled: false
  store_texts: false
  cache_dir: /var/cache/e
  base_url: http://127.0.0.1:8080
  concurrency: 256
  max_text_tokens: 2048
  check_pairing: false
)");
  CHECK(config.seed == 18446744073709551615ULL);
  CHECK(config.dataset.name == "wiki-1");
  CHECK(config.dataset.format == DatasetFormat::kJsonl);
  CHECK(config.dataset.text_fields == std::vector<std::string>{"title", "body text"});
  CHECK(config.dataset.id_field == "id");
  CHECK(config.dataset.label_field == "topic");
  CHECK(config.embedding.provider == "local");
  CHECK(config.embedding.model == "any model");
  CHECK(config.embedding.dimensions == 8192);
  CHECK(config.embedding.task_type == "");
  CHECK_FALSE(config.embedding.normalize);
  CHECK(config.embedding.batch_size == 2048);
  CHECK_FALSE(config.embedding.use_batch_api);
  CHECK_FALSE(config.embedding.cache_enabled);
  CHECK_FALSE(config.embedding.checkpoint_enabled);
  CHECK_FALSE(config.embedding.store_texts);
  CHECK(config.embedding.cache_dir == "/var/cache/e");
  CHECK(config.embedding.base_url == "http://127.0.0.1:8080");
  CHECK(config.embedding.concurrency == 256);
  CHECK(config.embedding.max_text_tokens == 2048);
  CHECK_FALSE(config.embedding.check_pairing);
}

TEST_CASE("config: batch jobs, budgets, doubt and servers like OpenAI's are read") {
  const Config config = Parsed(R"(
batch:
  max_job_tokens: 1
  max_job_texts: 2
  max_job_bytes: 10000
  max_enqueued_tokens: 3
  max_jobs: 4
  max_rounds: 5
  first_poll_seconds: 0.5
  max_poll_seconds: 6
  queue_wait_seconds: 7
  creation_grace_seconds: 8
budget: { per_run_usd: 1.5, per_day_usd: none, per_split_usd: 0.000000001 }
doubt: { policy: hold, max_resend_usd: 0 }
openai: { send_dimensions: false, max_request_tokens: 0, allow_plain_http: true }
limits: { requests_per_minute: 60 }
)");
  CHECK(config.batch.max_job_tokens == 1);
  CHECK(config.batch.max_job_texts == 2);
  CHECK(config.batch.max_job_bytes == 10'000);
  CHECK(config.batch.max_enqueued_tokens == 3);
  CHECK(config.batch.max_jobs == 4);
  CHECK(config.batch.max_rounds == 5);
  CHECK(config.batch.first_poll_seconds == 0.5);
  CHECK(config.batch.max_poll_seconds == 6.0);
  CHECK(config.batch.queue_wait_seconds == 7.0);
  CHECK(config.batch.creation_grace_seconds == 8.0);
  CHECK(config.budget.per_run == Money{1'500'000'000});
  CHECK_FALSE(config.budget.per_day.has_value());
  CHECK(config.budget.per_split == Money{1});
  CHECK_FALSE(config.doubt.resend);
  CHECK(config.doubt.max_resend == Money{0});
  CHECK_FALSE(config.openai.send_dimensions);
  CHECK(config.openai.max_request_tokens == 0);
  CHECK(config.openai.allow_plain_http);
  CHECK(config.limits.requests_per_minute == 60);
}

TEST_CASE("config: money is a plain amount, and a budget may also be none") {
  CHECK(ErrorOf("budget: { per_day_usd: -1 }") ==
        "c.yaml:1: 'budget.per_day_usd' must be none or an amount in USD with at most nine "
        "decimals, such as 1.50, not '-1'");
  CHECK(ErrorOf("doubt: { max_resend_usd: none }") ==
        "c.yaml:1: 'doubt.max_resend_usd' must be an amount in USD with at most nine decimals, "
        "such as 1.50, not 'none'");
  CHECK(ErrorOf("doubt: { policy: holt }") ==
        "c.yaml:1: 'doubt.policy' must be one of resend, hold, not 'holt'; did you mean 'hold'?");
}

TEST_CASE("config: retries, limits, connection and prices are read") {
  const Config config = Parsed(R"(
retry: { max_retries: 0, initial_wait_seconds: 0.25, max_rate_limit_waits: 0,
         max_failed_batches_in_a_row: 1 }
limits: { texts_per_minute: 3000, tokens_per_minute: auto }
http:
  connect_timeout_seconds: 1
  request_timeout_seconds: 3600
  ca_file: /etc/ca.pem
  proxy: http://127.0.0.1:3128
pricing:
  as_of: 2027-01-31
  models:
    m1: { sync: 0.1, batch: 0.000001 }
    "m 2": { batch: "12", sync: 1.25 }
)");
  CHECK(config.retry.max_retries == 0);
  CHECK(config.retry.initial_wait_seconds == 0.25);
  CHECK(config.retry.max_rate_limit_waits == 0);
  CHECK(config.retry.max_failed_batches_in_a_row == 1);
  CHECK(config.limits.texts_per_minute == 3000);
  CHECK_FALSE(config.limits.tokens_per_minute.has_value());
  CHECK(config.http.connect_timeout_seconds == 1.0);
  CHECK(config.http.request_timeout_seconds == 3600.0);
  CHECK(config.http.ca_file == "/etc/ca.pem");
  CHECK(config.http.proxy == "http://127.0.0.1:3128");
  CHECK(config.pricing.as_of == "2027-01-31");
  REQUIRE(config.pricing.models.size() == 2);
  CHECK(config.pricing.models.at("m1").sync.micro_usd_per_million_tokens == 100'000);
  CHECK(config.pricing.models.at("m1").batch.micro_usd_per_million_tokens == 1);
  CHECK(config.pricing.models.at("m 2").sync.micro_usd_per_million_tokens == 1'250'000);
  CHECK(config.pricing.models.at("m 2").batch.micro_usd_per_million_tokens == 12'000'000);
}

TEST_CASE("config: text fields may be a single name") {
  CHECK(Parsed("dataset:\n  text_fields: body\n").dataset.text_fields ==
        std::vector<std::string>{"body"});
  CHECK(ErrorOf("dataset:\n  text_fields: []\n") ==
        "c.yaml:2: 'dataset.text_fields' must be a text or a list of texts, not a list");
  CHECK(ErrorOf("dataset:\n  text_fields:\n    - a\n    - ''\n") ==
        "c.yaml:4: 'dataset.text_fields' must be a text of one line, from 1 to 128 bytes, not ''");
}

TEST_CASE("config: splits are read in full or with a path alone") {
  const Config config = Parsed(
      "dataset:\n  splits:\n    train: { path: a/b.csv, expected_documents: 120000 }\n"
      "    dev.2_x-1: { path: c.csv }\n");
  REQUIRE(config.dataset.splits.size() == 2);
  CHECK(config.dataset.splits.at("train").path == "a/b.csv");
  CHECK(config.dataset.splits.at("train").expected_documents == 120'000);
  CHECK(config.dataset.splits.at("dev.2_x-1").expected_documents == 0);
}

TEST_CASE("config: a split needs a valid name and a path") {
  const auto split = [](const std::string& text) { return "dataset:\n  splits:\n    " + text; };
  CHECK(ErrorOf(split("../x: { path: a }")) ==
        "c.yaml:3: the split name '../x' must be 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' "
        "and '-', not starting with '.' or '-'");
  CHECK(ErrorOf(split("a: { expected_documents: 3 }")) ==
        "c.yaml:3: 'dataset.splits.a' must be a map with 'path'");
  CHECK(ErrorOf(split("a: x.csv")) ==
        "c.yaml:3: 'dataset.splits.a' must be a map with 'path', not 'x.csv'");
  CHECK(ErrorOf(split("a: { path: '' }")) ==
        "c.yaml:3: 'dataset.splits.a.path' must be a path, not ''");
  CHECK(ErrorOf(split("a: { path: x, expected_documents: -1 }")) ==
        "c.yaml:3: 'dataset.splits.a.expected_documents' must be a whole number from 0 to "
        "1000000000000, not '-1'");
  CHECK(ErrorOf(split("a: { path: x, expected_document: 1 }")) ==
        "c.yaml:3: unknown key 'dataset.splits.a.expected_document'; did you mean "
        "'expected_documents'?");
  CHECK(ErrorOf("dataset:\n  splits: [a]\n") ==
        "c.yaml:2: 'dataset.splits' must be a map of split names, not a list");
}

TEST_CASE("config: an unknown key is refused with the nearest known one") {
  CHECK(ErrorOf("seed: 1\nembeding:\n  model: x\n") ==
        "c.yaml:2: unknown key 'embeding'; did you mean 'embedding'?");
  CHECK(ErrorOf("embedding:\n  model: x\n  dimension: 3\n") ==
        "c.yaml:3: unknown key 'embedding.dimension'; did you mean 'dimensions'?");
  CHECK(ErrorOf("retry: { jitter: 1 }") == "c.yaml:1: unknown key 'retry.jitter'");
  CHECK(ErrorOf("batch_size: 1") == "c.yaml:1: unknown key 'batch_size'");
  CHECK(ErrorOf("\"a\\eb\": 1") == "c.yaml:1: unknown key 'a\\x1bb'");
  CHECK(ErrorOf("dataset:\n  splits: { a: { path: b } }\n  splits.a: 1\n") ==
        "c.yaml:3: unknown key 'dataset.splits.a'; did you mean 'splits'?");
}

TEST_CASE("config: a key that occurs twice is refused at any level") {
  CHECK(ErrorOf("seed: 1\nseed: 1\n") == "c.yaml:2: duplicate key 'seed'; it is already in line 1");
  CHECK(ErrorOf("embedding:\n  model: x\nretry:\n  max_retries: 1\nembedding:\n  model: y\n") ==
        "c.yaml:5: duplicate key 'embedding'; it is already in line 1");
  CHECK(ErrorOf("embedding:\n  model: x\n  \"model\": y\n") ==
        "c.yaml:3: duplicate key 'model'; it is already in line 2");
  CHECK(ErrorOf("dataset: { splits: { a: { path: x,\n path: y } } }") ==
        "c.yaml:2: duplicate key 'path'; it is already in line 1");
}

TEST_CASE("config: whole numbers have a range and one spelling") {
  const auto dimensions = [](const std::string& value) {
    return ErrorOf("embedding:\n  dimensions: " + value + "\n");
  };
  const auto refused = [](const std::string& end) {
    return "c.yaml:2: 'embedding.dimensions' must be a whole number from 1 to 8192, not " + end;
  };
  for (const char* const value : {"0", "8193", "-1", "+1", "1.0", "1e3", "0x10", "many",
                                  "99999999999999999999", "4294967297"}) {
    CAPTURE(value);
    CHECK(dimensions(value) == refused("'" + std::string(value) + "'"));
  }
  CHECK(dimensions("\"768\"") == refused("'768'"));
  CHECK(dimensions("") == refused("empty"));
  CHECK(dimensions("~") == refused("empty"));
  CHECK(dimensions("[768]") == refused("a list"));
  CHECK(dimensions("1") == "accepted");
  CHECK(ErrorOf("seed: 18446744073709551616") ==
        "c.yaml:1: 'seed' must be a whole number from 0 to 18446744073709551615, not "
        "'18446744073709551616'");
}

TEST_CASE("config: the bounds of the numbers are those of the documentation") {
  CHECK(ErrorOf("embedding: { batch_size: 2049 }").find("from 1 to 2048") != std::string::npos);
  CHECK(ErrorOf("embedding: { batch_size: 0 }").find("from 1 to 2048") != std::string::npos);
  CHECK(ErrorOf("embedding: { concurrency: 257 }").find("from 0 to 256") != std::string::npos);
  CHECK(ErrorOf("retry: { max_retries: 101 }").find("from 0 to 100") != std::string::npos);
  CHECK(ErrorOf("retry: { max_failed_batches_in_a_row: 0 }").find("from 1 to 1000") !=
        std::string::npos);
}

TEST_CASE("config: other numbers are plain decimals in a range") {
  CHECK(ErrorOf("http: { connect_timeout_seconds: 0.5 }") ==
        "c.yaml:1: 'http.connect_timeout_seconds' must be a number from 1 to 3600, not '0.5'");
  for (const char* const value : {"3600.1", "inf", "nan", ".inf", "1e2", "-1", "ten"}) {
    CAPTURE(value);
    CHECK(ErrorOf("retry: { initial_wait_seconds: " + std::string(value) + " }") ==
          "c.yaml:1: 'retry.initial_wait_seconds' must be a number from 0 to 3600, not '" +
              std::string(value) + "'");
  }
}

TEST_CASE("config: a quota is auto or a number") {
  CHECK(ErrorOf("limits: { texts_per_minute: 0 }") ==
        "c.yaml:1: 'limits.texts_per_minute' must be auto or a whole number from 1 to 1000000000, "
        "not '0'");
  CHECK(ErrorOf("limits: { texts_per_minute: automatic }") ==
        "c.yaml:1: 'limits.texts_per_minute' must be auto or a whole number from 1 to 1000000000, "
        "not 'automatic'");
}

TEST_CASE("config: switches are true or false and nothing else") {
  for (const char* const value : {"yes", "on", "1", "True", "'true'"}) {
    CAPTURE(value);
    const std::string error = ErrorOf("embedding:\n  normalize: " + std::string(value) + "\n");
    CHECK(error.starts_with("c.yaml:2: 'embedding.normalize' must be true or false, not '"));
  }
}

TEST_CASE("config: providers and formats are known words") {
  CHECK(ErrorOf("embedding: { provider: gemeni }") ==
        "c.yaml:1: 'embedding.provider' must be one of gemini, openai, local, not 'gemeni'; did "
        "you mean "
        "'gemini'?");
  CHECK(ErrorOf("embedding: { provider: voyage }") ==
        "c.yaml:1: 'embedding.provider' must be one of gemini, openai, local, not 'voyage'");
  CHECK(ErrorOf("dataset: { format: json }") ==
        "c.yaml:1: 'dataset.format' must be one of ag_news, csv, jsonl, not 'json'; did you mean "
        "'jsonl'?");
}

TEST_CASE("config: texts are one line of limited length") {
  CHECK(ErrorOf("embedding: { model: '' }") ==
        "c.yaml:1: 'embedding.model' must be a text of one line, from 1 to 128 bytes, not ''");
  CHECK(ErrorOf("embedding: { model: \"a\\nb\" }") ==
        "c.yaml:1: 'embedding.model' must be a text of one line, from 1 to 128 bytes, not "
        "'a\\x0ab'");
  CHECK(ErrorOf("embedding: { model: " + std::string(129, 'm') + " }") != "accepted");
  CHECK(ErrorOf("embedding: { cache_dir: '' }") != "accepted");
  CHECK(ErrorOf("dataset: { name: ../ag }") ==
        "c.yaml:1: 'dataset.name' must be 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-', "
        "not starting with '.' or '-', not '../ag'");
}

TEST_CASE("config: prices are exact decimals") {
  const auto price = [](const std::string& value) {
    return ErrorOf("pricing:\n  as_of: 2027-01-01\n  models: { m: { sync: " + value +
                   ", batch: 1 } }\n");
  };
  for (const char* const value : {"-1", "0.1234567", "1e-1", "cheap", "$1"}) {
    CAPTURE(value);
    CHECK(price(value) ==
          "c.yaml:3: 'pricing.models.m.sync' must be a price in USD per million tokens with at "
          "most six decimals, such as 0.15, not '" +
              std::string(value) + "'");
  }
  CHECK(price("0.123456") == "accepted");
  CHECK(ErrorOf("pricing:\n  as_of: 2027-01-01\n  models: { m: { sync: 1 } }\n") ==
        "c.yaml:3: 'pricing.models.m' must be a map with 'sync' and 'batch'");
  CHECK(ErrorOf("pricing:\n  as_of: 2027-01-01\n  models: { m: { snyc: 1 } }\n") ==
        "c.yaml:3: unknown key 'pricing.models.m.snyc'; did you mean 'sync'?");
}

TEST_CASE("config: prices come with their date") {
  CHECK(ErrorOf("pricing:\n  models: { m: { sync: 1, batch: 1 } }\n") ==
        "c.yaml:2: 'pricing.models' needs 'pricing.as_of' beside it");
  for (const char* const value : {"today", "2027-13-01", "2027-00-01", "2027-01-32", "27-01-01"}) {
    CAPTURE(value);
    CHECK(ErrorOf("pricing: { as_of: " + std::string(value) + " }") ==
          "c.yaml:1: 'pricing.as_of' must be a date such as 2026-11-01, not '" +
              std::string(value) + "'");
  }
}

TEST_CASE("config: keys and other secrets are refused and not repeated") {
  for (const char* const name : {"api_key", "key", "token", "API-KEY", "apiKey", "gemini_api_key",
                                 "OPENAI_API_KEY", "secret", "password"}) {
    CAPTURE(name);
    const std::string key = name;
    const std::string expected =
        ": '" + key +
        "' does not belong in a file: keys are taken from the environment only "
        "(GEMINI_API_KEY, OPENAI_API_KEY); remove it here";
    CHECK(ErrorOf("seed: 1\n" + key + ": s3cr3t\n") == "c.yaml:2" + expected);
    CHECK(ErrorOf("embedding:\n  " + key + ": s3cr3t\n") == "c.yaml:2" + expected);
    CHECK(ErrorOf("nonsense:\n  - deep: { " + key + ": s3cr3t }\n") == "c.yaml:2" + expected);
  }
}

TEST_CASE("config: a section is a map") {
  CHECK(ErrorOf("seed: 1\nembedding: local\n") ==
        "c.yaml:2: 'embedding' must be a map, not 'local'");
  CHECK(ErrorOf("embedding: [local]") == "c.yaml:1: 'embedding' must be a map, not a list");
  CHECK(ErrorOf("- seed\n") == "c.yaml:1: a configuration must be a map of keys");
  CHECK(ErrorOf("\njust text\n") == "c.yaml:2: a configuration must be a map of keys");
}

}  // namespace
}  // namespace embstore
