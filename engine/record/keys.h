// SPDX-License-Identifier: Apache-2.0
// The column families and the bytes of their keys. Numbers are big-endian, so that keys sort as
// their numbers do. Grammar: docs/format.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "embstore/identity.h"

namespace embstore {

/// Index into kFamilyNames. Names are on disk: never rename one.
enum class Family : std::uint8_t {
  kDefault,
  kMeta,
  kSpaces,
  kIndex,
  kVectors,
  kTexts,
  kSplits,
  kDocuments,
  kDocumentIds,
  kFailures,
  kRuns,
  kSketches,  ///< Derived from the vectors; a store of an early version has none.
};

inline constexpr std::array<std::string_view, 12> kFamilyNames = {
    "default", "meta",      "spaces",       "index",    "vectors", "texts",
    "splits",  "documents", "document_ids", "failures", "runs",    "sketches"};
static_assert(kFamilyNames.size() == static_cast<std::size_t>(Family::kSketches) + 1);

inline constexpr std::string_view kMetaStoreKey = "store";
inline constexpr std::string_view kMetaCommitKey = "commit";

/// Texts with the same content hash take slots 0, 1, ... in order of arrival.
inline constexpr std::uint8_t kMaxSlots = 16;

inline constexpr std::size_t kVectorKeyBytes = 24;  ///< Of a vector key in slot 0.

/// Space id, content hash, and for slots above 0 the slot: 24 or 25 bytes.
std::string VectorKey(SpaceId space, const ContentHash& hash, std::uint8_t slot = 0);

/// The hash and the slot inside a vector key. REQUIRES: at least 24 bytes.
ContentHash HashOfVectorKey(std::string_view key);
std::uint8_t SlotOfVectorKey(std::string_view key);

std::string SpaceKey(SpaceId space);
/// REQUIRES: 8 bytes.
SpaceId SpaceOfKey(std::string_view key);

/// Content hash and fingerprint: 32 bytes.
std::string TextRecordKey(const TextKey& text);

/// Name, NUL, space id: sorts right behind the split's own key.
std::string CoverageKey(std::string_view split, SpaceId space);

/// Split id and generation: the prefix of all keys of one document list.
std::string GenerationPrefix(std::uint32_t split_id, std::uint32_t generation);
std::string DocumentKey(std::uint32_t split_id, std::uint32_t generation, std::uint64_t position);
/// The position inside a document key. REQUIRES: 16 bytes.
std::uint64_t PositionOfDocumentKey(std::string_view key);
std::string DocumentIdKey(std::uint32_t split_id, std::uint32_t generation, std::string_view id);

std::string RunKey(std::uint32_t run);

void AppendBigEndian(std::uint64_t value, int bytes, std::string* out);
std::uint64_t ReadBigEndian(std::string_view bytes);

}  // namespace embstore
