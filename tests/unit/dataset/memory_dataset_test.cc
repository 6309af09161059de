// SPDX-License-Identifier: Apache-2.0
// Datasets in memory.
#include "source_testing.h"

namespace embstore {
namespace {

TEST_CASE("dataset: documents in memory come back in order, as often as asked") {
  const auto dataset = MakeMemoryDataset({{"", "a", "x"}, {"", "", std::nullopt}});
  REQUIRE(dataset.ok());
  const std::vector<Row> expected = {{0, 0, "0", "a", "x"}, {1, 0, "1", "", std::nullopt}};
  CHECK((Drain(dataset.value()->Open().value().get()).rows == expected));
  CHECK((Drain(dataset.value()->Open().value().get()).rows == expected));
  CHECK_FALSE(dataset.value()->HasIds());
  CHECK_FALSE(dataset.value()->Stamp().has_value());
  CHECK(dataset.value()->Name() == "memory");
}

TEST_CASE("dataset: documents in memory may have ids") {
  const auto dataset = MakeMemoryDataset({{"d1", "a", std::nullopt}, {"d2", "b", std::nullopt}});
  REQUIRE(dataset.ok());
  CHECK(dataset.value()->HasIds());
  CHECK(Drain(dataset.value()->Open().value().get()).rows[1].id == "d2");
}

TEST_CASE("dataset: a reader outlives its dataset in memory") {
  auto dataset = MakeMemoryDataset({{"", "a", std::nullopt}});
  auto reader = dataset.value()->Open();
  dataset.value().reset();
  CHECK(Drain(reader.value().get()).rows.size() == 1);
}

TEST_CASE("dataset: no documents in memory are a dataset too") {
  const auto dataset = MakeMemoryDataset({});
  REQUIRE(dataset.ok());
  CHECK((Drain(dataset.value()->Open().value().get()) == Outcome{}));
}

TEST_CASE("dataset: documents in memory are checked like those of files") {
  using namespace std::string_literals;
  const auto check = [](std::vector<OwnedDocument> documents, std::string_view message) {
    const auto dataset = MakeMemoryDataset(std::move(documents));
    CHECK(dataset.code() == Code::kInvalidArgument);
    CHECK(dataset.status().message() == message);
  };
  const std::string mixed =
      "document 1: some documents have an id and some have none; give all of them one, or none";
  check({{"a", "t", {}}, {"", "t", {}}}, mixed);
  check({{"", "t", {}}, {"a", "t", {}}}, mixed);
  check({{"", "a", {}}, {"", "a\0b"s, {}}},
        "document 1: the text is not UTF-8 without NUL; convert it");
  check({{"", "\xff", {}}}, "document 0: the text is not UTF-8 without NUL; convert it");
  check({{"\xff", "", {}}}, "document 0: the id is not UTF-8 without NUL; convert it");
  check({{"", "", "\xff"}}, "document 0: the label is not UTF-8 without NUL; convert it");
  check({{"a\n", "", {}}},
        "document 0: the id 'a\\x0a' holds a control character; use printable characters only");
}

}  // namespace
}  // namespace embstore
