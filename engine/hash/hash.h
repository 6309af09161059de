// SPDX-License-Identifier: Apache-2.0
// The hashes that embstore writes down. The only user of xxHash and of OpenSSL's digests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "embstore/identity.h"

namespace embstore {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// XXH3-64 of a stored record: of `key`, then of `payload`. Tells accidents, not attackers.
std::uint64_t RecordChecksum(std::string_view key, std::string_view payload);

/// XXH3-128 of `bytes`.
ContentHash HashBytes(std::string_view bytes);

/// SHA-256 in pieces. Not thread-safe; one thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  Sha256Digest Finish();  ///< REQUIRES: afterwards only Reset() or destruction.
  void Reset();           ///< As if new.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// XXH3-128 in pieces. Not thread-safe; one thread at a time.
class Xxh3Hasher {
 public:
  Xxh3Hasher();
  ~Xxh3Hasher();
  Xxh3Hasher(const Xxh3Hasher&) = delete;
  Xxh3Hasher& operator=(const Xxh3Hasher&) = delete;

  void Update(std::string_view bytes);
  ContentHash Digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace embstore
