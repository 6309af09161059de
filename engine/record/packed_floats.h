// SPDX-License-Identifier: Apache-2.0
// Numbers of like size in fewer bytes, and bit by bit the same when they come back: three bits say
// which of seven neighbouring exponents a number has, and the few others are written out.
//
// With W = D / 8 rounded up, D float32 lie as
//
//       offset  size  field
//            0     4  E, how many exponents are written out; little-endian
//            4     1  T, the exponent with code 0
//            5   3*W  three planes of bits: number i has bit i / W of byte i % W in each,
//                     the lowest bit of its code in the first. Code c below 7: exponent
//                     T - c, modulo 256. Code 7: it is written out. Bits of no number are 0
//        5+3*W     D  of each number the sign, as the highest bit, and mantissa bits 16 to 22
//      5+3*W+D   2*D  mantissa bits 0 to 15, little-endian
//    5+3*W+3*D     E  the exponents written out, ordered by i % W, then by i
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace embstore {

inline constexpr std::size_t kPackedHeadBytes = 5;

/// How numbers are packed into the fewest bytes.
struct PackingPlan {
  std::uint8_t exponent = 0;  ///< T: one that occurs; of several as good the greatest.
  std::size_t bytes = 0;  ///< Of the packed numbers, which can be more than those of the raw ones.
};
PackingPlan PlanPacking(std::span<const float> values);

/// Writes plan.bytes bytes. REQUIRES: plan == PlanPacking(values).
void Pack(std::span<const float> values, const PackingPlan& plan, char* to);

/// The size of packed numbers that begin with `head`.
/// REQUIRES: head.size() >= kPackedHeadBytes.
std::uint64_t PackedBytes(std::string_view head, std::uint32_t dimensions);

/// Whether `packed` has that size, and as many exponents as its codes ask for.
bool IsPacked(std::string_view packed, std::uint32_t dimensions);

/// REQUIRES: IsPacked(packed, out.size()).
void Unpack(std::string_view packed, std::span<float> out);

}  // namespace embstore
