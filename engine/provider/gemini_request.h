// SPDX-License-Identifier: Apache-2.0
// The body of a batchEmbedContents request.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace embstore {

/// Writes request bodies for one model. Immutable after construction.
class GeminiRequestWriter {
 public:
  /// What a body has besides its texts' EncodedBytes, at most.
  static constexpr std::uint64_t kEnvelopeBytes = 15;

  /// `model` without "models/". An empty task type is left out.
  GeminiRequestWriter(std::string_view model, std::string_view task_type, std::uint32_t dimensions);

  /// Bytes that `text` takes in a body with its request around it. The sum over all texts plus
  /// kEnvelopeBytes is never less than the body and at most one byte more.
  std::uint64_t EncodedBytes(std::string_view text) const;

  /// REQUIRES: valid UTF-8. The texts are sent as they are.
  std::string Body(std::span<const std::string_view> texts) const;

 private:
  const std::string model_;
  const std::string task_type_;
  const std::uint32_t dimensions_;
  std::uint64_t overhead_ = 0;
};

}  // namespace embstore
