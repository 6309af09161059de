// SPDX-License-Identifier: Apache-2.0
// Reading a whole space in the order of its keys: by content hash, slots of one hash in a row.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "embstore/identity.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "engine/record/vector_record.h"

namespace embstore {

/// Every visit takes views that are valid until it returns; an error of it ends the scan and comes
/// back. kCorruption: a record is damaged. Safe for concurrent use. REQUIRES: the store outlives
/// it.
class SpaceScan {
 public:
  SpaceScan(const Store& store, SpaceId space) : impl_(*store.impl_), space_(space) {}

  Status ForEachText(const std::function<Status(const TextKey&)>& visit) const;

  Status ForEachVector(
      const std::function<Status(const ContentHash&, const VectorView&)>& visit) const;

  /// Sketches of `bytes` bytes each, of one of `parts` shares of the hashes. A store of an earlier
  /// version may lack some or all. REQUIRES: part < parts <= 65536.
  Status ForEachSketch(std::size_t bytes, std::size_t part, std::size_t parts,
                       const std::function<Status(const ContentHash&, std::uint8_t slot,
                                                  std::span<const std::uint8_t>)>& visit) const;

 private:
  const Store::Impl& impl_;
  const SpaceId space_;
};

}  // namespace embstore
