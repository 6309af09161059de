// SPDX-License-Identifier: Apache-2.0
// From documents to stored vectors: pay for each distinct text once.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "embstore/clock.h"
#include "embstore/dataset.h"
#include "embstore/money.h"
#include "embstore/provider.h"
#include "embstore/status.h"
#include "embstore/store.h"

namespace embstore {

/// What to do when a request fails for now.
struct RetryPolicy {
  std::uint32_t max_retries = 3;                  ///< After the first attempt.
  std::chrono::milliseconds initial_wait{4000};   ///< Doubles; a longer hint of the server wins.
  std::uint32_t max_rate_limit_waits = 10;        ///< Waits for a quota, per request.
  std::uint32_t max_failed_batches_in_a_row = 5;  ///< Then the run ends: something is broken.
};

/// What an ingest would do. Texts are counted once; `documents` counts rows.
/// unique_documents = cached + to_embed + too_long + empty.
struct IngestPlan {
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::uint64_t duplicates = 0;  ///< documents - unique_documents.
  std::uint64_t cached = 0;
  std::uint64_t to_embed = 0;
  std::uint64_t too_long = 0;
  std::uint64_t empty = 0;
  std::uint64_t batches = 0;
  std::uint64_t tokens = 0;  ///< Of the texts to embed, estimated.
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
class IngestObserver {
 public:
  virtual ~IngestObserver() = default;
  virtual void OnWarning(const std::string& /*message*/) {}
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
  Price price;
  std::optional<Money> max_cost;  ///< No request is sent that could pass it.
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

/// How a run went. unique_documents = cached + embedded + failed + skipped + not reached.
struct IngestReport {
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::uint64_t cached = 0;
  std::uint64_t embedded = 0;
  std::uint64_t failed = 0;   ///< Refused by the provider, or lost with their batch.
  std::uint64_t skipped = 0;  ///< Never sent: empty or too long.
  BatchCounts batches;
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
Result<IngestPlan> PlanIngest(const Store* store, const Dataset& dataset, const Provider& provider,
                              const IngestOptions& options);

/// Embeds what is missing and stores it, one durable commit for the replies that are there. Fails
/// before anything is sent when the input is bad or the store cannot be written; afterwards it
/// answers a report whose `outcome` says how it ended. Calls provider.Embed from `concurrency`
/// threads of its own.
Result<IngestReport> Ingest(Store* store, const Dataset& dataset, Provider* provider,
                            const IngestOptions& options);

}  // namespace embstore
