// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/gemini_reply.h"

#include <doctest/doctest.h>

#include <limits>

namespace embstore {
namespace {

const Secret& Canary() {
  static const Secret key("canary-key-0123456789");
  return key;
}

EmbeddingCall CallFor(std::size_t texts, std::uint32_t dimensions) {
  EmbeddingCall call;
  call.host = "example.com";
  call.model = "gemini-embedding-001";
  call.key = &Canary();
  call.texts = texts;
  call.dimensions = dimensions;
  return call;
}

Result<EmbedReply> Read(std::string body, std::size_t texts, std::uint32_t dimensions,
                        int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  JsonParser parser;
  return ReadGeminiReply(response, CallFor(texts, dimensions), &parser);
}

bool Refused(const Result<EmbedReply>& reply, std::string_view words) {
  CAPTURE(reply.status().message());
  return reply.code() == Code::kInvalidReply &&
         reply.status().message().find(words) != std::string::npos;
}

// As recorded: pretty-printed, exponents below 1e-4, a final newline.
constexpr const char* kRecorded = R"({
  "embeddings": [
    {
      "values": [
        -0.02342152,
        -5.989852e-05,
        0.000104340776
      ]
    },
    {
      "values": [
        0.01,
        1.7313943e-06,
        -0
      ]
    }
  ]
}
)";

}  // namespace

TEST_CASE("gemini: a recorded reply gives the vectors in order, as float32") {
  const auto reply = Read(kRecorded, 2, 3);
  REQUIRE(reply.ok());
  CHECK(reply->vectors == std::vector<float>{-0.02342152F, -5.989852e-05F, 0.000104340776F, 0.01F,
                                             1.7313943e-06F, -0.0F});
  CHECK(reply->text_tokens.empty());
  CHECK_FALSE(reply->total_tokens.has_value());
}

TEST_CASE("gemini: the token count of the call is reported when the server sends one") {
  const auto reply =
      Read(R"({"embeddings":[{"values":[1,2]}],"usageMetadata":{"promptTokenCount":4,)"
           R"("promptTokenDetails":[{"modality":"TEXT","tokenCount":4}]}})",
           1, 2);
  REQUIRE(reply.ok());
  CHECK(reply->total_tokens == 4);
  for (const char* usage : {"{}", "null", "{\"promptTokenCount\":-1}", "{\"promptTokenCount\":0}",
                            "{\"promptTokenCount\":\"x\"}", "[]"}) {
    const auto odd = Read(
        R"({"embeddings":[{"values":[1,2]}],"usageMetadata":)" + std::string(usage) + "}", 1, 2);
    REQUIRE(odd.ok());
    CHECK_FALSE(odd->total_tokens.has_value());
  }
}

TEST_CASE("gemini: members that nobody knows yet do not matter") {
  CHECK(
      Read(R"({"new":{"a":[1]},"embeddings":[{"shape":[2],"values":[1,2],"x":null}],"y":1})", 1, 2)
          .ok());
}

TEST_CASE("gemini: every truncation of a reply is refused") {
  const std::string body = kRecorded;
  const std::size_t whole = body.size() - 1;  // The final newline carries nothing.
  for (std::size_t size = 0; size < whole; ++size) {
    CHECK(Read(body.substr(0, size), 2, 3).code() == Code::kInvalidReply);
  }
  CHECK(Read(body.substr(0, whole), 2, 3).ok());
}

TEST_CASE("gemini: too few, too many and fused vectors are refused with both numbers") {
  CHECK(Refused(Read(kRecorded, 3, 3), "2 embeddings for 3 texts"));
  CHECK(Refused(Read(kRecorded, 1, 3), "2 embeddings for 1 texts"));
  CHECK(Refused(Read(R"({"embeddings":[]})", 1, 3), "0 embeddings for 1 texts"));
  CHECK(Refused(Read(R"({"embedding":{"values":[1,2]}})", 1, 2), "no list \"embeddings\""));
}

TEST_CASE("gemini: wrong dimensions are refused and the vector is named") {
  CHECK(Refused(Read(kRecorded, 2, 2), "embedding 0: 3 values instead of 2"));
  CHECK(Refused(Read(kRecorded, 2, 4), "embedding 0: 3 values instead of 4"));
  CHECK(Refused(Read(R"({"embeddings":[{"values":[1,2]},{"values":[1]}]})", 2, 2),
                "embedding 1: 1 values instead of 2"));
  CHECK(
      Refused(Read(R"({"embeddings":[{"values":[1,2]},{"values":[]}]})", 2, 2), "embedding 1: 0"));
}

TEST_CASE("gemini: anything that is no finite number is refused") {
  const auto with = [](const std::string& value) {
    return Read(R"({"embeddings":[{"values":[1,2]},{"values":[1,)" + value + "]}]}", 2, 2);
  };
  CHECK(with("2").ok());
  for (const char* value : {"\"2\"", "null", "true", "[2]", "{}"}) {
    CHECK(Refused(with(value), "embedding 1: no list \"values\" of numbers"));
  }
  for (const char* value : {"NaN", "Infinity", "1e999", "-1e999", "0x1", "01", ".5"}) {
    CHECK(Refused(with(value), "invalid JSON"));
  }
  CHECK(Refused(with("1e39"), "embedding 1: value 1 is no finite float32"));
  CHECK(Refused(with("-3.5e38"), "value 1"));
  CHECK(with("1e-300").ok());
}

TEST_CASE("gemini: a vector of zeros is refused") {
  CHECK(Refused(Read(R"({"embeddings":[{"values":[1,2]},{"values":[0,-0.0]}]})", 2, 2),
                "embedding 1: only zeros"));
  CHECK(Refused(Read(R"({"embeddings":[{"values":[1e-300,0]}]})", 1, 2), "only zeros"));
}

TEST_CASE("gemini: what is no such JSON document is refused and quoted") {
  CHECK(Refused(Read("", 1, 2), "empty"));
  CHECK(Refused(Read("<!DOCTYPE html><title>\x1b[31mLogin</title>", 1, 2),
                "begins \"<!DOCTYPE html><title>\\x1b[31mLogin"));
  for (const char* body : {"null", "[]", "{}", "1", "\"x\"", "[[]]", R"({"embeddings":{}})",
                           R"({"embeddings":null})", R"({"embeddings":[null]})",
                           R"({"embeddings":[{"values":{}}]})", R"({"embeddings":[[1,2]]})",
                           R"({"embeddings":[{"values":[1,2]}]}{"embeddings":[{"values":[1,2]}]})",
                           R"({"embeddings":[{"values":[1,2]}],"embeddings":[{"values":[3,4]}]})",
                           R"({"embeddings":[{"values":[1,2],"values":[3,4]}]})",
                           R"({"embeddings":[{"values":[1,2],}]})"}) {
    CAPTURE(body);
    CHECK(Read(body, 1, 2).code() == Code::kInvalidReply);
  }
  const std::string deep(100'000, '[');
  CHECK(Read(deep, 1, 2).code() == Code::kInvalidReply);
}

TEST_CASE("gemini: an excerpt is short and without the key") {
  const auto reply = Read("x" + Canary().Reveal() + std::string(5000, 'y'), 1, 2);
  CHECK(reply.status().message().find("canary") == std::string::npos);
  CHECK(reply.status().message().find("x[key]y") != std::string::npos);
  CHECK(reply.status().message().size() < 500);
}

TEST_CASE("gemini: an error object with status 200 counts as that error, perhaps billed") {
  for (const char* code : {"409", "500", "503", "529"}) {
    const std::string body = std::string(R"({"error":{"code":)") + code + R"(,"message":"m"}})";
    const auto reply = Read(body, 1, 2);
    CHECK(reply.code() == Code::kInDoubt);
    CHECK(reply.status().message().find("may have been billed") != std::string::npos);
    CHECK(reply.status().message().find("not charged") == std::string::npos);
  }
  CHECK(Read(R"([{"error":{"code":429,"message":"slow"}}])", 1, 2).code() == Code::kRateLimited);
  CHECK(Read(R"({"error":{"message":"?"}})", 1, 2).code() == Code::kInvalidReply);
  CHECK(Read(R"({"error":"x","embeddings":[{"values":[1,2]}]})", 1, 2).code() ==
        Code::kInvalidReply);
}

TEST_CASE("gemini: other statuses of success are no reply") {
  for (const int status : {201, 202, 204, 206}) {
    CHECK(Read(R"({"embeddings":[{"values":[1,2]}]})", 1, 2, status).code() == Code::kInvalidReply);
  }
}

TEST_CASE("gemini: the body cap grows with the number of values") {
  CHECK(MaxReplyBytes(CallFor(100, 768)) == 100 * 768 * 32 + (1 << 20));
}

}  // namespace embstore
