// SPDX-License-Identifier: Apache-2.0
#include "engine/record/packed_floats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

namespace embstore {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are taken apart as they lie in memory");

constexpr std::uint8_t kWrittenOut = 7;  // This code and, before it is packed, all above.
constexpr std::size_t kPlanes = 3;
constexpr std::size_t kExponents = 256;
constexpr std::size_t kBitsOfByte = 8;

// Sixteen numbers at a time, in registers that every x86-64 has.
constexpr std::size_t kLanes = 16;
using Bytes = std::uint8_t __attribute__((vector_size(kLanes)));
using Halves = std::uint16_t __attribute__((vector_size(kLanes)));

std::uint8_t ExponentOf(float value) {
  return static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(value) >> 23);
}

void SetExponent(std::uint8_t exponent, float* value) {
  constexpr std::uint32_t kBits = 0xffU << 23;
  const auto others = std::bit_cast<std::uint32_t>(*value) & ~kBits;
  *value = std::bit_cast<float>(others | std::uint32_t{exponent} << 23);
}

std::size_t PlaneBytes(std::size_t dimensions) {
  return dimensions / kBitsOfByte + (dimensions % kBitsOfByte == 0 ? 0 : 1);
}

std::size_t BytesOf(std::size_t dimensions, std::size_t written_out) {
  return kPackedHeadBytes + kPlanes * PlaneBytes(dimensions) + 3 * dimensions + written_out;
}

/// Where the fields of packed numbers begin, or of some of the numbers.
template <typename Byte>
struct Fields {
  std::size_t plane_bytes;  ///< From a plane to the next.
  Byte* planes;
  Byte* highs;
  Byte* lows;
};

template <typename Byte>
Fields<Byte> FieldsOf(Byte* packed, std::size_t dimensions) {
  const std::size_t plane_bytes = PlaneBytes(dimensions);
  Byte* const planes = packed + kPackedHeadBytes;
  Byte* const highs = planes + kPlanes * plane_bytes;
  return {plane_bytes, planes, highs, highs + dimensions};
}

/// The bits of `n` bytes of the planes, eight at most, that are set in all planes.
template <typename Size>
std::uint64_t SetInAll(const std::uint8_t* planes, std::size_t plane_bytes, Size n) {
  std::uint64_t all = ~std::uint64_t{0};
  for (std::size_t plane = 0; plane < kPlanes; ++plane) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, planes + plane * plane_bytes, n);
    all &= bits;
  }
  return all;
}

/// Calls visit(i) for each number whose exponent is written out, in their order. A number behind
/// the last one is visited like the others.
template <typename Byte, typename Visit>
void ForEachWrittenOut(const Fields<Byte>& fields, const Visit& visit) {
  constexpr std::integral_constant<std::size_t, sizeof(std::uint64_t)> kWord;
  const std::size_t plane_bytes = fields.plane_bytes;
  for (std::size_t at = 0; at < plane_bytes; at += kWord) {
    const std::size_t left = plane_bytes - at;
    std::uint64_t all = left >= kWord ? SetInAll(fields.planes + at, plane_bytes, kWord)
                                      : SetInAll(fields.planes + at, plane_bytes, left);
    for (; all != 0; all &= all - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(all));
      visit(bit % kBitsOfByte * plane_bytes + at + bit / kBitsOfByte);
    }
  }
}

template <typename Vector>
Vector Load(const void* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

template <typename Vector>
void Store(Vector vector, void* to) {
  std::memcpy(to, &vector, sizeof vector);
}

Bytes Filled(std::uint8_t byte) { return Bytes{} + byte; }

/// 0xff in the bytes that have `bit`, 0 in the others.
Bytes Having(Bytes bytes, Bytes bit) { return reinterpret_cast<Bytes>((bytes & bit) == bit); }

Halves EvenHalves(Halves a, Halves b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

/// The low byte of each.
Bytes LowBytes(Halves a, Halves b) {
  return __builtin_shufflevector(reinterpret_cast<Bytes>(a), reinterpret_cast<Bytes>(b),  //
                                 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

// Inlined, as each call is for few numbers.

/// Packs kLanes numbers, which have `bit` of their bytes of the planes.
[[gnu::always_inline]] inline void PackLanes(const float* from, std::uint8_t exponent,
                                             std::uint8_t bit, const Fields<std::uint8_t>& to) {
  const auto numbers = [&](std::size_t i) { return Load<Halves>(from + 4 * i); };
  Store(EvenHalves(numbers(0), numbers(1)), to.lows);
  Store(EvenHalves(numbers(2), numbers(3)), to.lows + kLanes);
  const auto odd = [&](std::size_t i) {
    return __builtin_shufflevector(numbers(i), numbers(i + 1), 1, 3, 5, 7, 9, 11, 13, 15);
  };
  const Halves a = odd(0);
  const Halves b = odd(2);
  Store((LowBytes(a, b) & 0x7f) | (LowBytes(a >> 8, b >> 8) & 0x80), to.highs);
  const Bytes below = exponent - LowBytes(a >> 7, b >> 7);
  const Bytes code = below | reinterpret_cast<Bytes>(below >= Filled(kWrittenOut));
  for (std::size_t plane = 0; plane < kPlanes; ++plane) {
    std::uint8_t* const at = to.planes + plane * to.plane_bytes;
    const Bytes set = Having(code, Filled(static_cast<std::uint8_t>(1U << plane)));
    Store(Load<Bytes>(at) | (set & bit), at);
  }
}

/// Undoes PackLanes, but that numbers whose exponents are written out have others.
[[gnu::always_inline]] inline void UnpackLanes(const Fields<const std::uint8_t>& from,
                                               std::uint8_t exponent, std::uint8_t bit, float* to) {
  const auto minus_bit_of = [&](std::size_t plane) {
    return Having(Load<Bytes>(from.planes + plane * from.plane_bytes), Filled(bit));
  };
  Bytes exponents = minus_bit_of(2);
  exponents = exponents + exponents + minus_bit_of(1);
  exponents = exponents + exponents + minus_bit_of(0) + exponent;
  const auto lowest = reinterpret_cast<Bytes>(reinterpret_cast<Halves>(exponents) << 7) & 0x80;
  const Bytes high = Load<Bytes>(from.highs);
  const Bytes third = (high & 0x7f) | lowest;
  const Bytes fourth = (high & 0x80) | (exponents >> 1);
  const auto a = reinterpret_cast<Halves>(__builtin_shufflevector(
      third, fourth, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
  const auto b = reinterpret_cast<Halves>(__builtin_shufflevector(
      third, fourth, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
  const auto join = [](Halves low, Halves high_half, float* at) {
    Store(__builtin_shufflevector(low, high_half, 0, 8, 1, 9, 2, 10, 3, 11), at);
    Store(__builtin_shufflevector(low, high_half, 4, 12, 5, 13, 6, 14, 7, 15), at + 4);
  };
  join(Load<Halves>(from.lows), a, to);
  join(Load<Halves>(from.lows + kLanes), b, to + 8);
}

/// Copies the fields of n numbers.
template <typename Byte>
void CopyFields(const Fields<Byte>& from, std::size_t n, const Fields<std::uint8_t>& to) {
  for (std::size_t plane = 0; plane < kPlanes; ++plane) {
    std::memcpy(to.planes + plane * to.plane_bytes, from.planes + plane * from.plane_bytes, n);
  }
  std::memcpy(to.highs, from.highs, n);
  std::memcpy(to.lows, from.lows, 2 * n);
}

/// kLanes numbers of which fewer are needed.
struct Spare {
  std::array<std::uint8_t, (kPlanes + 3) * kLanes> bytes{};
  std::array<float, kLanes> values{};

  Fields<std::uint8_t> fields() {
    std::uint8_t* const highs = bytes.data() + kPlanes * kLanes;
    return {kLanes, bytes.data(), highs, highs + kLanes};
  }
};

/// Calls some(i, n, bit, fields) for all numbers: for the n from number i on, kLanes at most, which
/// have `bit` of their bytes of the planes.
template <typename Byte, typename Some>
void ForEachLanes(const Fields<Byte>& fields, std::size_t dimensions, const Some& some) {
  const std::size_t plane_bytes = fields.plane_bytes;
  std::uint8_t bit = 1;
  for (std::size_t row = 0; row < dimensions; row += plane_bytes) {
    const std::size_t row_size = std::min(plane_bytes, dimensions - row);
    for (std::size_t at = 0; at < row_size; at += kLanes) {
      const std::size_t i = row + at;
      some(i, std::min(kLanes, row_size - at), bit,
           Fields<Byte>{plane_bytes, fields.planes + at, fields.highs + i, fields.lows + 2 * i});
    }
    bit = static_cast<std::uint8_t>(bit << 1);
  }
}

}  // namespace

PackingPlan PlanPacking(std::span<const float> values) {
  // Four counts, so that equal exponents one after the other need not wait for each other.
  std::array<std::array<std::uint32_t, kExponents>, 4> counts{};
  auto& total = counts[0];
  std::size_t i = 0;
  for (; i + counts.size() <= values.size(); i += counts.size()) {
    for (std::size_t c = 0; c < counts.size(); ++c) ++counts[c][ExponentOf(values[i + c])];
  }
  for (; i < values.size(); ++i) ++total[ExponentOf(values[i])];
  for (std::size_t e = 0; e < kExponents; ++e) {
    total[e] += counts[1][e] + counts[2][e] + counts[3][e];
  }
  PackingPlan plan;
  std::size_t most = 0;
  for (std::size_t e = 0; e < kExponents; ++e) {
    if (total[e] == 0) continue;
    std::size_t with_code = 0;
    for (std::size_t code = 0; code < kWrittenOut; ++code) {
      with_code += total[(e - code) % kExponents];
    }
    if (with_code < most) continue;
    most = with_code;
    plan.exponent = static_cast<std::uint8_t>(e);
  }
  plan.bytes = BytesOf(values.size(), values.size() - most);
  return plan;
}

void Pack(std::span<const float> values, const PackingPlan& plan, char* to) {
  auto* const packed = reinterpret_cast<std::uint8_t*>(to);
  const auto fields = FieldsOf(packed, values.size());
  const auto written_out = static_cast<std::uint32_t>(plan.bytes - BytesOf(values.size(), 0));
  std::memcpy(packed, &written_out, sizeof written_out);
  packed[4] = plan.exponent;
  std::memset(fields.planes, 0, kPlanes * fields.plane_bytes);
  ForEachLanes(fields, values.size(),
               [&](std::size_t i, std::size_t n, std::uint8_t bit, const auto& lanes) {
                 const float* const from = values.data() + i;
                 if (n == kLanes) return PackLanes(from, plan.exponent, bit, lanes);
                 Spare spare;
                 std::memcpy(spare.values.data(), from, n * sizeof(float));
                 CopyFields(lanes, n, spare.fields());
                 PackLanes(spare.values.data(), plan.exponent, bit, spare.fields());
                 CopyFields(spare.fields(), n, lanes);
               });
  std::uint8_t* next = packed + BytesOf(values.size(), 0);
  ForEachWrittenOut(fields, [&](std::size_t i) { *next++ = ExponentOf(values[i]); });
}

std::uint64_t PackedBytes(std::string_view head, std::uint32_t dimensions) {
  std::uint32_t written_out = 0;
  std::memcpy(&written_out, head.data(), sizeof written_out);
  return BytesOf(dimensions, written_out);
}

bool IsPacked(std::string_view packed, std::uint32_t dimensions) {
  if (packed.size() < kPackedHeadBytes || packed.size() != PackedBytes(packed, dimensions)) {
    return false;
  }
  std::size_t needed = 0;
  bool inside = true;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(packed.data());
  ForEachWrittenOut(FieldsOf(bytes, dimensions), [&](std::size_t i) {
    ++needed;
    inside = inside && i < dimensions;
  });
  return inside && packed.size() == BytesOf(dimensions, needed);
}

void Unpack(std::string_view packed, std::span<float> out) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(packed.data());
  const auto fields = FieldsOf(bytes, out.size());
  const std::uint8_t exponent = bytes[4];
  ForEachLanes(fields, out.size(),
               [&](std::size_t i, std::size_t n, std::uint8_t bit, const auto& lanes) {
                 float* const to = out.data() + i;
                 if (n == kLanes) return UnpackLanes(lanes, exponent, bit, to);
                 Spare spare;
                 CopyFields(lanes, n, spare.fields());
                 const auto few = spare.fields();
                 UnpackLanes({few.plane_bytes, few.planes, few.highs, few.lows}, exponent, bit,
                             spare.values.data());
                 std::memcpy(to, spare.values.data(), n * sizeof(float));
               });
  const std::uint8_t* next = bytes + BytesOf(out.size(), 0);
  ForEachWrittenOut(fields, [&](std::size_t i) { SetExponent(*next++, &out[i]); });
}

}  // namespace embstore
