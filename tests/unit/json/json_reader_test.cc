// SPDX-License-Identifier: Apache-2.0
#include "engine/json/json_reader.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace embstore {
namespace {

bool Accepts(std::string_view json) {
  JsonParser parser;
  const auto value = parser.Parse(json);
  if (value.ok()) return true;
  CHECK(value.code() == Code::kInvalidArgument);
  CHECK(value.status().message().starts_with("invalid JSON: "));
  return false;
}

TEST_CASE("json: each type is told and read as itself only") {
  JsonParser parser;
  const auto root = parser.Parse(R"([null, true, -7, 1.5, "x", [], {}])");
  REQUIRE(root.ok());
  std::vector<JsonValue> values;
  REQUIRE(root->ForEachElement([&](JsonValue value) {
    values.push_back(value);
    return true;
  }));
  const std::vector<JsonType> types = {JsonType::kNull,   JsonType::kBool,   JsonType::kNumber,
                                       JsonType::kNumber, JsonType::kString, JsonType::kArray,
                                       JsonType::kObject};
  REQUIRE(values.size() == types.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CHECK(values[i].type() == types[i]);
    CHECK(values[i].AsBool().has_value() == (i == 1));
    CHECK(values[i].AsInt().has_value() == (i == 2));
    CHECK(values[i].AsDouble().has_value() == (i == 2 || i == 3));
    CHECK(values[i].AsString().has_value() == (i == 4));
    CHECK(values[i].ForEachElement([](JsonValue) { return true; }) == (i == 5));
    CHECK(values[i].ForEachMember([](std::string_view, JsonValue) { return true; }) == (i == 6));
    CHECK_FALSE(values[i].Find("x").has_value());
  }
  CHECK(values[1].AsBool() == true);
  CHECK(values[2].AsInt() == -7);
  CHECK(values[2].AsDouble() == -7.0);
  CHECK(values[3].AsDouble() == 1.5);
  CHECK(values[4].AsString() == "x");
}

TEST_CASE("json: a scalar is a document") {
  for (const std::string_view json : {"null", "true", "0", "-1.5e3", "\"x\"", " [] ", "\n{}\n"}) {
    CHECK(Accepts(json));
  }
}

TEST_CASE("json: whatever is not exactly one document is refused") {
  for (const std::string_view json :
       {"",          " ",         "\n",          "nul",       "tru",
        "[",         "]",         "{",           "}",         "[1,]",
        "[,1]",      "[1 2]",     "{\"a\"}",     "{\"a\":}",  "{\"a\":1,}",
        "{a:1}",     "{'a':1}",   "{1:1}",       "[] []",     "[]x",
        "{}1",       "1 2",       "1,",          "null null", "\"a\" \"b\"",
        "// no\n[]", "[1] // no", "01",          "1.",        ".5",
        "+1",        "1e",        "0x1",         "NaN",       "Infinity",
        "[NaN]",     "\"a",       "a\"",         "\"\n\"",    "\"\t\"",
        "\"\\x\"",   "\"\\u12\"", "\"\\u12G4\"", "[\"a\":1]", "True"}) {
    CAPTURE(json);
    CHECK_FALSE(Accepts(json));
  }
  CHECK_FALSE(Accepts(std::string_view("[]\0", 3)));
  CHECK_FALSE(Accepts(std::string_view("\"\0\"", 3)));
  CHECK_FALSE(Accepts(std::string_view()));
}

TEST_CASE("json: text behind the document is refused even where a document ends") {
  for (const std::string document : {"{}", "[1]", "\"s\"", "1", "true"}) {
    CHECK(Accepts(document + "  \r\n\t "));
    for (const char* const tail : {"x", "{}", "]", "\"", ",", "null"}) {
      CAPTURE(tail);
      CHECK_FALSE(Accepts(document + " " + tail));
    }
  }
}

TEST_CASE("json: invalid UTF-8 is refused") {
  for (const std::string_view bytes :
       {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3", "\xE2\x82", "\x80"}) {
    CHECK_FALSE(Accepts("\"" + std::string(bytes) + "\""));
    CHECK_FALSE(Accepts("{\"" + std::string(bytes) + "\":1}"));
    CHECK_FALSE(Accepts("[1, " + std::string(bytes) + "]"));
  }
}

TEST_CASE("json: surrogates count in pairs only") {
  JsonParser parser;
  const auto pair = parser.Parse(R"("\ud83d\ude00")");
  REQUIRE(pair.ok());
  CHECK(pair->AsString() == "\xF0\x9F\x98\x80");
  for (const std::string_view json :
       {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\u0041")", R"("\ude00\ud83d")",
        R"("\ud83d\ud83d\ude00")", R"({"\ud83d":1})"}) {
    CAPTURE(json);
    CHECK_FALSE(Accepts(json));
  }
}

TEST_CASE("json: escapes are undone, NUL included") {
  JsonParser parser;
  const auto value = parser.Parse(R"("\"\\\/\b\f\n\r\t\u0000\u00e4\u20AC")");
  REQUIRE(value.ok());
  CHECK(value->AsString() == std::string_view("\"\\/\b\f\n\r\t\0\xC3\xA4\xE2\x82\xAC", 14));
}

// The limit is on open brackets around a value: kMaxDepth - 1 of them. An empty container at the
// very inside has no value in it and may be one deeper.
TEST_CASE("json: nesting is accepted up to the limit and refused beyond it") {
  const auto nested = [](std::size_t depth, const std::string& inside) {
    std::string arrays = std::string(depth, '[') + inside + std::string(depth, ']');
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
    objects += (inside.empty() ? "0" : inside) + std::string(depth, '}');
    return std::pair(arrays, objects);
  };
  constexpr std::size_t kLimit = JsonParser::kMaxDepth;
  CHECK(Accepts(nested(kLimit - 1, "1").first));
  CHECK(Accepts(nested(kLimit - 1, "1").second));
  CHECK_FALSE(Accepts(nested(kLimit, "1").first));
  CHECK_FALSE(Accepts(nested(kLimit, "1").second));
  CHECK(Accepts(nested(kLimit, "").first));
  CHECK_FALSE(Accepts(nested(kLimit + 1, "").first));
  CHECK_FALSE(Accepts(nested(100'000, "1").first));
  CHECK_FALSE(Accepts(std::string(1'000'000, '[')));
}

TEST_CASE("json: width is no depth, and the limit holds for every later document too") {
  JsonParser parser;
  std::string wide = "[";
  for (int i = 0; i < 10'000; ++i) wide += "[[1]],";
  wide += "0]";
  CHECK(parser.Parse(wide).ok());
  const std::string deep = std::string(64, '[') + "1" + std::string(64, ']');
  CHECK_FALSE(parser.Parse(deep).ok());
  CHECK(parser.Parse(wide).ok());
  CHECK(parser.Parse("[1]").ok());
}

TEST_CASE("json: of members with one name the first counts") {
  JsonParser parser;
  const auto root = parser.Parse(R"({"a":1,"b":2,"a":3,"":4})");
  REQUIRE(root.ok());
  CHECK(root->Find("a")->AsInt() == 1);
  CHECK(root->Find("b")->AsInt() == 2);
  CHECK(root->Find("")->AsInt() == 4);
  CHECK_FALSE(root->Find("c"));
  CHECK_FALSE(root->Find("A"));
  std::string names;
  CHECK(root->ForEachMember([&](std::string_view name, JsonValue) {
    names += std::string(name) + ";";
    return true;
  }));
  CHECK(names == "a;b;a;;");
}

TEST_CASE("json: an escaped name is found by what it means") {
  JsonParser parser;
  const auto root = parser.Parse(R"({"\u0061\n":1})");
  REQUIRE(root.ok());
  CHECK(root->Find("a\n")->AsInt() == 1);
}

TEST_CASE("json: a visit ends when the visitor says so") {
  JsonParser parser;
  const auto root = parser.Parse(R"([1,2,3,{"a":1,"b":2}])");
  REQUIRE(root.ok());
  int seen = 0;
  CHECK_FALSE(root->ForEachElement([&](JsonValue) { return ++seen < 2; }));
  CHECK(seen == 2);
  CHECK(root->ForEachElement([&](JsonValue value) {
    if (value.type() != JsonType::kObject) return true;
    seen = 0;
    CHECK_FALSE(value.ForEachMember([&](std::string_view, JsonValue) {
      ++seen;
      return false;
    }));
    return true;
  }));
  CHECK(seen == 1);
}

TEST_CASE("json: integers beyond 64 bits with sign are not integers") {
  JsonParser parser;
  const auto root = parser.Parse(
      "[9223372036854775807,-9223372036854775808,9223372036854775808,18446744073709551615,1.0]");
  REQUIRE(root.ok());
  std::vector<JsonValue> values;
  root->ForEachElement([&](JsonValue value) {
    values.push_back(value);
    return true;
  });
  CHECK(values[0].AsInt() == std::numeric_limits<std::int64_t>::max());
  CHECK(values[1].AsInt() == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(values[2].AsInt());
  CHECK(values[2].AsDouble() == 9223372036854775808.0);
  CHECK_FALSE(values[3].AsInt());
  CHECK(values[3].AsDouble() == 18446744073709551615.0);
  CHECK_FALSE(values[4].AsInt());
  CHECK(values[4].AsDouble() == 1.0);
}

TEST_CASE("json: numbers that no double or 64-bit integer holds are refused") {
  CHECK_FALSE(Accepts("18446744073709551616"));
  CHECK_FALSE(Accepts("-9223372036854775809"));
  CHECK_FALSE(Accepts("1e400"));
  CHECK(Accepts("1e-400"));
}

std::vector<float> Floats(std::string_view json, bool* ok) {
  JsonParser parser;
  const auto root = parser.Parse(json);
  REQUIRE(root.ok());
  std::vector<float> out = {7};
  *ok = root->AppendFloats(&out);
  return out;
}

TEST_CASE("json: floats are appended, rounded once from the decimal's double") {
  bool ok = false;
  CHECK(Floats("[0.1, -2, 3e-2, 16777217, 18446744073709551615]", &ok) ==
        std::vector<float>{7, 0.1f, -2, 0.03f, 16777216, 18446744073709551615.0f});
  CHECK(ok);
  CHECK(Floats("[]", &ok) == std::vector<float>{7});
  CHECK(ok);
  const std::vector<float> beyond = Floats("[1e39, -1e39, 1e-60]", &ok);
  CHECK(ok);
  CHECK(beyond[1] == std::numeric_limits<float>::infinity());
  CHECK(beyond[2] == -std::numeric_limits<float>::infinity());
  CHECK(beyond[3] == 0);
}

TEST_CASE("json: what is no array of numbers leaves the floats as they were") {
  for (const std::string_view json :
       {"null", "1", "\"1\"", "{}", "[1, null]", "[1, 2, \"3\"]", "[true]", "[1, [2]]", "[{}]",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, false]"}) {
    CAPTURE(json);
    bool ok = true;
    CHECK(Floats(json, &ok) == std::vector<float>{7});
    CHECK_FALSE(ok);
  }
}

TEST_CASE("json: a document cut anywhere is refused") {
  const std::string document =
      R"({"embeddings":[{"values":[0.25,-1e-3,12]},{"values":[]}],"name":"a\u00e4\n\ud83d\ude00",)"
      "\"t\":true,\"n\":null,\"k\":{\"\xC3\xA4\":-0.0}}";
  REQUIRE(Accepts(document));
  for (std::size_t length = 0; length < document.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(Accepts(document.substr(0, length)));
  }
}

TEST_CASE("json: the text need not end where its buffer does") {
  // What lies behind the view must be neither read nor needed.
  const std::string buffer = "[1,2]garbage";
  CHECK(Accepts(std::string_view(buffer).substr(0, 5)));
  CHECK(Accepts("[1,2]"));
}

TEST_CASE("json: a parser is used again for texts of any size") {
  JsonParser parser;
  for (const std::size_t size : {1u, 100'000u, 10u, 200'000u, 1u}) {
    const std::string text(size, 'x');
    const auto value = parser.Parse("\"" + text + "\"");
    REQUIRE(value.ok());
    CHECK((value->AsString() == text));
    CHECK_FALSE(parser.Parse("[").ok());
  }
}

TEST_CASE("json: values stay valid when their parser moves") {
  JsonParser first;
  const auto value = first.Parse(R"({"a":[1,"two"]})");
  REQUIRE(value.ok());
  const JsonParser second = std::move(first);
  std::string found;
  value->Find("a")->ForEachElement([&](JsonValue element) {
    if (element.AsString()) found = *element.AsString();
    return true;
  });
  CHECK(found == "two");
}

}  // namespace
}  // namespace embstore
