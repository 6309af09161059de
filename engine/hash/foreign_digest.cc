// SPDX-License-Identifier: Apache-2.0
#include "engine/hash/foreign_digest.h"

#include <openssl/evp.h>

#include <array>
#include <span>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::array kNames = {"MD5", "SHA1", "SHA256", "SHA512", "BLAKE2B-512"};

const EVP_MD* Method(ForeignDigest digest) {
  // Fetched once, as for SHA-256 in hash.cc.
  static const std::array<EVP_MD*, kNames.size()> methods = [] {
    std::array<EVP_MD*, kNames.size()> fetched{};
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      fetched[i] = EVP_MD_fetch(nullptr, kNames[i], nullptr);
    }
    return fetched;
  }();
  return methods[static_cast<std::size_t>(digest)];
}

}  // namespace

std::string DigestBytes(ForeignDigest digest, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  const EVP_MD* const method = Method(digest);
  if (method == nullptr ||
      EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, method, nullptr) != 1) {
    return "";
  }
  return std::string(out.begin(), out.begin() + size);
}

std::string DigestHex(ForeignDigest digest, std::string_view bytes) {
  const std::string raw = DigestBytes(digest, bytes);
  return HexString({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
}

}  // namespace embstore
