// SPDX-License-Identifier: Apache-2.0
#include "engine/record/keys.h"

#include <algorithm>

namespace embstore {
namespace {

constexpr std::size_t kSpaceBytes = 8;
constexpr std::size_t kGenerationPrefixBytes = 8;

void AppendBytes(const auto& bytes, std::string* out) {
  out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

void AppendBigEndian(std::uint64_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    *out += static_cast<char>(value >> shift);
  }
}

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

std::string SpaceKey(SpaceId space) {
  std::string key;
  AppendBigEndian(space.value, kSpaceBytes, &key);
  return key;
}

SpaceId SpaceOfKey(std::string_view key) { return {ReadBigEndian(key.substr(0, kSpaceBytes))}; }

std::string VectorKey(SpaceId space, const ContentHash& hash, std::uint8_t slot) {
  std::string key = SpaceKey(space);
  AppendBytes(hash.bytes, &key);
  if (slot > 0) key += static_cast<char>(slot);
  return key;
}

ContentHash HashOfVectorKey(std::string_view key) {
  ContentHash hash;
  std::copy_n(key.data() + kSpaceBytes, hash.bytes.size(),
              reinterpret_cast<char*>(hash.bytes.data()));
  return hash;
}

std::uint8_t SlotOfVectorKey(std::string_view key) {
  return key.size() <= kVectorKeyBytes ? 0 : static_cast<std::uint8_t>(key[kVectorKeyBytes]);
}

std::string TextRecordKey(const TextKey& text) {
  std::string key;
  AppendBytes(text.hash.bytes, &key);
  AppendBytes(text.fingerprint.bytes, &key);
  return key;
}

std::string CoverageKey(std::string_view split, SpaceId space) {
  std::string key(split);
  key += '\0';
  AppendBigEndian(space.value, kSpaceBytes, &key);
  return key;
}

std::string GenerationPrefix(std::uint32_t split_id, std::uint32_t generation) {
  std::string key;
  AppendBigEndian(split_id, 4, &key);
  AppendBigEndian(generation, 4, &key);
  return key;
}

std::string DocumentKey(std::uint32_t split_id, std::uint32_t generation, std::uint64_t position) {
  std::string key = GenerationPrefix(split_id, generation);
  AppendBigEndian(position, 8, &key);
  return key;
}

std::uint64_t PositionOfDocumentKey(std::string_view key) {
  return ReadBigEndian(key.substr(kGenerationPrefixBytes));
}

std::string DocumentIdKey(std::uint32_t split_id, std::uint32_t generation, std::string_view id) {
  std::string key = GenerationPrefix(split_id, generation);
  key += id;
  return key;
}

std::string RunKey(std::uint32_t run) {
  std::string key;
  AppendBigEndian(run, 4, &key);
  return key;
}

}  // namespace embstore
