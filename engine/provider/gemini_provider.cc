// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_provider.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <utility>

#include "engine/base/text.h"
#include "engine/http/curl.h"
#include "engine/http/url.h"
#include "engine/provider/gemini_batch.h"
#include "engine/provider/gemini_reply.h"
#include "engine/provider/gemini_request.h"
#include "engine/provider/request_checks.h"

namespace embstore {
namespace {

constexpr std::string_view kGoogleHost = "generativelanguage.googleapis.com";
constexpr std::uint64_t kTier1TextsPerMinute = 3'000;
constexpr std::uint64_t kTier1TokensPerMinute = 1'000'000;
constexpr std::uint32_t kServerMaxTexts = 100;

struct ModelFacts {
  std::string_view name;
  std::uint64_t max_text_tokens;
  std::uint32_t min_dimensions;
  std::uint32_t max_dimensions;
  bool takes_task_type;
};
constexpr std::array<ModelFacts, 2> kModels = {{{"gemini-embedding-001", 2048, 128, 3072, true},
                                                {"gemini-embedding-2", 8192, 128, 3072, false}}};
constexpr ModelFacts kUnknownModel = {"", 2048, 1, 16'384, false};

constexpr std::array<std::string_view, 8> kTaskTypes = {
    "CLUSTERING",      "CLASSIFICATION",     "SEMANTIC_SIMILARITY", "RETRIEVAL_DOCUMENT",
    "RETRIEVAL_QUERY", "QUESTION_ANSWERING", "FACT_VERIFICATION",   "CODE_RETRIEVAL_QUERY"};

const ModelFacts& FactsOf(std::string_view model) {
  const auto found = std::find_if(kModels.begin(), kModels.end(),
                                  [model](const ModelFacts& m) { return m.name == model; });
  return found == kModels.end() ? kUnknownModel : *found;
}

std::string_view PlainModel(std::string_view model) {
  constexpr std::string_view kPrefix = "models/";
  if (model.starts_with(kPrefix)) model.remove_prefix(kPrefix.size());
  return model;
}

Status Invalid(std::string message) { return Status(Code::kInvalidArgument, std::move(message)); }

Status CheckModel(std::string_view model) {
  const bool right = std::all_of(model.begin(), model.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (right && !model.empty() && model.size() <= 100) return Status();
  return Invalid("model \"" + Printable(model, 100) +
                 "\": a model's name is 1 to 100 letters, digits, '.', '_' or '-'");
}

Status CheckDimensions(const ModelFacts& facts, std::uint32_t dimensions) {
  if (dimensions >= facts.min_dimensions && dimensions <= facts.max_dimensions) return Status();
  return Invalid("dimensions " + std::to_string(dimensions) + ": " +
                 (facts.name.empty() ? "a model" : std::string(facts.name)) + " has " +
                 std::to_string(facts.min_dimensions) + " to " +
                 std::to_string(facts.max_dimensions));
}

Status CheckTaskType(std::string_view task_type) {
  const bool known = std::find(kTaskTypes.begin(), kTaskTypes.end(), task_type) != kTaskTypes.end();
  if (known || task_type.empty()) return Status();
  const std::string_view nearest = NearestName(task_type, kTaskTypes);
  std::string message = "task type \"" + Printable(task_type, 60) + "\" is unknown; ";
  if (!nearest.empty()) {
    message += "did you mean " + std::string(nearest) + "?";
  } else {
    message += "known are";
    for (const std::string_view name : kTaskTypes) message += " " + std::string(name);
  }
  return Invalid(std::move(message));
}

Status CheckKey(const Secret& key) {
  if (key.empty()) {
    return Status(Code::kPermissionDenied,
                  "no API key; one comes from https://aistudio.google.com");
  }
  return CheckKeyCharacters(key);
}

Status CheckMimeType(std::string_view type) {
  const bool graphic =
      std::all_of(type.begin(), type.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (graphic && type.find('/') != std::string_view::npos) return Status();
  return Invalid("MIME type of uploads \"" + Printable(type, 60) +
                 "\": one such as application/jsonl is needed");
}

Status CheckNumbers(const GeminiOptions& options) {
  if (options.max_texts < 1 || options.max_texts > kServerMaxTexts) {
    return Invalid("texts in one request: " + std::to_string(options.max_texts) +
                   "; the server takes 1 to 100");
  }
  return CheckSendNumbers({options.max_request_bytes, options.concurrency, options.connect_timeout,
                           options.request_timeout});
}

Status CheckOptions(const GeminiOptions& options) {
  const std::string_view model = PlainModel(options.model);
  Status status = LoadCurl();
  if (status.ok()) status = CheckModel(model);
  if (status.ok()) status = CheckDimensions(FactsOf(model), options.dimensions);
  if (status.ok()) status = CheckTaskType(options.task_type);
  if (status.ok()) status = CheckNumbers(options);
  if (status.ok()) status = CheckMimeType(options.upload_mime_type);
  if (status.ok()) status = CheckUrl(options.base_url).status().Prefixed("base_url");
  if (status.ok()) status = CheckKey(options.api_key);
  return status;
}

EmbeddingIdentity IdentityOf(const GeminiOptions& options) {
  EmbeddingIdentity identity;
  identity.model = PlainModel(options.model);
  identity.dimensions = options.dimensions;
  identity.task_type = FactsOf(identity.model).takes_task_type ? options.task_type : "";
  return identity;
}

ProviderLimits LimitsOf(const GeminiOptions& options, const std::string& host) {
  const bool google = host == kGoogleHost;
  ProviderLimits limits;
  limits.max_texts = options.max_texts;
  limits.max_request_bytes = options.max_request_bytes - GeminiRequestWriter::kEnvelopeBytes;
  limits.max_text_tokens = options.max_text_tokens != 0
                               ? options.max_text_tokens
                               : FactsOf(PlainModel(options.model)).max_text_tokens;
  limits.texts_per_minute = options.texts_per_minute.value_or(google ? kTier1TextsPerMinute : 0);
  limits.tokens_per_minute = options.tokens_per_minute.value_or(google ? kTier1TokensPerMinute : 0);
  limits.concurrency = options.concurrency;
  return limits;
}

/// Safe for concurrent use.
class GeminiProvider : public Provider {
 public:
  GeminiProvider(const GeminiOptions& options, const CheckedUrl& base,
                 std::unique_ptr<HttpTransport> transport)
      : identity_(IdentityOf(options)),
        limits_(LimitsOf(options, base.host)),
        host_(base.host),
        url_(base.text + "/v1beta/models/" + identity_.model + ":batchEmbedContents"),
        key_(options.api_key),
        connect_timeout_(options.connect_timeout),
        request_timeout_(options.request_timeout),
        writer_(identity_.model, identity_.task_type, identity_.dimensions),
        transport_(std::move(transport)),
        batch_({base.text, host_, &key_, transport_.get(), connect_timeout_, request_timeout_},
               identity_, options.upload_mime_type) {}

  std::string_view name() const override { return "gemini"; }
  const EmbeddingIdentity& identity() const override { return identity_; }
  ProviderLimits limits() const override { return limits_; }
  std::uint64_t EncodedBytes(std::string_view text) const override {
    return writer_.EncodedBytes(text);
  }

  Result<EmbedReply> Embed(std::span<const std::string_view> texts) override;
  BatchApi* batch() override { return &batch_; }

 private:
  const EmbeddingIdentity identity_;
  const ProviderLimits limits_;
  const std::string host_;
  const std::string url_;
  const Secret key_;
  const std::chrono::milliseconds connect_timeout_;
  const std::chrono::milliseconds request_timeout_;
  const GeminiRequestWriter writer_;
  const std::unique_ptr<HttpTransport> transport_;
  GeminiBatch batch_;
};

Result<EmbedReply> GeminiProvider::Embed(std::span<const std::string_view> texts) {
  if (Status status = CheckTexts(texts, limits_.max_texts); !status.ok()) return status;
  EmbeddingCall call;
  call.host = host_;
  call.model = identity_.model;
  call.key = &key_;
  call.texts = texts.size();
  call.dimensions = identity_.dimensions;

  const std::string body = writer_.Body(texts);
  HttpRequest request;
  request.url = url_;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.secret_header = "x-goog-api-key";
  request.secret = &key_;
  request.body = body;
  request.max_response_bytes = MaxReplyBytes(call);
  request.connect_timeout = connect_timeout_;
  request.total_timeout = request_timeout_;
  const Result<HttpResponse> response = transport_->Send(request);
  if (!response.ok()) return response.status();
  JsonParser parser;
  return ReadGeminiReply(*response, call, &parser);
}

}  // namespace

Result<std::unique_ptr<Provider>> MakeGeminiProvider(const GeminiOptions& options,
                                                     std::unique_ptr<HttpTransport> transport) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  const Result<CheckedUrl> base = CheckUrl(options.base_url);
  return std::unique_ptr<Provider>(
      std::make_unique<GeminiProvider>(options, *base, std::move(transport)));
}

Result<std::unique_ptr<Provider>> MakeGeminiProvider(const GeminiOptions& options) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  CurlOptions curl;
  curl.ca_file = options.ca_file;
  curl.proxy = options.proxy;
  curl.max_connections = options.concurrency;
  Result<std::unique_ptr<HttpTransport>> transport = MakeCurlTransport(curl);
  if (!transport.ok()) return transport.status();
  return MakeGeminiProvider(options, *std::move(transport));
}

}  // namespace embstore
