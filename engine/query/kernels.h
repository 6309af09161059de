// SPDX-License-Identifier: Apache-2.0
// The loops in which a search spends its time, compiled once for each set of instructions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace embstore {

/// Bits of one number of a query, in two's complement.
inline constexpr std::size_t kPlanes = 6;

struct Kernels {
  const char* instructions;  ///< "avx512", "avx2", "baseline".

  /// out (n, q) = rows (n, d) x queries (q, d) transposed; all float32, row major.
  void (*products)(const float* rows, std::size_t n, const float* queries, std::size_t q,
                   std::size_t d, float* out);

  /// out (n) = squared lengths of rows (n, d).
  void (*squared_norms)(const float* rows, std::size_t n, std::size_t d, float* out);

  /// out (n) = in how many bits `query` differs from each of n sketches of `words` words.
  void (*distances)(const std::uint64_t* sketches, std::size_t n, std::size_t words,
                    const std::uint64_t* query, std::int32_t* out);

  /// The sum of the query's numbers where `sketch`, of `words` words, has a 1. Word w of `planes`
  /// is kPlanes words: bit b of number 64 * w + i of the query is bit i of word kPlanes * w + b.
  std::int32_t (*masked_sum)(const std::uint64_t* sketch, std::size_t words,
                             const std::uint64_t* planes);

  /// Cosine of `row` (d) and `unit_query` (d), whose length is 1: summed in double and in one
  /// order, so that it does not depend on how the row was found. NaN when `row` is zero.
  float (*cosine)(const float* unit_query, const float* row, std::size_t d);
};

/// The fastest that this processor can run. Their products differ in the last bits.
const Kernels& BestKernels();

// Defined by kernels.cc, once for each build of it.
extern const Kernels kBaselineKernels;
#ifdef EMBSTORE_X86_KERNELS
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif

}  // namespace embstore
