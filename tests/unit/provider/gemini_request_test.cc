// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_request.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "embstore/provider.h"

namespace embstore {
namespace {

class BareProvider : public Provider {
 public:
  std::string_view name() const override { return "bare"; }
  const EmbeddingIdentity& identity() const override { return identity_; }
  ProviderLimits limits() const override { return {}; }
  Result<EmbedReply> Embed(std::span<const std::string_view>) override { return EmbedReply(); }

 private:
  EmbeddingIdentity identity_;
};

/// Valid UTF-8 of all kinds: plain, escaped, control characters, two to four bytes.
std::string RandomText(std::mt19937* random) {
  const std::string_view pieces[] = {"a",  "Z9 ",      "\"",           "\\",
                                     "\n", "\x01",     "\x1F",         "\x7F",
                                     "/",  "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  std::string text;
  const auto count = 1 + (*random)() % 200;
  for (auto i = count; i > 0; --i) text += pieces[(*random)() % std::size(pieces)];
  return text;
}

}  // namespace

TEST_CASE("gemini: a request repeats the model for each text and asks for the dimensions") {
  const GeminiRequestWriter writer("gemini-embedding-001", "RETRIEVAL_DOCUMENT", 768);
  const std::string_view texts[] = {"a", "say \"b\"\n"};
  CHECK(writer.Body(texts) ==
        R"({"requests":[)"
        R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},)"
        R"("taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":768},)"
        R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"say \"b\"\n"}]},)"
        R"("taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":768}]})");
}

TEST_CASE("gemini: an empty task type is left out") {
  const GeminiRequestWriter writer("gemini-embedding-2", "", 3072);
  const std::string_view texts[] = {"a"};
  CHECK(writer.Body(texts) ==
        R"({"requests":[{"model":"models/gemini-embedding-2","content":{"parts":[{"text":"a"}]},)"
        R"("outputDimensionality":3072}]})");
}

TEST_CASE("gemini: the sum of encoded bytes bounds the body and is off by one byte at most") {
  const GeminiRequestWriter writer("gemini-embedding-001", "CLUSTERING", 768);
  std::mt19937 random(7);
  for (std::size_t count : {1, 2, 3, 50, 100}) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back(RandomText(&random));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::uint64_t sum = GeminiRequestWriter::kEnvelopeBytes;
    for (const std::string_view text : views) sum += writer.EncodedBytes(text);
    const std::uint64_t size = writer.Body(views).size();
    CHECK(size <= sum);
    CHECK(size + 1 >= sum);
  }
}

TEST_CASE("provider: tokens are estimated from ASCII bytes and other code points") {
  const BareProvider provider;
  CHECK(provider.EstimateTokens("") == 1);
  CHECK(provider.EstimateTokens("abcd") == 1);
  CHECK(provider.EstimateTokens("abcde") == 2);
  CHECK(provider.EstimateTokens("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") == 3);
  CHECK(provider.EstimateTokens("abcde\xE2\x82\xAC") == 3);
  CHECK(provider.EstimateTokens(std::string(8192, 'x')) == 2048);
  CHECK(provider.EncodedBytes("abc") == 3);
}

}  // namespace embstore
