// SPDX-License-Identifier: Apache-2.0
#include "engine/store/space_scan.h"

#include <string_view>

#include "engine/record/sketch_record.h"
#include "engine/store/store_impl.h"

namespace embstore {
namespace {

/// Hashes are spread evenly, so the first two bytes divide them.
std::string FirstKeyOfPart(std::string_view space, std::size_t part, std::size_t parts) {
  std::string key(space);
  AppendBigEndian(65536 * part / parts, 2, &key);
  return key;
}

}  // namespace

Status SpaceScan::ForEachText(const std::function<Status(const TextKey&)>& visit) const {
  return impl_.Scan(Family::kIndex, SpaceKey(space_),
                    [&](std::string_view key, std::string_view v) {
                      const auto record = DecodeRecord<IndexRecord>(key, v);
                      if (!record.ok())
                        return record.status().Prefixed(Store::Impl::Where(Family::kIndex, key));
                      return visit({HashOfVectorKey(key), record->fingerprint, record->text_bytes});
                    });
}

Status SpaceScan::ForEachVector(
    const std::function<Status(const ContentHash&, const VectorView&)>& visit) const {
  return impl_.Scan(Family::kVectors, SpaceKey(space_),
                    [&](std::string_view key, std::string_view value) {
                      const auto vector = DecodeVector(key, value);
                      if (!vector.ok()) {
                        return vector.status().Prefixed(Store::Impl::Where(Family::kVectors, key));
                      }
                      return visit(HashOfVectorKey(key), *vector);
                    });
}

Status SpaceScan::ForEachSketch(
    std::size_t bytes, std::size_t part, std::size_t parts,
    const std::function<Status(const ContentHash&, std::uint8_t slot,
                               std::span<const std::uint8_t>)>& visit) const {
  const std::string space = SpaceKey(space_);
  return impl_.Scan(
      Family::kSketches, space,
      [&](std::string_view key, std::string_view value) {
        const auto bits = DecodeSketch(key, value, bytes);
        if (!bits.ok()) return bits.status().Prefixed(Store::Impl::Where(Family::kSketches, key));
        return visit(HashOfVectorKey(key), SlotOfVectorKey(key), *bits);
      },
      FirstKeyOfPart(space, part, parts),
      part + 1 < parts ? FirstKeyOfPart(space, part + 1, parts) : std::string());
}

}  // namespace embstore
