// SPDX-License-Identifier: Apache-2.0
#include "engine/json/json_writer.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/json/json_reader.h"

namespace embstore {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

template <typename Build>
std::string Written(const Build& build, int indent = 0) {
  std::string out;
  JsonWriter json(&out, indent);
  build(json);
  return out;
}

std::string WrittenDouble(double value) {
  return Written([&](JsonWriter& json) { json.Double(value); });
}

std::string WrittenFloats(const std::vector<float>& values) {
  return Written([&](JsonWriter& json) { json.Floats(values); });
}

TEST_CASE("json: what JSON reserves is escaped and nothing else") {
  CHECK(Quoted("") == R"("")");
  CHECK(Quoted("plain / text") == R"("plain / text")");
  CHECK(Quoted("a\"b\\c") == R"("a\"b\\c")");
  CHECK(Quoted("\b\f\n\r\t") == R"("\b\f\n\r\t")");
  CHECK(Quoted(std::string_view("\0\x01\x1f\x7f", 4)) == "\"\\u0000\\u0001\\u001f\x7f\"");
  CHECK(Quoted("\xC3\xA4\xE2\x80\xA8\xF0\x9F\x98\x80") ==
        "\"\xC3\xA4\xE2\x80\xA8\xF0\x9F\x98\x80\"");
}

TEST_CASE("json: a string is appended behind what is there") {
  std::string out = "x";
  AppendJsonString("y", &out);
  CHECK(out == "x\"y\"");
}

TEST_CASE("json: every character comes back from the reader") {
  JsonParser parser;
  std::string all;
  for (char c = 0; c < 0x7F; ++c) all += c;
  all += "\x7F\xC2\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF";
  const std::string quoted = Quoted(all);
  const auto value = parser.Parse(quoted);
  REQUIRE(value.ok());
  CHECK(value->AsString() == std::string_view(all));
}

TEST_CASE("json: the size of a string is known before it is written") {
  std::mt19937 random(5);
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 64, '\0');
    // Half of the characters from the escaped range, so that every kind is met often.
    for (char& c : text) c = static_cast<char>(random() % 2 == 0 ? random() % 0x30 : random());
    REQUIRE(JsonStringBytes(text) == Quoted(text).size());
  }
}

TEST_CASE("json: one line without spaces by default") {
  CHECK(Written([](JsonWriter& json) {
          json.BeginObject().Key("a").BeginArray().Int(1).Null().Bool(true).EndArray();
          json.Key("b").BeginObject().EndObject();
          json.Key("c").BeginArray().EndArray();
          json.Key("d").BeginArray().BeginArray().EndArray().BeginObject().EndObject().EndArray();
          json.Key("e\n").String("\"").Key("f").Bool(false).EndObject();
        }) == R"({"a":[1,null,true],"b":{},"c":[],"d":[[],{}],"e\n":"\"","f":false})");
}

TEST_CASE("json: an indent puts every member on a line of its own") {
  CHECK(Written(
            [](JsonWriter& json) {
              json.BeginObject().Key("a").Int(1).Key("b").BeginArray().Int(2);
              json.BeginObject().Key("c").Floats(std::vector<float>{1, 2}).EndObject();
              json.EndArray().Key("d").BeginArray().EndArray().EndObject();
            },
            2) == R"({
  "a": 1,
  "b": [
    2,
    {
      "c": [1,2]
    }
  ],
  "d": []
})");
}

TEST_CASE("json: a single value is a document") {
  CHECK(Written([](JsonWriter& json) { json.Null(); }) == "null");
  CHECK(Written([](JsonWriter& json) { json.String("x"); }, 2) == "\"x\"");
  CHECK(Written([](JsonWriter& json) { json.BeginArray().EndArray(); }, 2) == "[]");
}

TEST_CASE("json: integers keep every digit") {
  CHECK(Written([](JsonWriter& json) {
          json.BeginArray();
          json.Int(std::numeric_limits<std::int64_t>::min());
          json.Int(std::numeric_limits<std::int64_t>::max());
          json.Uint(std::numeric_limits<std::uint64_t>::max());
          json.Uint(0).Int(-1).EndArray();
        }) == "[-9223372036854775808,9223372036854775807,18446744073709551615,0,-1]");
}

TEST_CASE("json: what JSON cannot hold becomes null") {
  CHECK(WrittenDouble(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(WrittenDouble(std::numeric_limits<double>::infinity()) == "null");
  CHECK(WrittenDouble(-std::numeric_limits<double>::infinity()) == "null");
  CHECK(WrittenFloats({1, std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(), 2}) == "[1,null,null,null,2]");
}

TEST_CASE("json: floats are written with as few digits as they need") {
  CHECK(WrittenFloats({}) == "[]");
  // Beyond 64 bits an integer could not be read again.
  CHECK(WrittenDouble(18446744073709551615.0) == "18446744073709551616.0");
  CHECK(WrittenFloats({2e19F, -2e19F, 7}) == "[2e+19,-2e+19,7]");
  CHECK(WrittenFloats({-0.0F, 0.0F}) == "[-0.0,0]");
  CHECK(WrittenFloats({0.1f, 0.5f, -2, 0, -0.0f, 16777216, 1e10f, 1e-45f, 3.4028235e38f}) ==
        "[0.1,0.5,-2,0,-0.0,16777216,1e+10,1e-45,3.4028235e+38]");
  CHECK(WrittenDouble(0.09) == "0.09");
  CHECK(WrittenDouble(-0.0) == "-0.0");
  CHECK(WrittenDouble(5e-324) == "5e-324");
}

TEST_CASE("json: every float comes back bit by bit from the reader") {
  std::vector<float> values = {0.0f,
                               -0.0f,
                               std::numeric_limits<float>::min(),
                               std::numeric_limits<float>::denorm_min(),
                               -std::numeric_limits<float>::denorm_min(),
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest(),
                               std::numeric_limits<float>::epsilon()};
  std::mt19937 random(9);
  while (values.size() < 50'000) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (value - value == 0) values.push_back(value);
  }
  for (std::uint32_t denormal = 1; denormal < 3000; ++denormal) {
    values.push_back(std::bit_cast<float>(denormal));
  }
  JsonParser parser;
  const auto json = parser.Parse(WrittenFloats(values));
  REQUIRE(json.ok());
  std::vector<float> read;
  REQUIRE(json->AppendFloats(&read));
  REQUIRE(read.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    REQUIRE(std::bit_cast<std::uint32_t>(read[i]) == std::bit_cast<std::uint32_t>(values[i]));
  }
}

TEST_CASE("json: every double comes back bit by bit from the reader") {
  std::mt19937_64 random(11);
  JsonParser parser;
  for (int round = 0; round < 20'000; ++round) {
    const double value = std::bit_cast<double>(random());
    if (value - value != 0) continue;
    // Some doubles of this range are shortest as an integer beyond 64 bits, which is valid
    // JSON but refused by the reader.
    if (std::abs(value) > 9e18 && std::abs(value) < 1e23) continue;
    const std::string written = WrittenDouble(value);
    CAPTURE(written);
    const auto json = parser.Parse(written);
    REQUIRE_MESSAGE(json.ok(), json.status().message());
    REQUIRE(std::bit_cast<std::uint64_t>(json->AsDouble().value()) ==
            std::bit_cast<std::uint64_t>(value));
  }
}

}  // namespace
}  // namespace embstore
