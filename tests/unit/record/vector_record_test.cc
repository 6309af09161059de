// SPDX-License-Identifier: Apache-2.0
#include "engine/record/vector_record.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/hash/hash.h"
#include "engine/record/keys.h"

namespace embstore {
namespace {

using namespace std::string_literals;

const std::string kKey = "0123456789abcdefghijklmn";

Fingerprint MakeFingerprint() {
  Fingerprint fingerprint;
  for (std::size_t i = 0; i < fingerprint.bytes.size(); ++i) {
    fingerprint.bytes[i] = static_cast<std::uint8_t>(0xF0 + i);
  }
  return fingerprint;
}

std::string Encoded(const std::vector<float>& vector, const std::string& key = kKey) {
  std::string out;
  EncodeVector(key, MakeFingerprint(), vector, &out);
  return out;
}

/// `covered` behind the checksum that belongs to it.
std::string Sealed(const std::string& covered, const std::string& key = kKey) {
  const std::uint64_t checksum = RecordChecksum(key, covered);
  std::string out(8, '\0');
  std::memcpy(out.data(), &checksum, 8);
  return out + covered;
}

std::string Header(std::uint32_t format, std::uint32_t dimensions) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &format, 4);
  std::memcpy(out.data() + 4, &dimensions, 4);
  return out + std::string(16, 'f');
}

/// Two vectors that are stored raw and two that are packed, the last with exponents written out.
std::vector<std::vector<float>> RawAndPacked() {
  std::vector<float> few_exponents(24);
  for (std::size_t i = 0; i < few_exponents.size(); ++i) {
    few_exponents[i] = (i % 2 == 0 ? 0.01F : -0.02F) * static_cast<float>(i + 1);
  }
  std::vector<float> others(100, 0.1F);
  others[3] = 0;
  others[99] = -std::numeric_limits<float>::infinity();
  return {{1.0f}, {1.0f, -2.0f, 0.5f, 1e-30f}, few_exponents, others};
}

std::uint32_t FormatOf(const std::string& value) {
  std::uint32_t format = 0;
  std::memcpy(&format, value.data() + 8, 4);
  return format;
}

TEST_CASE("record: a vector is stored packed where that is smaller") {
  const auto vectors = RawAndPacked();
  CHECK(FormatOf(Encoded(vectors[0])) == 1);
  CHECK(FormatOf(Encoded(vectors[1])) == 1);
  CHECK(FormatOf(Encoded(vectors[2])) == 2);
  CHECK(FormatOf(Encoded(vectors[3])) == 2);
  // 27 bits a number, 5 bytes, and one for each exponent far from the others.
  CHECK(Encoded(vectors[2]).size() == kVectorHeaderBytes + 5 + 24 * 27 / 8);
  CHECK(Encoded(vectors[3]).size() == kVectorHeaderBytes + 5 + 3 * 13 + 300 + 2);
  std::vector<float> as_large(16);  // 5 + 16 * 27 / 8 + 5 bytes packed, and 64 raw.
  for (std::size_t i = 0; i < 16; ++i) as_large[i] = i < 11 ? 1.0F : i < 15 ? 0.0F : 1e30F;
  CHECK(FormatOf(Encoded(as_large)) == 1);
  as_large[15] = 1.0F;
  CHECK(FormatOf(Encoded(as_large)) == 2);
  CHECK(Encoded(as_large).size() == kVectorHeaderBytes + 63);
}

TEST_CASE("record: a vector like a model's takes less than six sevenths of its bytes, noise all") {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.036F);
  std::vector<float> vector(768);
  for (float& value : vector) value = normal(random);
  CHECK(Encoded(vector).size() < kVectorHeaderBytes + 3072 * 6 / 7);
  std::vector<float> noise(768);
  for (float& value : noise) value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
  CHECK(Encoded(noise).size() == kVectorHeaderBytes + 3072);
}

TEST_CASE("record: a vector that was stored raw is read, whatever it would be stored as now") {
  for (const std::vector<float>& vector : RawAndPacked()) {
    const std::string raw(reinterpret_cast<const char*>(vector.data()), 4 * vector.size());
    const auto dimensions = static_cast<std::uint32_t>(vector.size());
    const std::string value = Sealed(Header(1, dimensions) + raw);
    const auto view = DecodeVector(kKey, value);
    REQUIRE(view.ok());
    std::vector<float> out(view->dimensions());
    view->CopyTo(out);
    CHECK(out == vector);
  }
}

TEST_CASE("record: a vector is stored as these bytes") {
  const std::string value = Encoded({1.0f, -2.0f, 0.5f});
  CHECK(value.substr(8) ==
        "\x01\0\0\0\x03\0\0\0\xF0\xF1\xF2\xF3\xF4\xF5\xF6\xF7\xF8\xF9\xFA\xFB\xFC\xFD\xFE\xFF"
        "\0\0\x80\x3F\0\0\0\xC0\0\0\0\x3F"s);
  CHECK(value.substr(0, 8) == "\x90\xFD\xC0\x6B\x26\x25\xC7\x9A");
  CHECK(value.size() == kVectorHeaderBytes + 12);
}

TEST_CASE("record: a vector comes back bit by bit") {
  const std::vector<float> vector = {0.0f,
                                     -0.0f,
                                     std::numeric_limits<float>::denorm_min(),
                                     std::numeric_limits<float>::max(),
                                     std::numeric_limits<float>::quiet_NaN(),
                                     -std::numeric_limits<float>::infinity()};
  const std::string value = Encoded(vector);
  const auto view = DecodeVector(kKey, value);
  REQUIRE(view.ok());
  CHECK(view->fingerprint == MakeFingerprint());
  REQUIRE(view->dimensions() == vector.size());
  std::vector<float> out(vector.size());
  view->CopyTo(out);
  CHECK(std::memcmp(out.data(), vector.data(), vector.size() * sizeof(float)) == 0);
}

TEST_CASE("record: vectors are appended one behind the other") {
  std::string out = "before";
  EncodeVector(kKey, MakeFingerprint(), std::vector<float>{1, 2}, &out);
  CHECK(out == "before" + Encoded({1, 2}));
}

TEST_CASE("record: a vector is read from any address") {
  for (const std::vector<float>& vector : RawAndPacked()) {
    const std::string value = Encoded(vector);
    for (std::size_t offset = 0; offset < 16; ++offset) {
      const std::string buffer = std::string(offset, '#') + value + "#";
      const auto view = DecodeVector(kKey, std::string_view(buffer).substr(offset, value.size()));
      REQUIRE(view.ok());
      CHECK(view->fingerprint == MakeFingerprint());
      REQUIRE(view->dimensions() == vector.size());
      std::vector<float> out(vector.size());
      view->CopyTo(out);
      CHECK(out == vector);
    }
  }
}

TEST_CASE("record: a vector with any bit changed is refused") {
  for (const std::vector<float>& vector : RawAndPacked()) {
    const std::string value = Encoded(vector);
    for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
      std::string damaged = value;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      CAPTURE(bit);
      REQUIRE(DecodeVector(kKey, damaged).code() == Code::kCorruption);
    }
  }
}

TEST_CASE("record: a vector cut or lengthened anywhere is refused") {
  for (const std::vector<float>& vector : RawAndPacked()) {
    const std::string value = Encoded(vector);
    CHECK(HasVectorSize(value));
    for (std::size_t length = 0; length < value.size(); ++length) {
      REQUIRE(DecodeVector(kKey, value.substr(0, length)).code() == Code::kCorruption);
      REQUIRE_FALSE(HasVectorSize(value.substr(0, length)));
      if (length < 8) continue;
      const std::string resealed = Sealed(value.substr(8, length - 8));
      REQUIRE(DecodeVector(kKey, resealed).code() == Code::kCorruption);
    }
    CHECK(DecodeVector(kKey, value + '\0').code() == Code::kCorruption);
    CHECK(DecodeVector(kKey, value + value).code() == Code::kCorruption);
    CHECK(DecodeVector(kKey, Sealed(value.substr(8) + '\0')).code() == Code::kCorruption);
    CHECK_FALSE(HasVectorSize(value + '\0'));
  }
  CHECK(DecodeVector(kKey, "").code() == Code::kCorruption);
  CHECK(DecodeVector(kKey, std::string(1000, '\0')).code() == Code::kCorruption);
}

TEST_CASE("record: a vector under another key is refused") {
  const std::string value = Encoded({1.0f});
  for (std::size_t bit = 0; bit < kKey.size() * 8; ++bit) {
    std::string key = kKey;
    key[bit / 8] = static_cast<char>(key[bit / 8] ^ 1 << bit % 8);
    REQUIRE(DecodeVector(key, value).code() == Code::kCorruption);
  }
  CHECK(DecodeVector(kKey + '\x01', value).code() == Code::kCorruption);
  CHECK(DecodeVector("", value).code() == Code::kCorruption);
}

TEST_CASE("record: a vector of another format is told apart from damage") {
  CHECK(DecodeVector(kKey, Sealed(Header(1, 2) + std::string(8, 'v'))).ok());
  CHECK(DecodeVector(kKey, Sealed(Header(3, 2) + std::string(8, 'v'))).code() ==
        Code::kIncompatible);
  CHECK(DecodeVector(kKey, Sealed(Header(0, 2) + std::string(8, 'v'))).code() ==
        Code::kIncompatible);
}

TEST_CASE("record: a vector whose size is not what it says is refused") {
  // The checksum is right in all of these: the size is checked by itself.
  for (const std::uint32_t dimensions : {0u, 1u, 3u, 0x40000002u, 0xFFFFFFFFu}) {
    CAPTURE(dimensions);
    CHECK(DecodeVector(kKey, Sealed(Header(1, dimensions) + std::string(8, 'v'))).code() ==
          Code::kCorruption);
  }
  CHECK(DecodeVector(kKey, Sealed(Header(1, 2) + std::string(9, 'v'))).code() == Code::kCorruption);
  CHECK(DecodeVector(kKey, Sealed(Header(1, 2) + std::string(7, 'v'))).code() == Code::kCorruption);
  const std::string packed(5 + 3 + 6, '\0');
  CHECK(DecodeVector(kKey, Sealed(Header(2, 2) + packed)).ok());
  for (const std::uint32_t dimensions : {0u, 1u, 3u, 0x20000002u, 0xFFFFFFFFu}) {
    CAPTURE(dimensions);
    CHECK(DecodeVector(kKey, Sealed(Header(2, dimensions) + packed)).code() == Code::kCorruption);
  }
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CHECK(DecodeVector(kKey, Sealed(Header(2, 2) + packed.substr(0, size))).code() ==
          Code::kCorruption);
  }
}

TEST_CASE("record: a packed vector whose codes ask for exponents that are not there is refused") {
  std::string packed(5 + 3 + 6, '\0');
  packed[5] = packed[6] = packed[7] = '\1';  // Number 0 has code 7.
  CHECK(DecodeVector(kKey, Sealed(Header(2, 2) + packed)).code() == Code::kCorruption);
  packed[0] = 1;
  packed += '\x7f';
  CHECK(DecodeVector(kKey, Sealed(Header(2, 2) + packed)).ok());
  packed[5] = packed[6] = packed[7] = '\4';  // Number 2 has, of two numbers.
  CHECK(DecodeVector(kKey, Sealed(Header(2, 2) + packed)).code() == Code::kCorruption);
}

}  // namespace
}  // namespace embstore
