// SPDX-License-Identifier: Apache-2.0
#include "engine/npy/npy_reader.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/npy/npy.h"

namespace embstore {
namespace {

/// A header around a dictionary, as one of the versions writes it.
std::string Header(std::string_view dictionary, int version = 1) {
  std::string header("\x93NUMPY", 6);
  header += static_cast<char>(version);
  header += '\0';
  const std::size_t size = dictionary.size() + 1;
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) header += static_cast<char>(size >> (8 * i));
  return header + std::string(dictionary) + "\n";
}

Result<NpyArray> Read(std::string_view dictionary, int version = 1) {
  const std::string header = Header(dictionary, version);
  const auto bytes = NpyHeaderBytes(std::string_view(header).substr(0, kNpyPrefixBytes));
  if (!bytes.ok()) return bytes.status();
  CHECK(*bytes == header.size());
  return ReadNpyHeader(header);
}

void Refuses(std::string_view dictionary, std::string_view why) {
  const auto array = Read(dictionary);
  CAPTURE(dictionary);
  REQUIRE(!array.ok());
  CHECK(array.code() == Code::kInvalidArgument);
  CHECK_MESSAGE(array.status().message().find(why) != std::string::npos, array.status().message());
}

TEST_CASE("npy reader: a header that was written here is read") {
  const std::vector<std::uint64_t> shape = {3, 4};
  const auto array = ReadNpyHeader(NpyHeader(NpyType::kFloat32, shape));
  REQUIRE(array.ok());
  CHECK(array->type == NpyFloat::kFloat32);
  CHECK(array->shape == shape);
  CHECK_FALSE(array->big_endian);
  CHECK_FALSE(array->fortran_order);
}

TEST_CASE("npy reader: all versions, types, orders and spellings are understood") {
  for (const int version : {1, 2, 3}) {
    const auto array =
        Read("{\"shape\": (5,), 'fortran_order': True, 'descr': '>f8'}        ", version);
    REQUIRE(array.ok());
    CHECK(array->type == NpyFloat::kFloat64);
    CHECK(array->item_bytes() == 8);
    CHECK(array->big_endian);
    CHECK(array->fortran_order);
    CHECK(array->shape == std::vector<std::uint64_t>{5});
  }
  CHECK(Read("{'descr':'<f2','fortran_order':False,'shape':(2L,3L)}")->item_bytes() == 2);
  CHECK(Read("{'descr':'<f4','fortran_order':False,'shape':()}")->shape.empty());
  CHECK(Read("{'descr':'<f4','fortran_order':False,'shape':(1,2,)}")->shape.size() == 2);
}

TEST_CASE("npy reader: other numbers are refused by name") {
  for (const std::string type : {"<i8", "<f16", "|u1", "=f4", "<c8", "|O", "|S5", "f4", ""}) {
    Refuses("{'descr': '" + type + "', 'fortran_order': False, 'shape': (2, 3), }",
            "its numbers are '" + type + "'");
  }
  Refuses("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }",
          "records with fields");
}

TEST_CASE("npy reader: a dictionary that is not exactly one of a header is refused") {
  for (const std::string_view dictionary :
       {" ",
        "{",
        "{}",
        "{'descr': '<f4'}",
        "('descr', '<f4')",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} more",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr: '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "__import__('os')"}) {
    Refuses(dictionary, "malformed");
  }
  std::string axes;
  for (int i = 0; i < 40; ++i) axes += "1, ";
  Refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (" + axes + ")}", "malformed");
}

TEST_CASE("npy reader: a shape that no file can have is refused, also when it would overflow") {
  for (const std::string_view shape :
       {"(18446744073709551615, 18446744073709551615)", "(4611686018427387904, 4)",
        "(2305843009213693952,)", "(4294967296, 4294967296)"}) {
    Refuses("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + "}",
            "beyond all bounds");
  }
  CHECK(Read("{'descr': '<f4', 'fortran_order': False, 'shape': (2305843009213693951,)}").ok());
}

TEST_CASE("npy reader: a beginning that is none is refused before a length is believed") {
  const auto refuses = [](std::string_view prefix, std::string_view why) {
    const auto bytes = NpyHeaderBytes(prefix);
    REQUIRE(!bytes.ok());
    CHECK_MESSAGE(bytes.status().message().find(why) != std::string::npos,
                  bytes.status().message());
  };
  refuses("", "does not begin as one");
  refuses("class,title,description", "does not begin as one");
  refuses(std::string_view("\x93NUMPY\x01\x00", 8), "ends within its header");
  refuses(std::string_view("\x93NUMPY\x00\x00\x10\x00\x00\x00", 12), "version is 0.0");
  refuses(std::string_view("\x93NUMPY\x04\x00\x10\x00\x00\x00", 12), "version is 4.0");
  refuses(std::string_view("\x93NUMPY\x01\x01\x10\x00\x00\x00", 12), "version is 1.1");
  refuses(std::string_view("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12), "more than 64 KiB");
  refuses(std::string_view("\x93NUMPY\x01\x00\x01\x00\x00\x00", 12), "malformed");
}

TEST_CASE("npy reader: every header that is cut or has a byte changed is read or refused") {
  const std::string header = NpyHeader(NpyType::kFloat32, std::vector<std::uint64_t>{3, 4});
  for (std::size_t at = kNpyPrefixBytes; at < header.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = header;
      changed[at] = static_cast<char>(byte);
      const auto array = ReadNpyHeader(changed);
      if (!array.ok()) CHECK(array.code() == Code::kInvalidArgument);
    }
    const bool whole = at > header.find('}');
    CHECK(ReadNpyHeader(std::string_view(header).substr(0, at)).ok() == whole);
  }
}

std::vector<float> Floats(NpyFloat type, bool big_endian, std::string_view bytes) {
  NpyArray array;
  array.type = type;
  array.big_endian = big_endian;
  std::vector<float> out(bytes.size() / array.item_bytes());
  ReadNpyFloats(array, bytes, out);
  return out;
}

TEST_CASE("npy reader: numbers of every type and order become float32") {
  using Values = std::vector<float>;
  const std::string_view half("\x00\x3C\x00\xC0\x01\x00\xFF\x7B\x00\x80\xFF\x03", 12);
  CHECK(Floats(NpyFloat::kFloat16, false, half) ==
        Values{1, -2, 0x1p-24F, 65504, -0.0F, 0x1.FF8p-15F});
  CHECK(Floats(NpyFloat::kFloat16, true, std::string_view("\x3C\x00\xC0\x00", 4)) == Values{1, -2});
  CHECK(Floats(NpyFloat::kFloat32, false, std::string_view("\x00\x00\x80\x3F", 4)) == Values{1});
  CHECK(Floats(NpyFloat::kFloat32, true, std::string_view("\x3F\x80\x00\x00", 4)) == Values{1});
  CHECK(Floats(NpyFloat::kFloat64, true, std::string_view("\xBF\xF8\0\0\0\0\0\0", 8)) ==
        Values{-1.5F});
  CHECK(Floats(NpyFloat::kFloat64, false, std::string_view("\0\0\0\0\0\0\xF8\xBF", 8)) ==
        Values{-1.5F});
}

TEST_CASE("npy reader: what float32 cannot hold becomes infinite, and NaN stays NaN") {
  const double huge = 1e300;
  std::array<char, 8> bytes{};
  std::memcpy(bytes.data(), &huge, 8);
  CHECK(std::isinf(Floats(NpyFloat::kFloat64, false, {bytes.data(), 8})[0]));
  CHECK(std::isinf(Floats(NpyFloat::kFloat16, false, std::string_view("\x00\x7C", 2))[0]));
  CHECK(std::isnan(Floats(NpyFloat::kFloat16, false, std::string_view("\x01\x7C", 2))[0]));
}

}  // namespace
}  // namespace embstore
