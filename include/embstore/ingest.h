// SPDX-License-Identifier: Apache-2.0
// From documents to stored vectors: pay for each distinct text once.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "embstore/clock.h"
#include "embstore/dataset.h"
#include "embstore/money.h"
#include "embstore/provider.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

/// What to do when a request fails for now.
struct RetryPolicy {
  std::uint32_t max_retries = 3;                  ///< After the first attempt.
  std::chrono::milliseconds initial_wait{4000};   ///< Doubles; a longer hint of the server wins.
  std::uint32_t max_rate_limit_waits = 10;        ///< Waits for a quota, per request.
  std::uint32_t max_failed_batches_in_a_row = 5;  ///< Then the run ends: something is broken.
};

/// How the texts travel. A batch job costs less and takes hours.
enum class IngestMode { kSync, kBatch };

/// Spending limits in every mode, checked beside the send call against the ledger: what was spent,
/// wasted, is in doubt or under way counts. A day is a UTC day. Nothing: no limit.
struct Budgets {
  std::optional<Money> per_run;
  std::optional<Money> per_day;
  std::optional<Money> per_split;
};

/// What to do with texts that may have been paid for without an answer.
struct DoubtPolicy {
  bool resend = true;               ///< Off: they are not sent; the run ends with kHeld.
  Money max_resend{1'000'000'000};  ///< Of one run, in doubt itself or resent; then as if off.
};

/// Sizes of batch jobs and the patience with them.
struct BatchPolicy {
  std::uint32_t max_job_texts = 50'000;
  std::uint64_t max_job_bytes = 100'000'000;
  std::uint64_t max_job_tokens = 250'000;
  std::uint64_t max_enqueued_tokens = 500'000;  ///< Over all jobs at once: the account's quota.
  std::uint32_t max_jobs = 100;                 ///< At once.
  std::uint32_t max_rounds = 3;                 ///< How often a text is sent whose row failed.
  std::chrono::milliseconds first_poll{1'000};  ///< Grows by half each time.
  std::chrono::milliseconds max_poll{60'000};
  std::chrono::milliseconds queue_wait{60'000};  ///< After a refused creation; grows by half.
  std::chrono::milliseconds max_queue_wait{300'000};
  /// How long a job whose creation got no answer is looked for before it is created again.
  std::chrono::milliseconds creation_grace{120'000};
  bool wait = true;  ///< Off: submit, collect what is ready, return.
};

/// What an ingest would do. Texts are counted once; `documents` counts rows.
/// unique_documents = cached + in_jobs + to_embed + too_long + empty.
struct IngestPlan {
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::uint64_t duplicates = 0;  ///< documents - unique_documents.
  std::uint64_t cached = 0;
  std::uint64_t in_jobs = 0;   ///< In batch jobs that are not collected yet, or quarantined.
  std::uint64_t in_doubt = 0;  ///< Of to_embed: may have been paid for already.
  std::uint64_t to_embed = 0;
  std::uint64_t too_long = 0;
  std::uint64_t empty = 0;
  std::uint64_t batches = 0;
  std::uint64_t tokens = 0;  ///< Of the texts to embed: estimated, times token_ratio.
  double token_ratio = 1;    ///< Learned: tokens the server counted to those estimated.
  Money cost;                ///< Of the same at IngestOptions::price.
};

struct IngestProgress {
  std::uint64_t texts_done = 0;   ///< Embedded or failed in this run.
  std::uint64_t texts_total = 0;  ///< IngestPlan::to_embed.
  std::uint64_t batches_done = 0;
  std::uint64_t tokens = 0;
  Money cost;
};

struct BatchStart {
  std::uint64_t number = 0;  ///< 1-based.
  std::uint64_t total = 0;
  std::uint64_t first_position = 0;
  std::uint64_t last_position = 0;
};

/// Told what happens, always from the thread that called Ingest. Default: ignores everything.
class EMBSTORE_API IngestObserver {
 public:
  virtual ~IngestObserver() = default;
  virtual void OnWarning(const std::string& /*message*/) {}
  /// Something normal that takes time: a job was created, the queue is full, ...
  virtual void OnNotice(const std::string& /*message*/) {}
  virtual void OnPlan(const IngestPlan& /*plan*/) {}
  virtual void OnBatchStart(const BatchStart& /*batch*/) {}
  virtual void OnProgress(const IngestProgress& /*progress*/) {}
};

struct IngestOptions {
  std::string split;         ///< 1 to 64 of [A-Za-z0-9._-], not starting with '.' or '-'.
  std::string dataset_name;  ///< For the metadata.
  std::uint64_t expected_documents = 0;  ///< 0: no expectation. A mismatch is a warning.
  std::uint64_t limit = 0;               ///< Only the first so many documents; 0: all.
  std::uint32_t batch_size = 0;          ///< Texts a request; 0 or too many: the provider's bound.
  std::uint32_t concurrency = 0;         ///< Requests in flight; 0: what the provider suggests.
  bool refresh = false;                  ///< Embed again what is cached.
  bool write_checkpoint = true;          ///< .checkpoint_{split}.json beside the store.
  IngestMode mode = IngestMode::kSync;
  Price price;      ///< In this mode.
  Budgets budgets;  ///< No request is sent that could pass one.
  DoubtPolicy doubt;
  BatchPolicy batch;
  bool check_pairing = true;  ///< Whether answers belong to their texts, as far as can be told.
  RetryPolicy retry;
  std::uint64_t jitter_seed = 0;
  const StopFlag* stop = nullptr;  ///< Set: send nothing new, keep what is in flight.
  IngestObserver* observer = nullptr;
  Clock* clock = nullptr;  ///< Null: the machine's.
};

struct BatchCounts {
  std::uint64_t total = 0;
  std::uint64_t successful = 0;
  std::uint64_t failed = 0;   ///< No answer after all retries, or refused.
  std::uint64_t skipped = 0;  ///< The answer was invalid, so nothing of it was stored.
};

/// How a run went.
/// unique_documents = cached + embedded + failed + skipped + in_jobs + not reached.
struct IngestReport {
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::uint64_t cached = 0;
  std::uint64_t embedded = 0;
  std::uint64_t failed = 0;    ///< Refused by the provider, or lost with their batch.
  std::uint64_t skipped = 0;   ///< Never sent: empty or too long.
  std::uint64_t in_jobs = 0;   ///< Left in batch jobs, to be collected later.
  std::uint64_t held = 0;      ///< Not sent, because they may have been paid for already.
  std::uint64_t in_doubt = 0;  ///< Sent in this run by requests whose answer was lost.
  Money in_doubt_cost;
  /// Paid for when the disk failed, and kept in files: opening the store for writing stores them.
  std::uint64_t kept = 0;
  BatchCounts batches;  ///< In batch mode: jobs.
  std::uint64_t api_calls = 0;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  Money cost;
  double elapsed_seconds = 0;
  double mean_batch_seconds = 0;
  SpaceId space;
  bool complete = false;   ///< Every document has a vector.
  bool unchanged = false;  ///< Nothing had to be embedded.

  /// Ok when the run reached the end of the split, even if some texts failed. Otherwise why it
  /// ended early; what was embedded before is stored.
  Status outcome;
};

/// Reads and checks the whole dataset and asks the store what is missing. Sends nothing and
/// writes nothing. `store` may be null (there is none yet) or read-only.
EMBSTORE_API Result<IngestPlan> PlanIngest(const Store* store, const Dataset& dataset,
                                           const Provider& provider, const IngestOptions& options);

/// Embeds what is missing and stores it, one durable commit for the replies that are there. Fails
/// before anything is sent when the input is bad or the store cannot be written; afterwards it
/// answers a report whose `outcome` says how it ended. Calls provider.Embed from `concurrency`
/// threads of its own.
EMBSTORE_API Result<IngestReport> Ingest(Store* store, const Dataset& dataset, Provider* provider,
                                         const IngestOptions& options);

/// The same for texts that belong to no split, such as questions: what is cached is not sent again,
/// and the rest is paid for under the same budgets and written into the ledger like any text.
/// Afterwards Store::GetVector has them. REQUIRES: `options.split` is empty. kInvalidArgument:
/// batch mode.
EMBSTORE_API Result<IngestReport> EmbedTexts(Store* store, const std::vector<std::string>& texts,
                                             Provider* provider, const IngestOptions& options);

}  // namespace embstore
