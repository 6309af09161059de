// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/embedding_values.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/provider/openai_testing.h"

namespace embstore {
namespace {

bool Refused(std::string_view base64) {
  std::vector<float> out = {7.0F};
  const bool decoded = AppendBase64Floats(base64, &out);
  return !decoded && out == std::vector<float>{7.0F};
}

}  // namespace

TEST_CASE("embedding values: base64 of every length gives back the same bits") {
  std::vector<float> values;
  for (int count = 0; count < 8; ++count) {
    std::vector<float> out = {7.0F};
    REQUIRE(AppendBase64Floats(Base64(values), &out));
    CHECK(out.front() == 7.0F);
    CHECK(std::vector<float>(out.begin() + 1, out.end()) == values);
    values.push_back(-1.5e-7F * static_cast<float>(count * count + 1));
  }
  std::vector<float> known;
  REQUIRE(AppendBase64Floats("AACAPwAAAMA=", &known));  // 00 00 80 3F, 00 00 00 C0
  CHECK(known == std::vector<float>{1.0F, -2.0F});
}

TEST_CASE("embedding values: base64 in any other spelling is refused and leaves nothing behind") {
  CHECK_FALSE(Refused("AACAPw=="));
  for (const std::string_view base64 :
       {"AACAPw", "AACAPw=", "AACAPw===", "AACAPx==", " AACAPw==", "AACAPw==\n",
        "AAC-Pw==", "AA==APw=", "====", "=", "AACAPw==AACAPw==", "AACA", "AACAPwA=", "AACAPwAA",
        "AAC\xC3\xA4w==", "{}"}) {
    CAPTURE(base64);
    CHECK(Refused(base64));
  }
}

TEST_CASE("embedding values: a cut of base64 at any byte is refused or shorter") {
  const std::vector<float> values = {1.0F, 2.0F, 3.0F, 4.0F};
  const std::string whole = Base64(values);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<float> out;
    AppendBase64Floats(std::string_view(whole).substr(0, size), &out);
    CHECK(out.size() < values.size());
  }
}

TEST_CASE("embedding values: what makes a vector unusable is named") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(VectorFault(std::vector<float>{1, 2}, 2).empty());
  CHECK(VectorFault(std::vector<float>{1}, 2) == "1 values instead of 2");
  CHECK(VectorFault(std::vector<float>{1, nan}, 2) == "value 1 is no finite float32");
  CHECK(VectorFault(std::vector<float>{-infinity, 1}, 2) == "value 0 is no finite float32");
  CHECK(VectorFault(std::vector<float>{0, -0.0F}, 2) == "only zeros");
}

TEST_CASE("embedding values: a member that is there twice counts as missing") {
  JsonParser parser;
  const auto root = parser.Parse(R"({"a":1,"b":2,"b":3})");
  REQUIRE(root.ok());
  CHECK(FindOnly(*root, "a").has_value());
  CHECK_FALSE(FindOnly(*root, "b").has_value());
  CHECK_FALSE(FindOnly(*root, "c").has_value());
}

}  // namespace embstore
