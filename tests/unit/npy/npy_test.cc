// SPDX-License-Identifier: Apache-2.0
#include "engine/npy/npy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;

std::string Header(NpyType type, const std::vector<std::uint64_t>& shape) {
  return NpyHeader(type, shape);
}

TEST_CASE("npy: the header of a matrix is these bytes") {
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
  const std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dictionary +
                               std::string(128 - 10 - dictionary.size() - 1, ' ') + "\n";
  CHECK(Header(NpyType::kFloat32, {3, 4}) == expected);
  CHECK(expected.size() == 128);
}

TEST_CASE("npy: the header of a list is these bytes") {
  const std::string dictionary = "{'descr': '<i8', 'fortran_order': False, 'shape': (5,), }";
  const std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dictionary +
                               std::string(128 - 10 - dictionary.size() - 1, ' ') + "\n";
  CHECK(Header(NpyType::kInt64, {5}) == expected);
}

TEST_CASE("npy: every header is a multiple of 64 bytes and says how long it is") {
  for (std::uint64_t rows = 1; rows != 0; rows = rows > (1ULL << 60) ? 0 : rows * 7) {
    for (const std::uint64_t columns : {std::uint64_t{1}, std::uint64_t{768}, rows}) {
      const std::string header = Header(NpyType::kFloat32, {rows, columns});
      CHECK(header.size() % 64 == 0);
      CHECK(header.back() == '\n');
      const std::size_t length =
          static_cast<std::uint8_t>(header[8]) + 256u * static_cast<std::uint8_t>(header[9]);
      CHECK(length + 10 == header.size());
      const std::string shape = "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
      CHECK(header.find(shape) != std::string::npos);
    }
  }
}

TEST_CASE("npy: a header is padded to the next multiple and no further") {
  // The padding runs through its lengths as the digits of the shape grow.
  std::vector<bool> seen(64);
  std::uint64_t first = 1;
  for (int i = 0; i < 19; ++i, first *= 10) {
    std::uint64_t second = 1;
    for (int j = 0; j < 19; ++j, second *= 10) {
      const std::string header = Header(NpyType::kFloat32, {first, second});
      const std::size_t padding = header.size() - 2 - header.rfind('}');
      REQUIRE(padding < 64);
      seen[padding] = true;
      REQUIRE(header.size() % 64 == 0);
    }
  }
  CHECK(std::count(seen.begin(), seen.end(), true) == 37);  // 2 to 38 digits.
}

TEST_CASE("npy: no rows and no shape are headers too") {
  CHECK(Header(NpyType::kFloat32, {0, 768}).find("(0, 768)") != std::string::npos);
  CHECK(Header(NpyType::kInt64, {0}).find("(0,)") != std::string::npos);
  CHECK(Header(NpyType::kInt64, {}).find("()") != std::string::npos);
  CHECK(Header(NpyType::kInt64, {1, 2, 3}).find("(1, 2, 3)") != std::string::npos);
}

template <typename Number>
void WriteArray(const std::filesystem::path& path, NpyType type,
                const std::vector<std::uint64_t>& shape, const std::vector<Number>& values) {
  std::ofstream out(path, std::ios::binary);
  out << Header(type, shape);
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(Number)));
  REQUIRE(out.good());
}

std::string PythonWithNumPy() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (std::system((python + " -c 'import numpy' >/dev/null 2>&1").c_str()) == 0) return python;
  }
  return "";
}

TEST_CASE("npy: NumPy reads what was written") {
  const std::string python = PythonWithNumPy();
  if (python.empty()) {
    MESSAGE("no NumPy here: not tested");
    return;
  }
  const TempDir dir;
  WriteArray<float>(dir.path() / "matrix.npy", NpyType::kFloat32, {2, 3},
                    {1, 2.5f, -0.0f, 1e-45f, std::numeric_limits<float>::max(), -7});
  WriteArray<std::int64_t>(dir.path() / "list.npy", NpyType::kInt64, {3},
                           {1, std::numeric_limits<std::int64_t>::min(), -1});
  WriteArray<float>(dir.path() / "empty.npy", NpyType::kFloat32, {0, 768}, {});
  std::ofstream script(dir.path() / "check.py");
  script << R"(import numpy, sys
d = sys.argv[1]
m = numpy.load(d + '/matrix.npy', allow_pickle=False)
assert m.dtype == numpy.dtype('<f4') and m.shape == (2, 3) and m.flags['C_CONTIGUOUS']
assert m.tobytes() == numpy.array([[1, 2.5, -0.0], [1e-45, 3.4028234663852886e38, -7]], '<f4').tobytes()
l = numpy.load(d + '/list.npy', allow_pickle=False)
assert l.dtype == numpy.dtype('<i8') and l.tolist() == [1, -2**63, -1]
e = numpy.load(d + '/empty.npy', mmap_mode=None, allow_pickle=False)
assert e.shape == (0, 768)
assert numpy.load(d + '/matrix.npy', mmap_mode='r').offset == 128
)";
  script.close();
  REQUIRE(script.good());
  const std::string command =
      python + " '" + (dir.path() / "check.py").string() + "' '" + dir.path().string() + "'";
  CHECK(std::system(command.c_str()) == 0);
}

}  // namespace
}  // namespace embstore
