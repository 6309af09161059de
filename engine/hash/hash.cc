// SPDX-License-Identifier: Apache-2.0
#include "engine/hash/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"

namespace embstore {
namespace {

const EVP_MD* Sha256Method() {
  // Fetched once: an implicit fetch costs more than hashing a short text.
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

ContentHash Canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  ContentHash out;
  static_assert(sizeof canonical.digest == sizeof out.bytes);
  std::copy_n(canonical.digest, out.bytes.size(), out.bytes.begin());
  return out;
}

void AppendUint32(std::uint32_t value, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) *out += static_cast<char>(value >> shift);
}

void AppendField(std::string_view field, std::string* out) {
  AppendUint32(static_cast<std::uint32_t>(field.size()), out);
  *out += field;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

// The digest calls fail only when memory is refused or the library lacks SHA-256; going on with a
// wrong fingerprint would be worse than stopping.
Sha256::Sha256() : state_(std::make_unique<State>()) { Reset(); }
Sha256::~Sha256() = default;

void Sha256::Reset() {
  if (EVP_DigestInit_ex2(state_->context, Sha256Method(), nullptr) != 1) std::abort();
}

void Sha256::Update(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

Sha256Digest Sha256::Finish() {
  Sha256Digest out;
  if (EVP_DigestFinal_ex(state_->context, out.data(), nullptr) != 1) std::abort();
  return out;
}

struct Xxh3Hasher::State {
  XXH3_state_t* state = XXH3_createState();
  ~State() { XXH3_freeState(state); }
};

Xxh3Hasher::Xxh3Hasher() : state_(std::make_unique<State>()) {
  if (state_->state == nullptr || XXH3_128bits_reset(state_->state) != XXH_OK) std::abort();
}
Xxh3Hasher::~Xxh3Hasher() = default;

void Xxh3Hasher::Update(std::string_view bytes) {
  XXH3_128bits_update(state_->state, bytes.data(), bytes.size());
}

ContentHash Xxh3Hasher::Digest() const { return Canonical(XXH3_128bits_digest(state_->state)); }

std::uint64_t RecordChecksum(std::string_view key, std::string_view payload) {
  if (EMBSTORE_SEEDED_BUG("checksum-without-key")) key = {};
  return XXH3_64bits_withSeed(payload.data(), payload.size(), XXH3_64bits(key.data(), key.size()));
}

ContentHash HashBytes(std::string_view bytes) {
  return Canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

TextKey MakeTextKey(std::string_view utf8) {
  thread_local Sha256 sha;
  sha.Reset();
  sha.Update(utf8);
  TextKey key;
  key.hash = HashBytes(utf8);
  const Sha256Digest digest = sha.Finish();
  std::copy_n(digest.begin(), key.fingerprint.bytes.size(), key.fingerprint.bytes.begin());
  key.length = utf8.size();
  return key;
}

SpaceId MakeSpaceId(const EmbeddingIdentity& identity) {
  std::string canonical;
  AppendField("embstore-space-1", &canonical);
  AppendField(identity.model, &canonical);
  AppendUint32(identity.dimensions, &canonical);
  AppendField(identity.task_type, &canonical);
  AppendUint32(identity.text_template_version, &canonical);
  return {XXH3_64bits(canonical.data(), canonical.size())};
}

std::string ToHex(SpaceId space) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(space.value >> (56 - 8 * i));
  }
  return HexString(bytes);
}

std::string ToHex(const ContentHash& hash) { return HexString(hash.bytes); }

std::string ToHex(const Fingerprint& fingerprint) { return HexString(fingerprint.bytes); }

}  // namespace embstore
