// SPDX-License-Identifier: Apache-2.0
#include "engine/config/settings.h"

#include <cstdint>

namespace embstore {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kMaxName = 128;
constexpr std::uint64_t kMaxText = 2048;

#define EMBSTORE_AT(member) [](Config* config) -> Target { return &config->member; }
#define EMBSTORE_AS(type, member) [](Config* config) -> Target { return type{&config->member}; }

constexpr Setting kSettings[] = {
    {"seed", EMBSTORE_AT(seed), 0, UINT64_MAX, "seed of the local provider"},

    {"dataset.name", EMBSTORE_AS(FileName, dataset.name), 1, 64, "name in reports and exports"},
    {"dataset.format", EMBSTORE_AT(dataset.format), 0, 0, "how documents are read"},
    {"dataset.text_fields", EMBSTORE_AT(dataset.text_fields), 1, kMaxName,
     "fields that make the text"},
    {"dataset.id_field", EMBSTORE_AT(dataset.id_field), 0, kMaxName, "field of the id"},
    {"dataset.label_field", EMBSTORE_AT(dataset.label_field), 0, kMaxName, "field of the label"},
    {"dataset.splits", EMBSTORE_AT(dataset.splits), 0, 1'000'000 * kMillion, "files to embed"},

    {"embedding.provider", EMBSTORE_AS(ProviderName, embedding.provider), 0, 0,
     "where vectors come from"},
    {"embedding.model", EMBSTORE_AT(embedding.model), 1, kMaxName, "the provider's model"},
    {"embedding.dimensions", EMBSTORE_AT(embedding.dimensions), 1, 8192, "length of a vector"},
    {"embedding.task_type", EMBSTORE_AT(embedding.task_type), 0, kMaxName,
     "what the vectors are for"},
    {"embedding.normalize", EMBSTORE_AT(embedding.normalize), 0, 0, "unit length in exports"},
    {"embedding.batch_size", EMBSTORE_AT(embedding.batch_size), 1, 2048, "texts in one request"},
    {"embedding.use_batch_api", EMBSTORE_AT(embedding.use_batch_api), 0, 0,
     "batch instead of synchronous calls"},
    {"embedding.cache_enabled", EMBSTORE_AT(embedding.cache_enabled), 0, 0,
     "use vectors that are already stored"},
    {"embedding.checkpoint_enabled", EMBSTORE_AT(embedding.checkpoint_enabled), 0, 0,
     "write a progress file"},
    {"embedding.store_texts", EMBSTORE_AT(embedding.store_texts), 0, 0,
     "keep texts with their vectors"},
    {"embedding.cache_dir", EMBSTORE_AT(embedding.cache_dir), 1, 4096, "directory of the store"},
    {"embedding.base_url", EMBSTORE_AT(embedding.base_url), 0, kMaxText, "the provider's address"},
    {"embedding.concurrency", EMBSTORE_AT(embedding.concurrency), 0, 256,
     "requests at the same time"},
    {"embedding.max_text_tokens", EMBSTORE_AT(embedding.max_text_tokens), 0, kMillion,
     "longer texts are not sent"},
    {"embedding.check_pairing", EMBSTORE_AT(embedding.check_pairing), 0, 0,
     "refuse answers that do not fit their texts"},

    {"batch.max_job_tokens", EMBSTORE_AT(batch.max_job_tokens), 1, 1'000'000 * kMillion,
     "tokens in one job"},
    {"batch.max_job_texts", EMBSTORE_AT(batch.max_job_texts), 1, kMillion, "texts in one job"},
    {"batch.max_job_bytes", EMBSTORE_AT(batch.max_job_bytes), 10'000, 2000 * kMillion,
     "size of one job's file"},
    {"batch.max_enqueued_tokens", EMBSTORE_AT(batch.max_enqueued_tokens), 1, 1'000'000 * kMillion,
     "tokens in all jobs at once"},
    {"batch.max_jobs", EMBSTORE_AT(batch.max_jobs), 1, 1000, "jobs at once"},
    {"batch.max_rounds", EMBSTORE_AT(batch.max_rounds), 1, 100, "jobs that a text is sent with"},
    {"batch.first_poll_seconds", EMBSTORE_AT(batch.first_poll_seconds), 0, 3600,
     "first wait for a job"},
    {"batch.max_poll_seconds", EMBSTORE_AT(batch.max_poll_seconds), 0, 3600,
     "longest wait between two looks at a job"},
    {"batch.queue_wait_seconds", EMBSTORE_AT(batch.queue_wait_seconds), 0, 3600,
     "wait for room in the server's queue"},
    {"batch.creation_grace_seconds", EMBSTORE_AT(batch.creation_grace_seconds), 0, 86'400,
     "how long a job without an answer is looked for"},

    {"budget.per_run_usd", EMBSTORE_AT(budget.per_run), 0, 0, "most to spend in one run"},
    {"budget.per_day_usd", EMBSTORE_AT(budget.per_day), 0, 0, "most to spend in one UTC day"},
    {"budget.per_split_usd", EMBSTORE_AT(budget.per_split), 0, 0, "most to spend on one split"},

    {"doubt.policy", EMBSTORE_AS(ResendOrHold, doubt.resend), 0, 0,
     "what to do with texts that may have been paid for"},
    {"doubt.max_resend_usd", EMBSTORE_AT(doubt.max_resend), 0, 0,
     "most to risk paying twice in one run"},

    {"openai.send_dimensions", EMBSTORE_AT(openai.send_dimensions), 0, 0,
     "ask for a length of vector"},
    {"openai.max_request_tokens", EMBSTORE_AT(openai.max_request_tokens), 0, 1000 * kMillion,
     "tokens in one request"},
    {"openai.allow_plain_http", EMBSTORE_AT(openai.allow_plain_http), 0, 0,
     "unencrypted beyond this machine"},

    {"retry.max_retries", EMBSTORE_AT(retry.max_retries), 0, 100, "retries of one request"},
    {"retry.initial_wait_seconds", EMBSTORE_AT(retry.initial_wait_seconds), 0, 3600,
     "wait before the first retry"},
    {"retry.max_rate_limit_waits", EMBSTORE_AT(retry.max_rate_limit_waits), 0, 1000,
     "waits for the quota in one request"},
    {"retry.max_failed_batches_in_a_row", EMBSTORE_AT(retry.max_failed_batches_in_a_row), 1, 1000,
     "failed batches that end the run"},

    {"limits.texts_per_minute", EMBSTORE_AT(limits.texts_per_minute), 1, 1000 * kMillion,
     "quota of texts"},
    {"limits.tokens_per_minute", EMBSTORE_AT(limits.tokens_per_minute), 1, 1'000'000 * kMillion,
     "quota of tokens"},
    {"limits.requests_per_minute", EMBSTORE_AT(limits.requests_per_minute), 1, 1000 * kMillion,
     "quota of requests"},

    {"http.connect_timeout_seconds", EMBSTORE_AT(http.connect_timeout_seconds), 1, 3600,
     "time to connect"},
    {"http.request_timeout_seconds", EMBSTORE_AT(http.request_timeout_seconds), 1, 3600,
     "time for a whole request"},
    {"http.ca_file", EMBSTORE_AT(http.ca_file), 0, 4096, "certificates to trust"},
    {"http.proxy", EMBSTORE_AT(http.proxy), 0, kMaxText, "proxy to go through"},

    {"pricing.as_of", EMBSTORE_AS(IsoDate, pricing.as_of), 10, 10, "date of the prices"},
    {"pricing.models", EMBSTORE_AT(pricing.models), 1, kMaxName, "prices by model"},
};

#undef EMBSTORE_AT
#undef EMBSTORE_AS

}  // namespace

std::span<const Setting> AllSettings() { return kSettings; }

}  // namespace embstore
