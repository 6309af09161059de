// SPDX-License-Identifier: Apache-2.0
// Text measures and encodings of the simulated service.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace embstore::simulator {

/// Tokens the service charges for `text`: a quarter of its Unicode characters, rounded up, at
/// least 1. REQUIRES: valid UTF-8.
std::size_t CountTokens(std::string_view text);

/// The first `max_tokens` tokens of `text`; never splits a character. REQUIRES: valid UTF-8.
std::string_view CutToTokens(std::string_view text, std::size_t max_tokens);

/// `bytes` as lower-case hex digits.
std::string Hex(std::string_view bytes);

/// `bytes` in base64, padded.
std::string Base64(std::string_view bytes);

/// SHA-256 of `text`, 64 lower-case hex digits.
std::string Sha256Hex(std::string_view text);

/// `encoded` with %XX sequences decoded; malformed ones stay as they are.
std::string PercentDecode(std::string_view encoded);

/// `bytes` as a gzip member.
std::string Gzip(std::string_view bytes);

}  // namespace embstore::simulator
