// SPDX-License-Identifier: Apache-2.0
// Where vectors come from. Implement Provider to bring your own model.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/batch.h"
#include "embstore/identity.h"
#include "embstore/status.h"

namespace embstore {

/// Bounds that a caller of Embed keeps. Zero means "no bound" unless said otherwise.
struct ProviderLimits {
  std::uint32_t max_texts = 100;          ///< Texts in one call; at least 1.
  std::uint64_t max_request_bytes = 0;    ///< Sum of EncodedBytes over one call.
  std::uint64_t max_request_tokens = 0;   ///< Sum of EstimateTokens over one call.
  std::uint64_t max_text_tokens = 0;      ///< A longer text is not sent at all.
  std::uint64_t texts_per_minute = 0;     ///< Quota; every text counts.
  std::uint64_t tokens_per_minute = 0;    ///< Quota.
  std::uint64_t requests_per_minute = 0;  ///< Quota of calls, where those are counted.
  std::uint32_t concurrency = 1;          ///< Calls at the same time that make sense.
};

/// The answer to one call, in the order of its texts.
struct EmbedReply {
  std::vector<float> vectors;              ///< float32 (N, D), row major, as the model gave them.
  std::vector<std::uint32_t> text_tokens;  ///< Per text; empty when not reported.
  std::optional<std::uint64_t> total_tokens;  ///< For the whole call; absent when not reported.
  Backoff pace;  ///< What the server said about the next call, with this good answer.
};

/// The identity under which questions to documents of `documents` are embedded: Gemini's
/// RETRIEVAL_DOCUMENT is asked with RETRIEVAL_QUERY, everything else with itself.
EmbeddingIdentity QueryIdentity(EmbeddingIdentity documents);

/// Turns texts into vectors. Embed is called by several threads at once; the rest is constant.
/// Safe for concurrent use.
class Provider {
 public:
  virtual ~Provider() = default;

  virtual std::string_view name() const = 0;
  virtual const EmbeddingIdentity& identity() const = 0;
  virtual ProviderLimits limits() const = 0;

  /// Whether calls cost money or quota that an answer lost on the way wastes. Paid calls are
  /// written down in the ledger before they are made.
  virtual bool paid() const { return true; }

  /// Tokens of `text`, as well as can be told without asking the server. At least 1.
  virtual std::uint64_t EstimateTokens(std::string_view text) const;

  /// Bytes that `text` takes in a request body.
  virtual std::uint64_t EncodedBytes(std::string_view text) const { return text.size(); }

  /// One paid call, one attempt: the caller retries. Texts are non-empty and within limits().
  /// Errors by what the caller does about them: kUnavailable and kRateLimited are retried, as is
  /// kInDoubt (the answer was lost, so the call may have been billed) within bounds, kRejected is
  /// split until the bad text stands alone, kInvalidReply skips the batch, kQuotaExhausted and
  /// kPermissionDenied end the run. The caller checks count and numbers.
  virtual Result<EmbedReply> Embed(std::span<const std::string_view> texts) = 0;

  /// The provider's batch jobs; null: it has none. Lives as long as the provider.
  virtual BatchApi* batch() { return nullptr; }
};

/// The built-in embedding: offline, free, deterministic. Hashed words and character n-grams,
/// signed random projection, unit length. The seed is part of the model name.
struct LocalProviderOptions {
  std::uint64_t seed = 42;
  std::uint32_t dimensions = 768;
};
/// kInvalidArgument: dimensions not in 8..8192.
Result<std::unique_ptr<Provider>> MakeLocalProvider(const LocalProviderOptions& options);

/// A key that cannot be printed: no stream operator, no conversion. Wiped when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(Secret&&) = default;
  ~Secret();

  bool empty() const { return value_.empty(); }
  /// The only way in; search for it to see every use.
  const std::string& Reveal() const { return value_; }

 private:
  std::string value_;
};

/// Google's Gemini API: synchronous calls (models/M:batchEmbedContents) and batch jobs
/// (models/M:asyncBatchEmbedContent).
struct GeminiOptions {
  std::string base_url = "https://generativelanguage.googleapis.com";
  Secret api_key;
  std::string model = "gemini-embedding-001";
  std::uint32_t dimensions = 768;
  std::string task_type = "CLUSTERING";
  std::uint32_t max_texts = 100;                ///< 1..100, the server's own cap.
  std::uint64_t max_request_bytes = 3'500'000;  ///< The server refuses 4 MiB.
  std::uint64_t max_text_tokens = 0;            ///< 0: the model's own limit.
  /// Quotas; nothing: those of Tier 1 at Google's own address, none elsewhere.
  std::optional<std::uint64_t> texts_per_minute;
  std::optional<std::uint64_t> tokens_per_minute;
  std::uint32_t concurrency = 4;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{120'000};
  std::string ca_file;  ///< Empty: the system's certificates.
  std::string proxy;    ///< Empty: none. The environment is never asked.
  std::string upload_mime_type = "application/jsonl";  ///< Of batch input; text/plain comes next.
};
/// kInvalidArgument: a bad URL (plain http is for loopback only), an unknown task type, or
/// dimensions that the model does not have. kPermissionDenied: no key.
Result<std::unique_ptr<Provider>> MakeGeminiProvider(const GeminiOptions& options);

/// Any server with OpenAI's /v1/embeddings: OpenAI itself, Ollama, llama.cpp, TEI, vLLM. Asks for
/// base64 until the server once refuses the field, which costs one more request; takes lists of
/// numbers as well.
struct OpenAiOptions {
  std::string base_url = "https://api.openai.com/v1";
  Secret api_key;  ///< May be empty for a loopback address.
  /// Servers may answer with another name (a dated one); one that changes while the provider lives
  /// is kInvalidArgument, for vectors of two models do not belong together.
  std::string model = "text-embedding-3-small";
  std::uint32_t dimensions = 768;  ///< 1..16384; what comes is checked against it.
  bool send_dimensions = true;     ///< Off for models of one size: they refuse the field.
  std::uint32_t max_texts = 100;   ///< 1..2048; servers differ in what they take.
  std::uint64_t max_request_tokens = 300'000;  ///< 0: no bound.
  std::uint64_t max_request_bytes = 8'000'000;
  std::uint64_t max_text_tokens = 0;                 ///< 0: 8192.
  std::optional<std::uint64_t> requests_per_minute;  ///< 0: none. Nothing: learned, see pace.
  std::optional<std::uint64_t> tokens_per_minute;    ///< As above.
  std::uint32_t concurrency = 4;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{120'000};
  std::string ca_file;            ///< Empty: the system's certificates.
  std::string proxy;              ///< Empty: none. The environment is never asked.
  bool allow_plain_http = false;  ///< Plain http also beyond loopback: texts and key are readable.
};
/// kInvalidArgument: a bad URL, or numbers out of range. kPermissionDenied: no key for an address
/// that is not loopback.
Result<std::unique_ptr<Provider>> MakeOpenAiProvider(const OpenAiOptions& options);

}  // namespace embstore
