// SPDX-License-Identifier: Apache-2.0
// A provider that answers as told and writes down what it was asked.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "embstore/provider.h"

namespace embstore::testing {

class ScriptedProvider final : public Provider {
 public:
  /// Answers call number `call` (0-based) instead of the normal reply; kOk means "normal".
  using Script = std::function<Status(std::size_t call, std::span<const std::string_view>)>;
  /// Spoils a normal reply.
  using Spoil = std::function<void(std::size_t call, EmbedReply*)>;

  explicit ScriptedProvider(std::uint32_t dimensions = 4) {
    identity_.model = "scripted";
    identity_.dimensions = dimensions;
    limits_.max_texts = 10;
  }

  std::string_view name() const override { return "scripted"; }
  const EmbeddingIdentity& identity() const override { return identity_; }
  ProviderLimits limits() const override { return limits_; }
  bool paid() const override { return paid_; }
  std::uint64_t EstimateTokens(std::string_view text) const override { return text.size(); }
  BatchApi* batch() override { return batch_api; }

  Result<EmbedReply> Embed(std::span<const std::string_view> texts) override {
    std::size_t call = 0;
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      call = calls_.size();
      calls_.emplace_back(texts.begin(), texts.end());
    }
    if (script) {
      if (Status status = script(call, texts); !status.ok()) return status;
    }
    EmbedReply reply;
    for (const std::string_view text : texts) {
      const std::vector<float> vector = VectorOf(text);
      reply.vectors.insert(reply.vectors.end(), vector.begin(), vector.end());
      const std::lock_guard<std::mutex> guard(mutex_);
      ++billed_[std::string(text)];
    }
    if (spoil) spoil(call, &reply);
    return reply;
  }

  /// The vector that this provider gives to a text: a plain function of it.
  std::vector<float> VectorOf(std::string_view text) const {
    if (vector_of) return vector_of(text);
    std::vector<float> vector(identity_.dimensions, 0.25F);
    for (std::size_t i = 0; i < text.size(); ++i) {
      vector[i % vector.size()] +=
          static_cast<float>(static_cast<unsigned char>(text[i])) * static_cast<float>(i + 1);
    }
    return vector;
  }

  std::vector<std::vector<std::string>> calls() {
    const std::lock_guard<std::mutex> guard(mutex_);
    return calls_;
  }
  std::map<std::string, int> billed() {
    const std::lock_guard<std::mutex> guard(mutex_);
    return billed_;
  }

  EmbeddingIdentity identity_;
  ProviderLimits limits_;
  bool paid_ = true;
  BatchApi* batch_api = nullptr;
  Script script;
  Spoil spoil;
  /// Another function from text to vector, of identity_.dimensions numbers.
  std::function<std::vector<float>(std::string_view)> vector_of;

 private:
  std::mutex mutex_;
  std::vector<std::vector<std::string>> calls_;
  std::map<std::string, int> billed_;
};

}  // namespace embstore::testing
