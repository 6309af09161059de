// SPDX-License-Identifier: Apache-2.0
// Digests by which other tools name texts. embstore writes none of them down.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace embstore {

enum class ForeignDigest : std::uint8_t { kMd5, kSha1, kSha256, kSha512, kBlake2b512 };

/// The raw bytes; empty when the system's OpenSSL is not allowed to compute it.
std::string DigestBytes(ForeignDigest digest, std::string_view bytes);

/// The same in lower-case hex.
std::string DigestHex(ForeignDigest digest, std::string_view bytes);

}  // namespace embstore
