// SPDX-License-Identifier: Apache-2.0
// What is refused before any setting is looked at.
#include <doctest/doctest.h>

#include <string>

#include "embstore/config.h"

namespace embstore {
namespace {

std::string ErrorOf(std::string_view yaml) {
  const Result<Config> config = ParseConfig(yaml, "c.yaml");
  if (config.ok()) return "accepted";
  CHECK(config.code() == Code::kInvalidArgument);
  return config.status().message();
}

std::string Repeated(std::string_view piece, std::size_t bytes) {
  std::string out;
  while (out.size() + piece.size() <= bytes) out += piece;
  return out;
}

TEST_CASE("config: invalid YAML is refused with its line") {
  CHECK(ErrorOf("seed: 1\nembedding: {\n").starts_with("c.yaml:3: "));
  CHECK(ErrorOf("seed: 1\n  model: x\n").starts_with("c.yaml:2: "));
  CHECK(ErrorOf("seed: 1\n\n\tmodel: x\n").starts_with("c.yaml:3: "));
  CHECK(ErrorOf("seed: 'open\n").starts_with("c.yaml:"));
  CHECK(ErrorOf("]").starts_with("c.yaml:1: "));
}

TEST_CASE("config: anchors and aliases are refused") {
  CHECK(ErrorOf("dataset:\n  splits: &s { a: { path: x } }\n") ==
        "c.yaml:2: anchors are not allowed");
  CHECK(ErrorOf("seed: &s 1\n") == "c.yaml:1: anchors are not allowed");
  CHECK(ErrorOf("&s seed: 1\n") == "c.yaml:1: anchors are not allowed");
  CHECK(ErrorOf("seed: &s\n") == "c.yaml:1: anchors are not allowed");
  CHECK(ErrorOf("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n") ==
        "c.yaml:1: anchors are not allowed");
  CHECK(ErrorOf("seed: *s\n").starts_with("c.yaml:1: "));
}

TEST_CASE("config: what the parser repeats of a file cannot drive a terminal") {
  const auto parsed = ParseConfig("a: \"\\\x1b\"\n", "c.yaml");
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.status().message().starts_with("c.yaml:1: "));
  CHECK(parsed.status().message().find('\x1b') == std::string::npos);
}

TEST_CASE("config: tags are refused") {
  CHECK(ErrorOf("seed: !!int 1\n") == "c.yaml:1: tags are not allowed");
  CHECK(ErrorOf("seed: 1\nembedding: !x { model: y }\n") == "c.yaml:2: tags are not allowed");
}

TEST_CASE("config: keys are plain text") {
  CHECK(ErrorOf("? [a]\n: 1\n") == "c.yaml:1: a key must be plain text");
  CHECK(ErrorOf("{ { a: b }: 1 }") == "c.yaml:1: a key must be plain text");
  CHECK(ErrorOf("~: 1\n") == "c.yaml:1: a key must be plain text");
}

TEST_CASE("config: a second document is refused") {
  CHECK(ErrorOf("seed: 1\n---\nseed: 2\n") == "c.yaml:2: a second document is not allowed");
}

TEST_CASE("config: sixteen levels are allowed and no more") {
  const auto nested = [](std::size_t levels) {
    return "x: " + std::string(levels - 1, '[') + std::string(levels - 1, ']');
  };
  CHECK(ErrorOf(nested(16)) == "c.yaml:1: unknown key 'x'");
  CHECK(ErrorOf(nested(17)) == "c.yaml:1: more than 16 levels");
}

TEST_CASE("config: a file of one MiB is allowed and no more") {
  const std::string filled = "seed: 7\n#" + std::string((1u << 20) - 10, 'x') + "\n";
  REQUIRE(filled.size() == 1u << 20);
  CHECK(ErrorOf(filled) == "accepted");
  CHECK(ErrorOf(filled + "\n") == "c.yaml:1: larger than 1048576 bytes");
}

TEST_CASE("config: a file that nests without end is refused quickly") {
  constexpr std::size_t kSize = 1u << 20;
  for (const std::string_view piece : {"[", "{", "- ", "? ", "{a: ", "[a, ", "\"", "'", "!", "&a ",
                                       "a: ", "]", "*a ", "|\n", ",", "a:\n "}) {
    CAPTURE(piece);
    CHECK(ErrorOf(Repeated(piece, kSize)).starts_with("c.yaml:"));
  }
}

TEST_CASE("config: a map of very many keys is refused quickly") {
  std::string yaml;
  for (int i = 0; i < 100'000; ++i) yaml += "k" + std::to_string(i) + ":\n";
  CHECK(ErrorOf(yaml) == "c.yaml:1: unknown key 'k0'");
  CHECK(ErrorOf(yaml + "k7:\n") == "c.yaml:100001: duplicate key 'k7'; it is already in line 8");
}

TEST_CASE("config: only UTF-8 text is read") {
  CHECK(ErrorOf("seed: 1\n# \xFF\n") == "c.yaml:2: not UTF-8 text");
  CHECK(ErrorOf(std::string_view("seed: 1\n\nx\0y", 12)) == "c.yaml:3: not UTF-8 text");
  CHECK(ErrorOf("\xFF\xFEs\0") == "c.yaml:1: not UTF-8 text");
  CHECK(ErrorOf("\xEF\xBB\xBFseed: 1\n") == "accepted");
  CHECK(ErrorOf("# caf\xC3\xA9\nseed: 1\n") == "accepted");
}

TEST_CASE("config: Windows line ends count as one line") {
  CHECK(ErrorOf("seed: 1\r\n\r\nnope: 2\r\n") == "c.yaml:3: unknown key 'nope'");
}

}  // namespace
}  // namespace embstore
