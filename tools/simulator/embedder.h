// SPDX-License-Identifier: Apache-2.0
// Deterministic stand-in for an embedding model: texts that share words or spelling get vectors
// with a high cosine, other texts a low one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/simulator/models.h"

namespace embstore::simulator {

/// One text to embed. Views must outlive the call that takes them.
struct EmbedInput {
  std::string_view text;
  std::string_view title;
  std::string_view task_type;  ///< one of TaskTypes(); ignored by models without task types
};

/// Vectors are a function of (input, model, seed) alone; equal on every run. Immutable after
/// construction, so safe for concurrent use.
class Embedder {
 public:
  explicit Embedder(std::uint64_t seed);

  /// The first `dimensions` values of the unit-length full vector; scaled to length 1 again when
  /// the model does so. REQUIRES: 1 <= dimensions <= kFullDimensions; `model` is from AllModels().
  std::vector<float> Embed(const ModelInfo& model, const EmbedInput& input,
                           std::size_t dimensions) const;

 private:
  struct Space {
    std::uint64_t key = 0;
    std::vector<std::vector<float>> task_offsets;  ///< by index in TaskTypes()
  };

  const std::vector<float>& OffsetFor(const Space& space, const ModelInfo& model,
                                      std::string_view task_type) const;

  std::vector<Space> spaces_;  ///< by index in AllModels()
};

}  // namespace embstore::simulator
