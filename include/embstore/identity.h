// SPDX-License-Identifier: Apache-2.0
// What names a vector: the identity of its space and the key of its text.
// Formats: docs/format.md.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "embstore/visibility.h"

namespace embstore {

/// All that decides a vector besides the text. How the text travelled (sync or batch), the batch
/// size and normalisation are not part of it. A value type.
struct EmbeddingIdentity {
  std::string model;
  std::uint32_t dimensions = 0;
  std::string task_type;                    ///< Empty when the model has none.
  std::uint32_t text_template_version = 1;  ///< 1: the document's text is sent as it is.

  bool operator==(const EmbeddingIdentity&) const = default;
};

/// Names the set of vectors with one identity: XXH3-64 of the identity's canonical bytes.
struct SpaceId {
  std::uint64_t value = 0;
  auto operator<=>(const SpaceId&) const = default;
};

/// XXH3-128 of the UTF-8 bytes that are sent, in XXH128's canonical (big-endian) form.
/// Not collision resistant: a hit counts only when the fingerprint agrees.
struct ContentHash {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const ContentHash&) const = default;
};

/// The first 128 bits of SHA-256 of the same bytes.
struct Fingerprint {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Fingerprint&) const = default;
};

/// Everything needed to find a text's vector and to prove that it is that text's.
struct TextKey {
  ContentHash hash;
  Fingerprint fingerprint;
  std::uint64_t length = 0;  ///< Bytes.
  bool operator==(const TextKey&) const = default;
};

/// The key of exactly these bytes.
EMBSTORE_API TextKey MakeTextKey(std::string_view utf8);

EMBSTORE_API SpaceId MakeSpaceId(const EmbeddingIdentity& identity);

/// Lower-case hex: 16 digits for a space, 32 for a hash or fingerprint.
EMBSTORE_API std::string ToHex(SpaceId space);
EMBSTORE_API std::string ToHex(const ContentHash& hash);
EMBSTORE_API std::string ToHex(const Fingerprint& fingerprint);

}  // namespace embstore
