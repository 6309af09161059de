// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_provider.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/text.h"
#include "engine/http/curl.h"
#include "engine/http/url.h"
#include "engine/provider/openai_error.h"
#include "engine/provider/openai_pace.h"
#include "engine/provider/openai_reply.h"
#include "engine/provider/openai_request.h"
#include "engine/provider/request_checks.h"
#include "engine/provider/server_words.h"

namespace embstore {
namespace {

constexpr std::uint32_t kMaxTexts = 2048;
constexpr std::uint32_t kMaxDimensions = 16'384;
constexpr std::uint64_t kDefaultTextTokens = 8192;
constexpr std::size_t kMaxModelBytes = 200;

Status Invalid(std::string message) { return Status(Code::kInvalidArgument, std::move(message)); }

Status CheckModel(std::string_view model) {
  const bool graphic =
      std::all_of(model.begin(), model.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (graphic && !model.empty() && model.size() <= kMaxModelBytes) return Status();
  return Invalid("model \"" + Printable(model, 100) +
                 "\": a model's name is 1 to 200 letters, digits and signs without spaces");
}

Status CheckNumbers(const OpenAiOptions& options) {
  if (options.dimensions < 1 || options.dimensions > kMaxDimensions) {
    return Invalid("dimensions " + std::to_string(options.dimensions) + ": a model has 1 to 16384");
  }
  if (options.max_texts < 1 || options.max_texts > kMaxTexts) {
    return Invalid("texts in one request: " + std::to_string(options.max_texts) +
                   "; 1 to 2048 are possible");
  }
  return CheckSendNumbers({options.max_request_bytes, options.concurrency, options.connect_timeout,
                           options.request_timeout});
}

bool IsLoopback(const std::string& host) { return CheckUrl("http://" + host).ok(); }

Status CheckKey(const Secret& key, const std::string& host) {
  if (key.empty() && !IsLoopback(host)) {
    return Status(Code::kPermissionDenied,
                  "no API key for " + host + "; only servers on this machine go without one");
  }
  return CheckKeyCharacters(key);
}

Status CheckOptions(const OpenAiOptions& options) {
  Status status = LoadCurl();
  if (status.ok()) status = CheckModel(options.model);
  if (status.ok()) status = CheckNumbers(options);
  if (!status.ok()) return status;
  const Result<CheckedUrl> base = CheckUrl(options.base_url, options.allow_plain_http);
  if (!base.ok()) return base.status().Prefixed("base_url");
  return CheckKey(options.api_key, base->host);
}

ProviderLimits LimitsOf(const OpenAiOptions& options, std::uint64_t envelope_bytes) {
  ProviderLimits limits;
  limits.max_texts = options.max_texts;
  limits.max_request_bytes = options.max_request_bytes - envelope_bytes;
  limits.max_request_tokens = options.max_request_tokens;
  limits.max_text_tokens =
      options.max_text_tokens != 0 ? options.max_text_tokens : kDefaultTextTokens;
  limits.requests_per_minute = options.requests_per_minute.value_or(0);
  limits.tokens_per_minute = options.tokens_per_minute.value_or(0);
  limits.concurrency = options.concurrency;
  return limits;
}

/// Safe for concurrent use.
class OpenAiProvider : public Provider {
 public:
  OpenAiProvider(const OpenAiOptions& options, const CheckedUrl& base,
                 std::unique_ptr<HttpTransport> transport)
      : options_(options),
        identity_{options.model, options.dimensions, "", 1},
        writer_(options.model, options.send_dimensions ? options.dimensions : 0),
        limits_(LimitsOf(options, writer_.envelope_bytes())),
        host_(base.host),
        url_(base.text + "/embeddings"),
        authorization_(options.api_key.empty() ? "" : "Bearer " + options.api_key.Reveal()),
        transport_(std::move(transport)) {}

  std::string_view name() const override { return "openai"; }
  const EmbeddingIdentity& identity() const override { return identity_; }
  ProviderLimits limits() const override { return limits_; }
  std::uint64_t EncodedBytes(std::string_view text) const override {
    return OpenAiRequestWriter::EncodedBytes(text);
  }

  Result<EmbedReply> Embed(std::span<const std::string_view> texts) override;

 private:
  Result<HttpResponse> Send(std::span<const std::string_view> texts, VectorEncoding encoding,
                            const EmbeddingCall& call);
  Result<HttpResponse> SendInKnownEncoding(std::span<const std::string_view> texts,
                                           const EmbeddingCall& call);
  Status CheckModelName(const std::string& name);
  Backoff PaceOf(const HttpResponse& response) const;

  const OpenAiOptions options_;
  const EmbeddingIdentity identity_;
  const OpenAiRequestWriter writer_;
  const ProviderLimits limits_;
  const std::string host_;
  const std::string url_;
  const Secret authorization_;
  const std::unique_ptr<HttpTransport> transport_;
  std::atomic<bool> refuses_encoding_{false};

  std::mutex mutex_;
  std::string model_name_;  // As the server first called it. Guarded by mutex_.
};

Result<HttpResponse> OpenAiProvider::Send(std::span<const std::string_view> texts,
                                          VectorEncoding encoding, const EmbeddingCall& call) {
  const std::string body = writer_.Body(texts, encoding);
  HttpRequest request;
  request.url = url_;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  if (!authorization_.empty()) {
    request.secret_header = "Authorization";
    request.secret = &authorization_;
  }
  request.body = body;
  request.wanted_headers = OpenAiPaceHeaders();
  request.allow_plain_http = options_.allow_plain_http;
  request.max_response_bytes = MaxReplyBytes(call);
  request.connect_timeout = options_.connect_timeout;
  request.total_timeout = options_.request_timeout;
  return transport_->Send(request);
}

/// Asks for base64 until the server once refuses the field; that refusal costs nothing.
Result<HttpResponse> OpenAiProvider::SendInKnownEncoding(std::span<const std::string_view> texts,
                                                         const EmbeddingCall& call) {
  if (refuses_encoding_) return Send(texts, VectorEncoding::kUnsaid, call);
  Result<HttpResponse> response = Send(texts, VectorEncoding::kBase64, call);
  if (!response.ok() || response->status == 200) return response;
  if (!RefusesEncoding(ParseOpenAiError(*response))) return response;
  refuses_encoding_ = true;
  return Send(texts, VectorEncoding::kUnsaid, call);
}

/// Servers answer with dated names and aliases, so that the name asked for says nothing. But a name
/// that changes while the program runs means two models in one space.
Status OpenAiProvider::CheckModelName(const std::string& name) {
  if (name.empty()) return Status();
  const std::lock_guard<std::mutex> guard(mutex_);
  if (model_name_.empty()) model_name_ = name;
  if (model_name_ == name) return Status();
  return Status(
      Code::kHeld,
      host_ + ": the server changed the model from \"" +
          KeylessExcerpt(model_name_, &options_.api_key, 100) + "\" to \"" +
          KeylessExcerpt(name, &options_.api_key, 100) +
          "\" during the run; vectors of two models do not belong together, so this answer "
          "is not kept, but it may have been billed: ask for one of them by its full name");
}

/// A quota that was configured is not learned.
Backoff OpenAiProvider::PaceOf(const HttpResponse& response) const {
  Backoff pace = ReadOpenAiPace(response);
  if (options_.requests_per_minute) pace.requests_per_minute = 0;
  if (options_.tokens_per_minute) pace.tokens_per_minute = 0;
  return pace;
}

Result<EmbedReply> OpenAiProvider::Embed(std::span<const std::string_view> texts) {
  if (Status status = CheckTexts(texts, limits_.max_texts); !status.ok()) return status;
  EmbeddingCall call;
  call.host = host_;
  call.model = identity_.model;
  call.key = &options_.api_key;
  call.texts = texts.size();
  call.dimensions = identity_.dimensions;
  const Result<HttpResponse> response = SendInKnownEncoding(texts, call);
  if (!response.ok()) return response.status();
  JsonParser parser;
  Result<OpenAiReply> reply = ReadOpenAiReply(*response, call, &parser);
  if (!reply.ok()) return reply.status();
  if (Status status = CheckModelName(reply->model); !status.ok()) return status;
  reply->embeddings.pace = PaceOf(*response);
  return std::move(reply->embeddings);
}

}  // namespace

Result<std::unique_ptr<Provider>> MakeOpenAiProvider(const OpenAiOptions& options,
                                                     std::unique_ptr<HttpTransport> transport) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  const Result<CheckedUrl> base = CheckUrl(options.base_url, options.allow_plain_http);
  return std::unique_ptr<Provider>(
      std::make_unique<OpenAiProvider>(options, *base, std::move(transport)));
}

Result<std::unique_ptr<Provider>> MakeOpenAiProvider(const OpenAiOptions& options) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  CurlOptions curl;
  curl.ca_file = options.ca_file;
  curl.proxy = options.proxy;
  curl.max_connections = options.concurrency;
  Result<std::unique_ptr<HttpTransport>> transport = MakeCurlTransport(curl);
  if (!transport.ok()) return transport.status();
  return MakeOpenAiProvider(options, *std::move(transport));
}

}  // namespace embstore
