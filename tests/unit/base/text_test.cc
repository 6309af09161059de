// SPDX-License-Identifier: Apache-2.0
#include "engine/base/text.h"

#include <doctest/doctest.h>

#include <array>
#include <ios>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace embstore {
namespace {

constexpr std::size_t kValid = std::string_view::npos;

/// The UTF-8 of any value up to 0x1FFFFF, encoded without asking whether it is allowed.
std::string Encode(std::uint32_t point) {
  std::string out;
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | point >> 6);
    add(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3F));
    add(0x80 | (point & 0x3F));
  } else {
    add(0xF0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3F));
    add(0x80 | (point >> 6 & 0x3F));
    add(0x80 | (point & 0x3F));
  }
  return out;
}

/// Valid at every place of the eight-byte fast path, with ASCII before and behind.
void CheckValid(const std::string& sequence) {
  for (std::size_t before = 0; before <= 17; ++before) {
    for (const std::size_t after : {0, 1, 7, 8, 9}) {
      const std::string text = std::string(before, 'a') + sequence + std::string(after, 'b');
      REQUIRE(FindInvalidUtf8(text) == kValid);
    }
  }
}

void CheckInvalid(const std::string& sequence, std::size_t offset = 0) {
  CAPTURE(HexString({reinterpret_cast<const std::uint8_t*>(sequence.data()), sequence.size()}));
  for (std::size_t before = 0; before <= 17; ++before) {
    for (const std::size_t after : {0, 1, 7, 8, 9}) {
      const std::string text = std::string(before, 'a') + sequence + std::string(after, 'b');
      REQUIRE(FindInvalidUtf8(text) == before + offset);
    }
  }
}

TEST_CASE("base: every Unicode scalar value is valid UTF-8, and surrogates are not") {
  for (std::uint32_t point = 0; point <= 0x10FFFF; ++point) {
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    const std::size_t found = FindInvalidUtf8(Encode(point));
    if (found == (surrogate ? 0 : kValid)) continue;
    FAIL("U+" << std::hex << point);
  }
}

TEST_CASE("base: UTF-8 is valid wherever it lies") {
  CheckValid("");
  for (const std::uint32_t point :
       {0x00u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    CheckValid(Encode(point));
  }
}

TEST_CASE("base: overlong UTF-8 is invalid") {
  CheckInvalid("\xC0\x80");
  CheckInvalid("\xC0\xAF");
  CheckInvalid("\xC1\xBF");
  CheckInvalid("\xE0\x80\x80");
  CheckInvalid("\xE0\x9F\xBF");
  CheckInvalid("\xF0\x80\x80\x80");
  CheckInvalid("\xF0\x8F\xBF\xBF");
}

TEST_CASE("base: surrogates in UTF-8 are invalid") {
  CheckInvalid("\xED\xA0\x80");
  CheckInvalid("\xED\xAF\xBF");
  CheckInvalid("\xED\xB0\x80");
  CheckInvalid("\xED\xBF\xBF");
  CheckInvalid("\xED\xA0\xBD\xED\xB8\x80");
}

TEST_CASE("base: values above U+10FFFF are invalid") {
  CheckInvalid("\xF4\x90\x80\x80");
  CheckInvalid("\xF5\x80\x80\x80");
  CheckInvalid("\xF7\xBF\xBF\xBF");
  CheckInvalid("\xF8\x88\x80\x80\x80");
  CheckInvalid("\xFC\x84\x80\x80\x80\x80");
  CheckInvalid("\xFE");
  CheckInvalid("\xFF");
}

TEST_CASE("base: a stray continuation byte is invalid") {
  CheckInvalid("\x80");
  CheckInvalid("\xBF");
  CheckInvalid("\xC3\xA4\xA4", 2);
}

TEST_CASE("base: UTF-8 cut at any byte is invalid from the character's start") {
  for (const std::uint32_t point : {0x80u, 0x7FFu, 0x800u, 0xFFFDu, 0x10000u, 0x10FFFFu}) {
    const std::string whole = Encode(point);
    for (std::size_t length = 1; length < whole.size(); ++length) {
      CheckInvalid(whole.substr(0, length));
      // Cut by the end of the text, or by another character.
      CheckInvalid(whole.substr(0, length) + whole);
    }
  }
}

TEST_CASE("base: the first invalid byte is found, not a later one") {
  CHECK(FindInvalidUtf8("0123456789\xFFgood\xFF") == 10);
  CHECK(FindInvalidUtf8("\xC3\xA4\xFF\xC3\xA4") == 2);
}

TEST_CASE("base: what can be shown is shown as it is") {
  CHECK(Printable("") == "");
  CHECK(Printable("plain text ~") == "plain text ~");
  CHECK(Printable("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") ==
        "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(Printable("\xC2\xA0") == "\xC2\xA0");
}

TEST_CASE("base: control characters cannot reach a terminal") {
  CHECK(Printable("\x1b[31m") == "\\x1b[31m");
  CHECK(Printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(Printable("a\nb\r\t\x7F") == "a\\x0ab\\x0d\\x09\\x7f");
  // U+009B opens a control sequence just as ESC [ does.
  CHECK(Printable("\xC2\x9B"
                  "31m") == "\\xc2\\x9b31m");
  for (std::uint32_t point = 0; point < 0xA0; ++point) {
    if (point >= 0x20 && point < 0x7F) continue;
    const std::string shown = Printable(Encode(point));
    CHECK(shown.starts_with("\\x"));
    for (const char c : shown) CHECK(c < 0x7F);
  }
}

TEST_CASE("base: invalid UTF-8 is shown byte by byte") {
  CHECK(Printable("a\xFF"
                  "b") == "a\\xffb");
  CHECK(Printable("\xE2\x82") == "\\xe2\\x82");
  CHECK(Printable("\xED\xA0\x80") == "\\xed\\xa0\\x80");
  CHECK(Printable("\xC3") == "\\xc3");
}

TEST_CASE("base: a cut says so and never falls inside a character or an escape") {
  CHECK(Printable("abcdef", 6) == "abcdef");
  CHECK(Printable("abcdefg", 6) == "abcdef...");
  CHECK(Printable("a\xF0\x9F\x98\x80", 4) == "a...");
  CHECK(Printable("a\xF0\x9F\x98\x80", 5) == "a\xF0\x9F\x98\x80");
  CHECK(Printable("ab\x01", 5) == "ab...");
  CHECK(Printable("x", 0) == "...");
  CHECK(Printable("", 0) == "");
  CHECK(Printable(std::string(1000, 'x')) == std::string(200, 'x') + "...");
}

TEST_CASE("base: whatever comes in, what is shown is short, valid and harmless") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::size_t limit = random() % 50;
    const std::string shown = Printable(bytes, limit);
    REQUIRE(FindInvalidUtf8(shown) == kValid);
    REQUIRE(shown.size() <= limit + 3);
    for (const char c : shown) REQUIRE((static_cast<std::uint8_t>(c) >= 0x20 && c != 0x7F));
  }
}

TEST_CASE("base: the nearest name is the one that was meant") {
  constexpr std::array<std::string_view, 4> kNames = {"batch_size", "dimensions", "model", "cache"};
  CHECK(NearestName("batchsize", kNames) == "batch_size");
  CHECK(NearestName("dimension", kNames) == "dimensions");
  CHECK(NearestName("modle", kNames) == "model");
  CHECK(NearestName("model", kNames) == "model");
  CHECK(NearestName("cahce", kNames) == "cache");
}

TEST_CASE("base: no name is offered when none is near") {
  constexpr std::array<std::string_view, 2> kNames = {"batch_size", "model"};
  CHECK(NearestName("temperature", kNames) == "");
  CHECK(NearestName("xy", kNames) == "");
  CHECK(NearestName("", kNames) == "");
  CHECK(NearestName("model", {}) == "");
}

TEST_CASE("base: three mistakes in a long name are forgiven, four are another name") {
  constexpr std::array<std::string_view, 1> kNames = {"expected_documents"};
  CHECK(NearestName("expected_documentXYZ", kNames) == "expected_documents");
  CHECK(NearestName("expected_documentWXYZ", kNames) == "");
}

TEST_CASE("base: the first of equally near names wins") {
  constexpr std::array<std::string_view, 3> kNames = {"tent", "text", "test"};
  CHECK(NearestName("tert", kNames) == "tent");
}

TEST_CASE("base: a safe name is short and plain") {
  CHECK(IsSafeName("train"));
  CHECK(IsSafeName("A"));
  CHECK(IsSafeName("_x"));
  CHECK(IsSafeName("train-2.part_3"));
  CHECK(IsSafeName("a..b"));
  CHECK(IsSafeName(std::string(64, 'a')));
}

TEST_CASE("base: an unsafe name is refused") {
  for (const std::string_view name : {"", ".", "..", ".hidden", "-rf", "a/b", "../a", "a b", "a\\b",
                                      "a:b", "a*", "\xC3\xA4", "a\n", "~", "$a"}) {
    CAPTURE(name);
    CHECK_FALSE(IsSafeName(name));
  }
  CHECK_FALSE(IsSafeName(std::string_view("a\0b", 3)));
  CHECK_FALSE(IsSafeName(std::string(65, 'a')));
  int safe = 0;
  for (int byte = 0; byte < 256; ++byte) {
    safe += IsSafeName(std::string("a") + static_cast<char>(byte)) ? 1 : 0;
  }
  CHECK(safe == 26 + 26 + 10 + 3);
}

TEST_CASE("base: hex is lower case and keeps zeros") {
  CHECK(HexString({}) == "");
  const std::array<std::uint8_t, 5> bytes = {0x00, 0x0f, 0xa5, 0xff, 0x10};
  CHECK(HexString(bytes) == "000fa5ff10");
}

TEST_CASE("base: times are shown in UTC to the second") {
  CHECK(FormatUtc(0) == "1970-01-01T00:00:00Z");
  CHECK(FormatUtc(1'790'000'000'999'999) == "2026-09-21T14:13:20Z");
  CHECK(FormatUtc(951'782'400'000'000) == "2000-02-29T00:00:00Z");
  CHECK(FormatUtc(-1'000'000) == "1969-12-31T23:59:59Z");
  CHECK(FormatUtc(253'402'300'799'000'000) == "9999-12-31T23:59:59Z");
}

TEST_CASE("base: any time can be shown") {
  CHECK(FormatUtc(std::numeric_limits<std::int64_t>::max()).ends_with("Z"));
  CHECK(FormatUtc(std::numeric_limits<std::int64_t>::min()).ends_with("Z"));
}

}  // namespace
}  // namespace embstore
