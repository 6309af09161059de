// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "embstore/provider.h"
#include "engine/c_api/boundary.h"
#include "engine/c_api/handles.h"

namespace embstore::c_api {
namespace {

/// The caller's model behind a C callback.
class CallbackProvider final : public Provider {
 public:
  explicit CallbackProvider(const embstore_callbacks& callbacks)
      : name_(callbacks.name),
        identity_{callbacks.model, callbacks.dimensions, Text(callbacks.task_type), 1},
        paid_(callbacks.free_of_charge == 0),
        embed_(callbacks.embed),
        context_(callbacks.context) {
    if (callbacks.max_texts != 0) limits_.max_texts = callbacks.max_texts;
    if (callbacks.concurrency != 0) limits_.concurrency = callbacks.concurrency;
  }

  std::string_view name() const override { return name_; }
  const EmbeddingIdentity& identity() const override { return identity_; }
  ProviderLimits limits() const override { return limits_; }
  bool paid() const override { return paid_; }

  Result<EmbedReply> Embed(std::span<const std::string_view> texts) override {
    std::vector<embstore_string> strings(texts.size());
    std::transform(texts.begin(), texts.end(), strings.begin(), CString);
    EmbedReply reply;
    // A row that the callback forgets stays zero, which is refused.
    reply.vectors.resize(texts.size() * identity_.dimensions);
    embstore_reply said{};
    said.size = sizeof said;
    const embstore_code code =
        embed_(context_, strings.data(), strings.size(), reply.vectors.data(), &said);
    if (code != EMBSTORE_OK) return Failure(code, said);
    if (said.tokens != 0) reply.total_tokens = said.tokens;
    return reply;
  }

 private:
  Status Failure(embstore_code code, const embstore_reply& said) const {
    const auto* const end = std::find(std::begin(said.message), std::end(said.message), '\0');
    std::string message(std::begin(said.message), end);
    if (message.empty()) message = "no reason given";
    if (code < EMBSTORE_OK || code > EMBSTORE_INTERNAL) {
      return {Code::kInternal, name_ + " answered the unknown code " + std::to_string(code)};
    }
    Backoff backoff;
    backoff.retry_after = std::chrono::milliseconds(said.retry_after_ms);
    return {static_cast<Code>(code), name_ + ": " + message, backoff};
  }

  const std::string name_;
  const EmbeddingIdentity identity_;
  const bool paid_;
  ProviderLimits limits_;
  embstore_code (*const embed_)(void*, const embstore_string*, std::size_t, float*,
                                embstore_reply*);
  void* const context_;
};

Result<std::unique_ptr<Provider>> MakeCallbackProvider(const embstore_callbacks* given) {
  embstore_callbacks callbacks;
  Status status = Require({{given, "callbacks"}});
  if (status.ok()) status = ReadStruct(given, &callbacks);
  if (status.ok()) status = Require({{callbacks.name, "name"}, {callbacks.model, "model"}});
  if (!status.ok()) return status;
  if (callbacks.embed == nullptr) return Status(Code::kInvalidArgument, "embed is NULL");
  if (callbacks.dimensions == 0) return Status(Code::kInvalidArgument, "dimensions is 0");
  return std::unique_ptr<Provider>(std::make_unique<CallbackProvider>(callbacks));
}

Result<std::unique_ptr<Provider>> MakeLocal(const embstore_local_options* given) {
  embstore_local_options read;
  if (Status status = ReadStruct(given, &read); !status.ok()) return status;
  LocalProviderOptions options;
  if (read.seed != 0) options.seed = read.seed;
  if (read.dimensions != 0) options.dimensions = read.dimensions;
  return MakeLocalProvider(options);
}

Result<embstore_provider> Handle(Result<std::unique_ptr<Provider>> made) {
  if (!made.ok()) return made.status();
  return embstore_provider{std::move(*made)};
}

}  // namespace
}  // namespace embstore::c_api

embstore_code embstore_local_provider(const embstore_local_options* options,
                                      embstore_provider** provider, embstore_error** error) {
  using namespace embstore::c_api;
  return Make(provider, error, [&] { return Handle(MakeLocal(options)); });
}

embstore_code embstore_callback_provider(const embstore_callbacks* callbacks,
                                         embstore_provider** provider, embstore_error** error) {
  using namespace embstore::c_api;
  return Make(provider, error, [&] { return Handle(MakeCallbackProvider(callbacks)); });
}

void embstore_provider_free(embstore_provider* provider) { delete provider; }
