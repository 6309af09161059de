// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/embed_request.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tools/simulator/api_error.h"
#include "tools/simulator/text.h"

using namespace embstore::simulator;

namespace {

constexpr std::string_view kModel = "gemini-embedding-001";

// The error body a single call gets, or "" when it is valid.
std::string Refusal(std::string_view body) {
  try {
    ParseEmbedContent(body, kModel);
  } catch (const ApiError& error) {
    CHECK(error.http_status() == 400);
    return error.body();
  }
  return "";
}

std::string BatchRefusal(std::string_view body) {
  try {
    ParseBatchEmbedContents(body, kModel);
  } catch (const ApiError& error) {
    CHECK(error.http_status() == 400);
    return error.body();
  }
  return "";
}

bool Has(const std::string& body, std::string_view text) {
  return body.find(text) != std::string::npos;
}

std::string BatchOf(std::size_t count) {
  std::string body = R"({"requests":[)";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) body += ',';
    body += R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}})";
  }
  return body + "]}";
}

}  // namespace

TEST_CASE("simulator: both spellings of field names are read") {
  const auto camel = ParseEmbedContent(
      R"({"content":{"parts":[{"text":"a"}],"role":"user"},"taskType":"CLUSTERING",
          "title":"t","outputDimensionality":768})",
      kModel);
  const auto snake = ParseEmbedContent(
      R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},
          "task_type":"CLUSTERING","output_dimensionality":"768"})",
      kModel);
  CHECK(camel[0].task_type == "CLUSTERING");
  CHECK(camel[0].title == "t");
  CHECK(camel[0].dimensions == 768);
  CHECK(snake[0].task_type == "CLUSTERING");
  CHECK(snake[0].dimensions == 768);
}

TEST_CASE("simulator: the nested configuration wins over the fields at the top") {
  const auto request = ParseEmbedContent(
      R"({"content":{"parts":[{"text":"a"}]},"outputDimensionality":768,
          "embedContentConfig":{"outputDimensionality":256,"auto_truncate":false}})",
      kModel)[0];
  CHECK(request.dimensions == 256);
  CHECK_FALSE(request.auto_truncate);
}

TEST_CASE("simulator: defaults are the full size, no task and truncation") {
  const auto request = ParseEmbedContent(R"({"content":{"parts":[{"text":"a"}]}})", kModel)[0];
  CHECK(request.dimensions == kFullDimensions);
  CHECK(request.task_type == "TASK_TYPE_UNSPECIFIED");
  CHECK(request.auto_truncate);
}

TEST_CASE("simulator: several parts make one text") {
  const auto requests =
      ParseEmbedContent(R"({"content":{"parts":[{"text":"a"},{"text":"b"}]}})", kModel);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].text == "a\nb");
}

TEST_CASE("simulator: an unknown field is named in the refusal") {
  CHECK(Has(Refusal(R"({"x":1})"),
            R"(Invalid JSON payload received. Unknown name \"x\": Cannot find field.)"));
  CHECK(Has(Refusal(R"({"x":1})"), "google.rpc.BadRequest"));
  CHECK(Has(BatchRefusal(R"({"requests":[{"y":1}]})"), R"(\"y\" at 'requests[0]')"));
}

TEST_CASE("simulator: an empty part refuses the call without naming it") {
  CHECK(Has(Refusal(R"({"content":{"parts":[{"text":""}]}})"),
            "\"EmbedContentRequest.content contains an empty Part.\""));
  CHECK(Has(Refusal(R"({"content":{"parts":[{}]}})"), "contains an empty Part."));
}

TEST_CASE("simulator: a hundred texts pass and one more does not") {
  CHECK(BatchRefusal(BatchOf(100)).empty());
  CHECK(
      Has(BatchRefusal(BatchOf(101)),
          R"("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")"));
  CHECK_FALSE(BatchRefusal(BatchOf(0)).empty());
}

TEST_CASE("simulator: a body above four mebibytes is refused") {
  CHECK(Has(Refusal(std::string(kMaxBodyBytes + 1, ' ')),
            "\"Request payload size exceeds the limit: 4194304 bytes.\""));
}

TEST_CASE("simulator: wrong values are refused") {
  CHECK(Has(Refusal(R"({"content":{"parts":[{"text":"a"}]},"taskType":"NOPE"})"),
            "Invalid value at 'task_type' (type.googleapis.com/"));
  CHECK_FALSE(Refusal("{bad").empty());
  CHECK_FALSE(Refusal("[]").empty());
  CHECK_FALSE(Refusal("{}").empty());
  CHECK_FALSE(Refusal("{\"content\":{\"parts\":[{\"text\":\"\xff\"}]}}").empty());
  for (const char* field :
       {R"("outputDimensionality":0)", R"("outputDimensionality":3073)",
        R"("outputDimensionality":-1)", R"("outputDimensionality":1.5)",
        R"("outputDimensionality":"x")", R"("taskType":"NOPE")", R"("taskType":3)", R"("title":7)",
        R"("model":"gemini-embedding-001")", R"("model":"models/other")"}) {
    CAPTURE(field);
    CHECK_FALSE(
        Refusal(R"({"content":{"parts":[{"text":"a"}]},)" + std::string(field) + "}").empty());
  }
}

TEST_CASE("simulator: every request of a batch must name the model of the call") {
  CHECK(Has(BatchRefusal(R"({"requests":[{"model":"models/gemini-embedding-2",
                             "content":{"parts":[{"text":"a"}]}}]})"),
            "requests[0].model"));
  CHECK_FALSE(BatchRefusal(R"({"requests":[{"content":{"parts":[{"text":"a"}]}}]})").empty());
}

TEST_CASE("simulator: tokens are a quarter of the characters, rounded up, at least one") {
  CHECK(CountTokens("") == 1);
  CHECK(CountTokens("abcd") == 1);
  CHECK(CountTokens("abcde") == 2);
  CHECK(CountTokens("äöüß") == 1);
  CHECK(CountTokens("äöüßé") == 2);
}

TEST_CASE("simulator: cutting to tokens keeps characters whole") {
  CHECK(CutToTokens("äöüßé", 1) == "äöüß");
  CHECK(CutToTokens("abcdefgh", 2) == "abcdefgh");
  CHECK(CutToTokens("abcdefghi", 2) == "abcdefgh");
}

TEST_CASE("simulator: the digest of a text is SHA-256 in hex") {
  CHECK(Sha256Hex("hello") == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}
