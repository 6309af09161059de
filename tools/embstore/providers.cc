// SPDX-License-Identifier: Apache-2.0
#include "providers.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace embstore::tool {
namespace {

/// Takes a key out of the environment, so that no child and no crash report sees it. It is wiped as
/// well: `/proc/PID/environ` goes on showing the bytes that a process was started with.
Secret TakeKey(const char* name) {
  char* const value = std::getenv(name);
  Secret key(value == nullptr ? "" : value);
  if (value != nullptr) explicit_bzero(value, std::strlen(value));
  ::unsetenv(name);
  return key;
}

const Secret& GeminiKey() {
  static const Secret key = TakeKey("GEMINI_API_KEY");
  return key;
}

const Secret& OpenAiKey() {
  static const Secret key = TakeKey("OPENAI_API_KEY");
  return key;
}

/// What all options of network providers have under the same names.
template <typename Options>
void FillCommon(const Config& config, Options* options) {
  const EmbeddingConfig& embedding = config.embedding;
  if (!embedding.base_url.empty()) options->base_url = embedding.base_url;
  options->model = embedding.model;
  options->dimensions = embedding.dimensions;
  options->max_text_tokens = embedding.max_text_tokens;
  options->tokens_per_minute = config.limits.tokens_per_minute;
  if (embedding.concurrency > 0) options->concurrency = embedding.concurrency;
  options->connect_timeout = Milliseconds(config.http.connect_timeout_seconds);
  options->request_timeout = Milliseconds(config.http.request_timeout_seconds);
  options->ca_file = config.http.ca_file;
  options->proxy = config.http.proxy;
}

Result<std::unique_ptr<Provider>> MakeGemini(const Config& config, Purpose purpose) {
  GeminiOptions options;
  FillCommon(config, &options);
  options.api_key = GeminiKey();
  if (options.api_key.empty()) {
    if (purpose == Purpose::kEmbed) {
      return Status(Code::kPermissionDenied,
                    "no API key; nothing was sent. Put your key into the environment: export "
                    "GEMINI_API_KEY=... (https://aistudio.google.com/apikey)");
    }
    options.api_key = Secret("unused");
  }
  options.task_type = config.embedding.task_type;
  options.max_texts = std::min(config.embedding.batch_size, options.max_texts);
  options.texts_per_minute = config.limits.texts_per_minute;
  return MakeGeminiProvider(options);
}

Result<std::unique_ptr<Provider>> MakeOpenAi(const Config& config, Purpose purpose) {
  OpenAiOptions options;
  FillCommon(config, &options);
  options.api_key = OpenAiKey();
  const bool keyless = options.api_key.empty();
  if (keyless && purpose == Purpose::kPlan) options.api_key = Secret("unused");
  options.send_dimensions = config.openai.send_dimensions;
  options.max_texts = config.embedding.batch_size;
  options.max_request_tokens = config.openai.max_request_tokens;
  options.requests_per_minute = config.limits.requests_per_minute;
  options.allow_plain_http = config.openai.allow_plain_http;
  auto provider = MakeOpenAiProvider(options);
  if (provider.code() != Code::kPermissionDenied || !keyless) return provider;
  return Status(Code::kPermissionDenied,
                provider.status().message() +
                    "; nothing was sent. Put your key into the environment: export "
                    "OPENAI_API_KEY=...");
}

Result<std::unique_ptr<Provider>> Make(const Config& config, Purpose purpose) {
  if (config.embedding.provider == kGemini) return MakeGemini(config, purpose);
  if (config.embedding.provider == kOpenAi) return MakeOpenAi(config, purpose);
  LocalProviderOptions options;
  options.seed = config.seed;
  options.dimensions = config.embedding.dimensions;
  return MakeLocalProvider(options);
}

}  // namespace

bool TakeKeys() {
  const bool has_gemini = !GeminiKey().empty();
  const bool has_openai = !OpenAiKey().empty();
  return has_gemini || has_openai;
}

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

Result<std::unique_ptr<Provider>> MakeProvider(const Config& config, Purpose purpose) {
  const EmbeddingConfig& embedding = config.embedding;
  if (embedding.provider == kOpenAi && embedding.model.starts_with("gemini-") &&
      embedding.base_url.empty()) {
    return Status(Code::kInvalidArgument,
                  "model '" + embedding.model +
                      "' is not one of OpenAI's: give --model, such as text-embedding-3-small, "
                      "or --base-url");
  }
  return Make(config, purpose);
}

Result<std::unique_ptr<Provider>> MakeProviderOf(const SpaceRecord& space, Config config,
                                                 const std::optional<std::string>& base_url,
                                                 Purpose purpose) {
  if (config.embedding.provider != space.provider) config.embedding.base_url.clear();
  if (base_url) config.embedding.base_url = *base_url;
  config.embedding.provider = space.provider;
  config.embedding.model = space.identity.model;
  config.embedding.dimensions = space.identity.dimensions;
  config.embedding.task_type = space.identity.task_type;
  return Make(config, purpose);
}

std::string DefaultModel(std::string_view provider) {
  return provider == kOpenAi ? OpenAiOptions().model : GeminiOptions().model;
}

ModelPrice PriceOf(const Config& config, const Provider& provider, std::string* warning) {
  if (!provider.paid()) return {};
  const auto price = config.pricing.models.find(provider.identity().model);
  if (price != config.pricing.models.end()) return price->second;
  *warning = "no price is known for model '" + provider.identity().model +
             "'; costs are shown as $0.0000. Add it under pricing.models in config.yaml";
  return {};
}

std::optional<Price> PriceToEmbed(const Config& config, const SpaceRecord& space) {
  if (space.provider == kLocal) return Price();
  const auto price = config.pricing.models.find(space.identity.model);
  if (price == config.pricing.models.end()) return std::nullopt;
  const bool batch = config.embedding.use_batch_api && space.provider == kGemini;
  return batch ? price->second.batch : price->second.sync;
}

std::optional<Money> CostToEmbed(const Config& config, const SpaceRecord& space,
                                 std::uint64_t tokens) {
  const auto price = PriceToEmbed(config, space);
  return price ? std::optional(CostOf(tokens, *price)) : std::nullopt;
}

}  // namespace embstore::tool
