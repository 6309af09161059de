// SPDX-License-Identifier: Apache-2.0
// The body of a request to /v1/embeddings.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace embstore {

/// How the vectors of the answer are to be written.
enum class VectorEncoding {
  kBase64,
  kUnsaid,  ///< The field is left out, for servers that refuse it: a list of numbers.
};

/// Writes request bodies for one model. Immutable after construction.
class OpenAiRequestWriter {
 public:
  /// `dimensions` 0: the field is left out.
  OpenAiRequestWriter(std::string_view model, std::uint32_t dimensions);

  /// What a body has besides its texts' EncodedBytes, at most.
  std::uint64_t envelope_bytes() const { return envelope_bytes_; }

  /// Bytes that `text` takes in a body. The sum over all texts plus envelope_bytes() is never less
  /// than the body, and one byte more than a body that asks for base64.
  static std::uint64_t EncodedBytes(std::string_view text);

  /// REQUIRES: valid UTF-8. The texts are sent as they are.
  std::string Body(std::span<const std::string_view> texts, VectorEncoding encoding) const;

 private:
  const std::string model_;
  const std::uint32_t dimensions_;
  std::uint64_t envelope_bytes_ = 0;
};

}  // namespace embstore
