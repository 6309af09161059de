// SPDX-License-Identifier: Apache-2.0
#include "engine/record/packed_floats.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace embstore {
namespace {

using Bits = std::vector<std::uint32_t>;

constexpr std::size_t kHead = kPackedHeadBytes;

std::uint32_t WithExponent(std::uint32_t exponent, std::uint32_t others = 0) {
  return (others & 0x807F'FFFFU) | exponent << 23;
}

std::vector<float> Floats(const Bits& bits) {
  std::vector<float> values(bits.size());
  std::memcpy(values.data(), bits.data(), bits.size() * sizeof(float));
  return values;
}

/// What Pack makes of them, if it writes what its plan says and nothing around it.
std::string Packed(const Bits& bits) {
  const std::vector<float> values = Floats(bits);
  const PackingPlan plan = PlanPacking(values);
  std::string room(plan.bytes + 128, '#');
  Pack(values, plan, room.data() + 64);
  REQUIRE(room.substr(0, 64) == std::string(64, '#'));
  REQUIRE(room.substr(64 + plan.bytes) == std::string(64, '#'));
  return room.substr(64, plan.bytes);
}

Bits Unpacked(const std::string& packed, std::size_t dimensions) {
  std::vector<float> room(dimensions + 32, 1.5F);
  Unpack(packed, std::span(room).subspan(16, dimensions));
  for (std::size_t i = 0; i < 16; ++i) REQUIRE(room[i] * room[16 + dimensions + i] == 2.25F);
  Bits bits(dimensions);
  std::memcpy(bits.data(), room.data() + 16, dimensions * sizeof(float));
  return bits;
}

/// Number by number, as the header says.
Bits UnpackedByTheBook(const std::string& packed, std::size_t d) {
  const auto byte = [&](std::size_t at) -> std::uint32_t {
    return static_cast<std::uint8_t>(packed.at(at));
  };
  const std::size_t w = (d + 7) / 8;
  Bits bits(d);
  std::size_t next = kHead + 3 * w + 3 * d;
  for (std::size_t column = 0; column < w; ++column) {
    for (std::size_t i = column; i < d; i += w) {
      std::uint32_t code = 0;
      for (std::size_t plane = 0; plane < 3; ++plane) {
        code |= (byte(kHead + plane * w + i % w) >> (i / w) & 1) << plane;
      }
      const std::uint32_t exponent = code == 7 ? byte(next++) : (byte(4) - code) & 0xFF;
      const std::uint32_t high = byte(kHead + 3 * w + i);
      const std::size_t low = kHead + 3 * w + d + 2 * i;
      bits[i] =
          WithExponent(exponent, high << 24) | (high & 0x7F) << 16 | byte(low + 1) << 8 | byte(low);
    }
  }
  CHECK(next == packed.size());
  return bits;
}

TEST_CASE("packed floats: every bit pattern comes back, in vectors of every length") {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.036F);
  const Bits special = {0x0000'0000, 0x8000'0000, 0x0000'0001, 0x807F'FFFF, 0x7F80'0000,
                        0xFF80'0000, 0x7FC0'0001, 0xFFA5'5A5A, 0x7F7F'FFFF, 0x0080'0000};
  const auto any = [&] { return static_cast<std::uint32_t>(random()); };
  const std::vector<std::function<std::uint32_t(std::size_t)>> kinds = {
      [&](std::size_t) { return any(); },
      [&](std::size_t) { return std::bit_cast<std::uint32_t>(normal(random)); },
      [&](std::size_t i) { return special[i % special.size()]; },
      [&](std::size_t) { return special[any() % special.size()]; },
      [&](std::size_t) { return WithExponent(120 + any() % 9, any()); },
      [&](std::size_t) { return WithExponent((252 + any() % 8) % 256, any()); },
      [&](std::size_t i) { return WithExponent(i % 256, any()); },
      [&](std::size_t) { return any() % 3 == 0 ? any() : 0; },
      [&](std::size_t) { return 0xBF80'0000U; }};
  std::vector<std::size_t> lengths = {127, 128, 129, 384, 512, 767, 768, 1536, 3072, 8192};
  for (std::size_t d = 1; d <= 70; ++d) lengths.push_back(d);
  for (const std::size_t d : lengths) {
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      CAPTURE(d);
      CAPTURE(kind);
      Bits bits(d);
      for (std::size_t i = 0; i < d; ++i) bits[i] = kinds[kind](i);
      const std::string packed = Packed(bits);
      REQUIRE(packed.size() == PackedBytes(packed, static_cast<std::uint32_t>(d)));
      REQUIRE(IsPacked(packed, static_cast<std::uint32_t>(d)));
      REQUIRE(Unpacked(packed, d) == bits);
      REQUIRE(UnpackedByTheBook(packed, d) == bits);
      REQUIRE(Packed(bits) == packed);
    }
  }
}

TEST_CASE("packed floats: every exponent comes back next to every other") {
  for (std::uint32_t one = 0; one < 256; ++one) {
    for (std::uint32_t other = 0; other < 256; ++other) {
      const Bits bits = {WithExponent(one), WithExponent(other, ~0U),
                         WithExponent(one, 0x1234'5678)};
      const std::string packed = Packed(bits);
      REQUIRE(IsPacked(packed, 3));
      REQUIRE(Unpacked(packed, 3) == bits);
    }
  }
}

TEST_CASE("packed floats: numbers of seven exponents take 27 bits, any other a byte more") {
  Bits bits(768);
  for (std::uint32_t i = 0; i < 768; ++i) bits[i] = WithExponent(116 + i % 7, i * 0x9E37'79B9U);
  CHECK(Packed(bits).size() == 5 + 768 * 27 / 8);
  bits[5] = WithExponent(123);
  CHECK(Packed(bits).size() == 5 + 768 * 27 / 8 + 1);
  bits[767] = 0;
  CHECK(Packed(bits).size() == 5 + 768 * 27 / 8 + 2);
}

TEST_CASE("packed floats: the exponents with a code are those of the most numbers") {
  const auto planned = [](const std::vector<std::uint32_t>& exponents) {
    Bits bits;
    for (const std::uint32_t exponent : exponents) bits.push_back(WithExponent(exponent));
    return int{PlanPacking(Floats(bits)).exponent};
  };
  CHECK(planned({100}) == 100);
  CHECK(planned({100, 106}) == 106);
  CHECK(planned({100, 107}) == 107);  // Either has one number: the greater.
  CHECK(planned({100, 107, 100}) == 100);
  CHECK(planned({100, 106, 107, 107, 113, 114}) == 113);
  CHECK(planned({1, 0, 255, 251, 252}) == 1);  // Behind 0 comes 255.
  CHECK(planned({0, 0, 0, 255, 249}) == 0);
}

TEST_CASE("packed floats: with another size than its head says they are refused") {
  Bits bits(100, 0x3F80'0000);
  bits[50] = bits[99] = 0;
  const std::string packed = Packed(bits);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    REQUIRE_FALSE(IsPacked(packed.substr(0, size), 100));
  }
  CHECK_FALSE(IsPacked(packed + "#", 100));
  CHECK_FALSE(IsPacked(packed, 99));
  CHECK_FALSE(IsPacked(packed, 101));
  CHECK_FALSE(IsPacked(packed, 0xFFFF'FFFF));
}

TEST_CASE("packed floats: with more or fewer exponents than codes ask for they are refused") {
  Bits bits(100, 0x3F80'0000);
  bits[50] = bits[99] = 0;
  const std::string packed = Packed(bits);
  REQUIRE(packed[0] == 2);
  std::string changed = packed + "#";
  changed[0] = 3;
  CHECK_FALSE(IsPacked(changed, 100));
  changed = packed.substr(0, packed.size() - 1);
  changed[0] = 1;
  CHECK_FALSE(IsPacked(changed, 100));
  // Number 103, which there is none of, in the place of number 99: both are in the last bits.
  changed = packed;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    changed[kHead + plane * 13 + 8] = static_cast<char>(changed[kHead + plane * 13 + 8] & 0x7F);
    changed[kHead + plane * 13 + 12] = static_cast<char>(changed[kHead + plane * 13 + 12] | 0x80);
  }
  CHECK_FALSE(IsPacked(changed, 100));
}

}  // namespace
}  // namespace embstore
