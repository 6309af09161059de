// SPDX-License-Identifier: Apache-2.0
// Arithmetic on single vectors.
#pragma once

#include <span>

#include "embstore/visibility.h"

namespace embstore {

/// Euclidean length, summed in double in a fixed order: the same on every machine.
EMBSTORE_API double L2Norm(std::span<const float> vector);

/// Scales `vector` to unit length. Vectors of length zero, or with values that are not finite,
/// are left as they are.
EMBSTORE_API void NormalizeL2(std::span<float> vector);

}  // namespace embstore
