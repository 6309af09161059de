// SPDX-License-Identifier: Apache-2.0
// The header of a NumPy array file, format version 1.0
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Knows nothing of
// stores.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace embstore {

enum class NpyType {
  kFloat32,  ///< '<f4'
  kInt64,    ///< '<i8'
};

/// The bytes before the data of a C-order array of this shape; their count is a multiple of 64.
std::string NpyHeader(NpyType type, std::span<const std::uint64_t> shape);

}  // namespace embstore
