// SPDX-License-Identifier: Apache-2.0
// The built-in provider: a hashed bag of words, word parts and topics.
#include <algorithm>
#include <string>
#include <thread>

#include "embstore/provider.h"
#include "engine/provider/local_embedder.h"

namespace embstore {
namespace {

constexpr std::uint32_t kMinDimensions = 8;
constexpr std::uint32_t kMaxDimensions = 8192;
constexpr std::uint32_t kMaxTexts = 1024;

/// Safe for concurrent use.
class LocalProvider final : public Provider {
 public:
  explicit LocalProvider(const LocalProviderOptions& options)
      : projection_(options.seed, options.dimensions) {
    identity_.model = "local-v1-seed" + std::to_string(options.seed);
    identity_.dimensions = options.dimensions;
  }

  std::string_view name() const override { return "local"; }
  bool paid() const override { return false; }
  const EmbeddingIdentity& identity() const override { return identity_; }

  ProviderLimits limits() const override {
    ProviderLimits limits;
    limits.max_texts = kMaxTexts;
    // Twice the threads: while half of the batches are being stored, the others are embedded.
    limits.concurrency = 2 * std::max(1U, std::thread::hardware_concurrency());
    return limits;
  }

  Result<EmbedReply> Embed(std::span<const std::string_view> texts) override {
    const std::size_t width = identity_.dimensions;
    EmbedReply reply;
    reply.vectors.resize(texts.size() * width);
    LocalEmbedder embedder(projection_);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      embedder.Embed(texts[i], std::span(reply.vectors).subspan(i * width, width));
    }
    return reply;
  }

 private:
  const LocalProjection projection_;
  EmbeddingIdentity identity_;
};

}  // namespace

Result<std::unique_ptr<Provider>> MakeLocalProvider(const LocalProviderOptions& options) {
  if (options.dimensions < kMinDimensions || options.dimensions > kMaxDimensions) {
    return Status(Code::kInvalidArgument, "the local provider has 8 to 8192 dimensions, not " +
                                              std::to_string(options.dimensions));
  }
  return std::unique_ptr<Provider>(std::make_unique<LocalProvider>(options));
}

}  // namespace embstore
