// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_request.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace embstore {

TEST_CASE("openai: a request names the model once and asks for base64 and the dimensions") {
  const OpenAiRequestWriter writer("text-embedding-3-small", 512);
  const std::string_view texts[] = {"a", "say \"b\"\n"};
  CHECK(writer.Body(texts, VectorEncoding::kBase64) ==
        R"({"model":"text-embedding-3-small","input":["a","say \"b\"\n"],)"
        R"("encoding_format":"base64","dimensions":512})");
}

TEST_CASE("openai: dimensions and encoding are left out for servers that refuse them") {
  const OpenAiRequestWriter writer("BAAI/bge-m3", 0);
  const std::string_view texts[] = {"a"};
  CHECK(writer.Body(texts, VectorEncoding::kBase64) ==
        R"({"model":"BAAI/bge-m3","input":["a"],"encoding_format":"base64"})");
  CHECK(writer.Body(texts, VectorEncoding::kUnsaid) == R"({"model":"BAAI/bge-m3","input":["a"]})");
}

TEST_CASE("openai: encoded bytes add up to what the body takes, one byte more at most") {
  const OpenAiRequestWriter writer("odd\"model", 768);
  const std::string_view pieces[] = {"a",  "Z9 ",      "\"",           "\\",
                                     "\n", "\x01",     "\x1F",         "\x7F",
                                     "/",  "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  std::mt19937 random(7);
  for (const std::size_t count : {1, 2, 3, 50, 2048}) {
    std::vector<std::string> texts(count);
    for (std::string& text : texts) {
      for (auto i = random() % 60; i > 0; --i) text += pieces[random() % std::size(pieces)];
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::uint64_t sum = writer.envelope_bytes();
    for (const std::string_view text : views) sum += OpenAiRequestWriter::EncodedBytes(text);
    CHECK(writer.Body(views, VectorEncoding::kBase64).size() + 1 == sum);
    CHECK(writer.Body(views, VectorEncoding::kUnsaid).size() < sum);
  }
}

}  // namespace embstore
