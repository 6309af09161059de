// SPDX-License-Identifier: Apache-2.0
#include "engine/importer/vector_spool.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;

constexpr std::size_t kDimensions = 100;

std::vector<float> Row(std::uint64_t number) {
  return std::vector<float>(kDimensions, static_cast<float>(number));
}

void CheckRow(VectorSpool* spool, std::uint64_t number) {
  std::vector<float> row(kDimensions);
  REQUIRE(spool->Read(number, row).ok());
  CHECK(row == Row(number));
}

std::unique_ptr<VectorSpool> Filled(const TempDir& dir, std::uint64_t rows) {
  auto spool = VectorSpool::Create(dir.path(), kDimensions);
  REQUIRE(spool.ok());
  for (std::uint64_t i = 0; i < rows; ++i) REQUIRE((*spool)->Append(Row(i)).ok());
  CHECK((*spool)->rows() == rows);
  return std::move(*spool);
}

// A block has 655 rows of 100 numbers.
TEST_CASE("vector spool: rows come back in any order, whatever blocks they lie in") {
  TempDir dir;
  const auto spool = Filled(dir, 3000);
  for (std::uint64_t i = 0; i < 3000; ++i) CheckRow(spool.get(), i);
  for (std::uint64_t i = 3000; i-- > 0;) CheckRow(spool.get(), i);
  for (std::uint64_t i = 0; i < 3000; ++i) CheckRow(spool.get(), i * 1999 % 3000);
  for (std::uint64_t i = 0; i < 3000; i += 700) CheckRow(spool.get(), i);
}

TEST_CASE("vector spool: one row is enough") {
  TempDir dir;
  CheckRow(Filled(dir, 1).get(), 0);
}

TEST_CASE("vector spool: it leaves no name in its directory") {
  TempDir dir;
  const auto spool = Filled(dir, 3000);
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("vector spool: a directory that is not there is a write error") {
  TempDir dir;
  CHECK(VectorSpool::Create(dir.path() / "none", kDimensions).code() == Code::kWriteFailed);
}

}  // namespace
}  // namespace embstore
