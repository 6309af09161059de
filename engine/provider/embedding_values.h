// SPDX-License-Identifier: Apache-2.0
// What every reader of embedding replies needs: the question it answers, and checks of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/provider.h"
#include "engine/http/transport.h"
#include "engine/json/json_reader.h"

namespace embstore {

/// What was asked, for checks and messages. A view; valid as long as what it points to.
struct EmbeddingCall {
  std::string_view host;
  std::string_view model;
  const Secret* key = nullptr;
  std::size_t texts = 0;
  std::uint32_t dimensions = 0;
};

/// Largest body that a right answer to `call` can have.
std::uint64_t MaxReplyBytes(const EmbeddingCall& call);

/// The member called `key`; nothing when it is missing or there twice.
std::optional<JsonValue> FindOnly(const JsonValue& object, std::string_view key);

/// What is wrong with one vector, or "".
std::string VectorFault(std::span<const float> values, std::uint32_t dimensions);

/// Appends the little-endian float32 values that `base64` holds to `*out`. False, with `*out` as it
/// was, unless it is padded standard base64 of a whole number of values, in its one right spelling.
bool AppendBase64Floats(std::string_view base64, std::vector<float>* out);

/// kInvalidReply with `fault` and the beginning of the body, without the key.
Status InvalidReply(std::string_view fault, const HttpResponse& response,
                    const EmbeddingCall& call);

}  // namespace embstore
