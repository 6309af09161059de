// SPDX-License-Identifier: Apache-2.0
// Built several times: EMBSTORE_KERNELS is the name to define and, in the builds for newer
// processors, Eigen is renamed by the command line. Nothing else that two builds could both emit
// may be used here: the linker keeps one of them, and that must not be one that an older processor
// lacks the instructions for.
#include "engine/query/kernels.h"

#include <Eigen/Core>
#ifdef __AVX512VPOPCNTDQ__
#include <immintrin.h>
#endif

namespace embstore {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void Products(const float* rows, std::size_t n, const float* queries, std::size_t q, std::size_t d,
              float* out) {
  const auto rows_count = static_cast<Eigen::Index>(n);
  const auto columns = static_cast<Eigen::Index>(d);
  const Eigen::Map<const Rows> matrix(rows, rows_count, columns);
  if (q == 1) {
    Eigen::Map<Eigen::VectorXf>(out, rows_count).noalias() =
        matrix * Eigen::Map<const Eigen::VectorXf>(queries, columns);
    return;
  }
  const auto query_count = static_cast<Eigen::Index>(q);
  const Eigen::Map<const Rows> right(queries, query_count, columns);
  Eigen::Map<Rows>(out, rows_count, query_count).noalias() = matrix * right.transpose();
}

void SquaredNorms(const float* rows, std::size_t n, std::size_t d, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const Eigen::Map<const Eigen::VectorXf> row(rows + i * d, static_cast<Eigen::Index>(d));
    out[i] = row.squaredNorm();
  }
}

#ifdef __AVX512VPOPCNTDQ__
// By hand: g++ 12 counts word by word here, which takes twice as long.
int DifferingBits(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m512i counts = _mm512_setzero_si512();
  for (std::size_t w = 0; w < words; w += 8) {
    const auto some = static_cast<__mmask8>(words - w >= 8 ? 0xff : (1U << (words - w)) - 1);
    const __m512i differing = _mm512_xor_si512(_mm512_maskz_loadu_epi64(some, a + w),
                                               _mm512_maskz_loadu_epi64(some, b + w));
    counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(differing));
  }
  return static_cast<int>(_mm512_reduce_add_epi64(counts));
}
#else
int DifferingBits(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  int differing = 0;
  for (std::size_t w = 0; w < words; ++w) differing += __builtin_popcountll(a[w] ^ b[w]);
  return differing;
}
#endif

/// With the number of words known when it is compiled, or 0: `words`.
template <std::size_t kWords>
void DistancesOf(const std::uint64_t* sketches, std::size_t n, std::size_t words,
                 const std::uint64_t* query, std::int32_t* out) {
  if constexpr (kWords > 0) words = kWords;
  for (std::size_t i = 0; i < n; ++i, sketches += words) {
    out[i] = DifferingBits(sketches, query, words);
  }
}

void Distances(const std::uint64_t* sketches, std::size_t n, std::size_t words,
               const std::uint64_t* query, std::int32_t* out) {
  switch (words) {  // The sizes of the models in use.
    case 6:
      return DistancesOf<6>(sketches, n, words, query, out);
    case 8:
      return DistancesOf<8>(sketches, n, words, query, out);
    case 12:
      return DistancesOf<12>(sketches, n, words, query, out);
    case 16:
      return DistancesOf<16>(sketches, n, words, query, out);
    case 24:
      return DistancesOf<24>(sketches, n, words, query, out);
    case 48:
      return DistancesOf<48>(sketches, n, words, query, out);
    default:
      return DistancesOf<0>(sketches, n, words, query, out);
  }
}

std::int32_t MaskedSum(const std::uint64_t* sketch, std::size_t words,
                       const std::uint64_t* planes) {
  int counts[kPlanes] = {};
  for (std::size_t w = 0; w < words; ++w) {
    for (std::size_t b = 0; b < kPlanes; ++b) {
      counts[b] += __builtin_popcountll(sketch[w] & planes[w * kPlanes + b]);
    }
  }
  int sum = -(counts[kPlanes - 1] << (kPlanes - 1));
  for (std::size_t b = 0; b + 1 < kPlanes; ++b) sum += counts[b] << b;
  return sum;
}

float Cosine(const float* unit_query, const float* row, std::size_t d) {
  // Several sums, so that they need not wait for each other.
  constexpr std::size_t kSums = 16;
  double dots[kSums] = {};
  double squares[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= d; i += kSums) {
    for (std::size_t s = 0; s < kSums; ++s) {
      const double value = row[i + s];
      dots[s] += static_cast<double>(unit_query[i + s]) * value;
      squares[s] += value * value;
    }
  }
  for (; i < d; ++i) {
    const double value = row[i];
    dots[0] += static_cast<double>(unit_query[i]) * value;
    squares[0] += value * value;
  }
  double dot = 0;
  double square = 0;
  for (std::size_t s = 0; s < kSums; ++s) {
    dot += dots[s];
    square += squares[s];
  }
  return static_cast<float>(dot / __builtin_sqrt(square));
}

}  // namespace

extern const Kernels EMBSTORE_KERNELS = {
    EMBSTORE_INSTRUCTIONS, Products, SquaredNorms, Distances, MaskedSum, Cosine};

}  // namespace embstore
