// SPDX-License-Identifier: Apache-2.0
#include "engine/arrow/arrow_column.h"

#include <doctest/doctest.h>

namespace embstore {
namespace {

TEST_CASE("arrow strings: offsets and bytes follow each other, and nulls take no bytes") {
  ArrowStrings strings;
  for (const auto& value : std::vector<std::optional<std::string_view>>{"ab", "", {}, "cde"}) {
    strings.Append(value);
  }
  CHECK(strings.size() == 4);
  CHECK(strings.null_count() == 1);
  CHECK(strings.data() == "abcde");
  const auto offsets = strings.offsets();
  CHECK(std::vector<std::int32_t>(offsets.begin(), offsets.end()) ==
        std::vector<std::int32_t>{0, 2, 2, 2, 5});
  CHECK(strings.validity() == "\x0b");
}

TEST_CASE("arrow strings: the bitmap begins a new byte after eight values, lowest bit first") {
  ArrowStrings strings;
  for (int i = 0; i < 8; ++i) strings.Append("x");
  strings.Append(std::nullopt);
  strings.Append("x");
  CHECK(strings.validity() == "\xff\x02");
}

TEST_CASE("arrow strings: a column without nulls has no bitmap") {
  ArrowStrings strings;
  CHECK(strings.offsets().size() == 1);
  strings.Append("x");
  CHECK(strings.validity().empty());
}

TEST_CASE("arrow strings: a cleared column is like a new one") {
  ArrowStrings strings;
  strings.Append(std::nullopt);
  strings.Append("x");
  strings.Clear();
  CHECK(strings.size() == 0);
  CHECK(strings.bytes() == 0);
  strings.Append("y");
  strings.Append(std::nullopt);
  CHECK(strings.null_count() == 1);
  CHECK(strings.validity() == "\x01");
  CHECK(strings.data() == "y");
}

}  // namespace
}  // namespace embstore
