// SPDX-License-Identifier: Apache-2.0
// One batch of texts to its vectors: limits, budget, ledger, retries, checks of the reply, the
// search for the one bad text that spoils a request.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/clock.h"
#include "embstore/ingest.h"
#include "embstore/provider.h"
#include "embstore/status.h"
#include "engine/ingest/rate_limiter.h"
#include "engine/ingest/spend_gate.h"
#include "engine/ledger/ledger.h"
#include "engine/store/reply_reserve.h"

namespace embstore {

/// The texts of one request, with their estimated tokens.
struct BatchTexts {
  std::vector<std::string> texts;
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint64_t> keys;  ///< LedgerKey of each.
};

/// What became of a batch. A text is in `rows`, in `rejected`, or was not embedded because of
/// `status`.
struct BatchOutcome {
  struct Row {
    std::size_t text = 0;    ///< Index into the batch.
    std::size_t vector = 0;  ///< Row of `vectors`.
    std::uint32_t tokens = 0;
  };
  std::vector<Row> rows;
  std::vector<float> vectors;  ///< float32 (rows, D), row major.
  std::vector<std::pair<std::size_t, Status>> rejected;
  std::vector<CommitShare> shares;  ///< For the commit that stores `rows`.
  Status status;
  std::uint64_t api_calls = 0;
  std::uint64_t texts_in_doubt = 0;
  Money cost_in_doubt;
  std::uint64_t tokens = 0;
  bool tokens_estimated = false;
  std::chrono::nanoseconds elapsed{0};

  /// A request that is begun and not settled.
  struct UnderWay {
    std::uint64_t number = 0;
    std::size_t texts = 0;
    std::uint64_t tokens = 0;
  };
  std::optional<UnderWay> under_way;
};

/// Safe for concurrent use.
class BatchEmbedder {
 public:
  /// All references outlive the embedder. A quarantined answer goes into `reserve`. `halt` ends
  /// waits and lets no request begin; requests
  /// under way are finished. It is set here as soon as an answer says that the run cannot go on.
  BatchEmbedder(Provider& provider, RateLimiter& limiter, SpendGate& gate, Clock& clock,
                const IngestOptions& options, ReplyReserve& reserve, StopFlag& halt)
      : provider_(provider),
        limiter_(limiter),
        gate_(gate),
        clock_(clock),
        policy_(options.retry),
        check_pairing_(options.check_pairing),
        reserve_(reserve),
        halt_(halt),
        jitter_(static_cast<std::minstd_rand::result_type>(options.jitter_seed)) {}

  /// Where an exception ends it, as when memory is refused, the outcome is kInternal, and a request
  /// that was under way is in doubt.
  BatchOutcome Embed(const BatchTexts& batch);

 private:
  struct Range {
    std::size_t begin;
    std::size_t end;
  };

  /// Settles what an exception left under way.
  Status EndAfter(const std::exception& error, BatchOutcome* outcome);
  /// Embeds a range, in halves when the server refuses the whole.
  Status EmbedRange(const BatchTexts& batch, Range range, BatchOutcome* outcome);
  Status EmbedHalves(const BatchTexts& batch, Range range, BatchOutcome* outcome);
  /// One request with its retries.
  Status Request(const BatchTexts& batch, Range range, BatchOutcome* outcome);
  /// One request, once, behind limits and budget. kCancelled: not sent.
  Status Attempt(const BatchTexts& batch, Range range, BatchOutcome* outcome);
  /// Settles request `number` by what came back for it.
  Status Settle(const BatchTexts& batch, Range range, std::uint64_t number,
                Result<EmbedReply> reply, BatchOutcome* outcome);
  Status CheckAnswer(const BatchTexts& batch, Range range, std::uint64_t number,
                     const EmbedReply& reply);
  /// Whether an answer of this run had these very vectors; a run sends no text twice.
  bool CameBefore(const std::vector<float>& vectors);
  void Keep(const BatchTexts& batch, Range range, std::uint64_t number, EmbedReply reply,
            BatchOutcome* outcome) const;
  std::chrono::nanoseconds RetryWait(std::uint32_t retry, const Backoff& backoff);

  Provider& provider_;
  RateLimiter& limiter_;
  SpendGate& gate_;
  Clock& clock_;
  const RetryPolicy policy_;
  const bool check_pairing_;
  ReplyReserve& reserve_;
  StopFlag& halt_;

  std::mutex jitter_mutex_;
  std::minstd_rand jitter_;  // Guarded by jitter_mutex_.

  std::mutex answers_mutex_;
  std::set<ContentHash> answers_;  // Of the vectors of each answer. Guarded by answers_mutex_.
};

/// Whether a run cannot go on after a request that ended like this.
bool EndsRun(Code code);

/// Count, dimensions, finite, non-zero. kInvalidReply names what is wrong.
Status CheckReply(const EmbedReply& reply, std::size_t texts, std::uint32_t dimensions);

}  // namespace embstore
