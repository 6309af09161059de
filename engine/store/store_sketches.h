// SPDX-License-Identifier: Apache-2.0
// Sketches are derived from the vectors: what is missing of them is made again, never missed.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "engine/sketch/sketch.h"
#include "engine/store/store_impl.h"

namespace embstore {

/// Makes sketches of vectors of any size. Not thread-safe; one thread at a time.
class SketchMaker {
 public:
  /// The value for `key` in the family `sketches`; valid until the next call.
  const std::string& Make(std::string_view key, std::span<const float> vector);

 private:
  std::map<std::size_t, Sketcher> sketchers_;  // By dimensions.
  std::vector<std::uint8_t> bits_;
  std::string value_;
};

/// Gives a store of an earlier version its sketches, by reading all vectors once.
/// REQUIRES: `impl` is open for writing.
Status EnsureSketches(Store::Impl* impl);

}  // namespace embstore
