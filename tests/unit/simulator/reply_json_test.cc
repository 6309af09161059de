// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/reply_json.h"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace embstore::simulator;

namespace {

std::string Format(float value) {
  std::array<char, kMaxFloatBytes> text{};
  return {text.data(), FormatFloat(value, text.data())};
}

}  // namespace

TEST_CASE("simulator: numbers below 1e-4 have a two-digit exponent, others none") {
  CHECK(Format(-5.989852e-05F) == "-5.989852e-05");
  CHECK(Format(1.7313943e-06F) == "1.7313943e-06");
  CHECK(Format(1e-10F) == "1e-10");
  CHECK(Format(9.9999e-05F) == "9.9999e-05");
  CHECK(Format(1e-4F) == "0.0001");
  CHECK(Format(0.000104340776F) == "0.000104340776");
  CHECK(Format(-0.0234375F) == "-0.0234375");
  CHECK(Format(0.0F) == "0");
  CHECK(Format(1.0F) == "1");
  CHECK(Format(std::numeric_limits<float>::quiet_NaN()) == "NaN");
}

TEST_CASE("simulator: every float reads back as itself from at most nine digits") {
  std::uint32_t bits = 12345;
  for (int i = 0; i < 100000; ++i) {
    bits = bits * 1664525U + 1013904223U;
    const auto value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    const std::string text = Format(value);
    REQUIRE(text.size() <= kMaxFloatBytes);
    REQUIRE(std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)) == bits);
  }
}

TEST_CASE("simulator: a single reply has one number per line and a final newline") {
  const std::vector<std::vector<float>> vectors{{0.5F, -0.25F}};
  CHECK(EmbedContentJson(vectors, std::nullopt) ==
        "{\n"
        "  \"embedding\": {\n"
        "    \"values\": [\n"
        "      0.5,\n"
        "      -0.25\n"
        "    ]\n"
        "  }\n"
        "}\n");
}

TEST_CASE("simulator: a batch reply lists embeddings and one usage") {
  const std::vector<std::vector<float>> vectors{{0.5F}, {1.0F}};
  CHECK(BatchEmbedContentsJson(vectors, 4) ==
        "{\n"
        "  \"embeddings\": [\n"
        "    {\n"
        "      \"values\": [\n"
        "        0.5\n"
        "      ]\n"
        "    },\n"
        "    {\n"
        "      \"values\": [\n"
        "        1\n"
        "      ]\n"
        "    }\n"
        "  ],\n"
        "  \"usageMetadata\": {\n"
        "    \"promptTokenCount\": 4,\n"
        "    \"promptTokenDetails\": [\n"
        "      {\n"
        "        \"modality\": \"TEXT\",\n"
        "        \"tokenCount\": 4\n"
        "      }\n"
        "    ]\n"
        "  }\n"
        "}\n");
}

TEST_CASE("simulator: a reply without embeddings leaves the field out") {
  CHECK(BatchEmbedContentsJson({}, std::nullopt) == "{}\n");
  CHECK(EmbedContentJson({}, 2).starts_with("{\n  \"usageMetadata\""));
}

TEST_CASE("simulator: countTokens spells its details differently from embedding replies") {
  CHECK(CountTokensJson(5) ==
        "{\n"
        "  \"totalTokens\": 5,\n"
        "  \"promptTokensDetails\": [\n"
        "    {\n"
        "      \"modality\": \"TEXT\",\n"
        "      \"tokenCount\": 5\n"
        "    }\n"
        "  ]\n"
        "}\n");
}
