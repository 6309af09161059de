// SPDX-License-Identifier: Apache-2.0
#include "engine/provider/openai_reply.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "tests/unit/provider/openai_testing.h"

namespace embstore {
namespace {

const std::vector<float> kFirst = {0.25F, -5.989852e-05F};
const std::vector<float> kSecond = {-1.0F, 3.0F};
const std::vector<float> kBoth = {0.25F, -5.989852e-05F, -1.0F, 3.0F};

Result<OpenAiReply> Read(const std::string& body, std::size_t texts = 2,
                         std::uint32_t dimensions = 2, int status = 200) {
  JsonParser parser;
  return ReadOpenAiReply(Answer(status, body), CallFor(texts, dimensions), &parser);
}

bool Refused(const Result<OpenAiReply>& reply, std::string_view words) {
  CAPTURE(reply.status().message());
  return reply.code() == Code::kInvalidReply &&
         reply.status().message().find(words) != std::string::npos;
}

bool Gives(const Result<OpenAiReply>& reply, const std::vector<float>& vectors) {
  return reply.ok() && reply->embeddings.vectors == vectors;
}

std::string Numbers(std::span<const float> values) {
  std::string numbers;
  JsonWriter(&numbers).Floats(values);
  return numbers;
}

/// Two items with these indices ("": none), their vectors in the order 0, 1.
Result<OpenAiReply> WithIndices(const std::string& first, const std::string& second) {
  return Read(ReplyBody({Item(first, Numbers(kFirst)), Item(second, Numbers(kSecond))}));
}

}  // namespace

TEST_CASE("openai: base64 and lists of numbers give equal vectors") {
  std::mt19937 random(7);
  std::normal_distribution<float> value;
  std::vector<std::string> base64;
  std::vector<std::string> floats;
  std::vector<float> expected;
  for (std::size_t row = 0; row < 50; ++row) {
    std::vector<float> vector(7);
    for (float& v : vector) v = value(random);
    base64.push_back(Base64Item(row, vector));
    floats.push_back(FloatItem(row, vector));
    expected.insert(expected.end(), vector.begin(), vector.end());
  }
  CHECK(Gives(Read(ReplyBody(base64), 50, 7), expected));
  CHECK(Gives(Read(ReplyBody(floats), 50, 7), expected));
  base64[13] = floats[13];
  CHECK(Gives(Read(ReplyBody(base64), 50, 7), expected));
}

TEST_CASE("openai: vectors are put in order by their index") {
  const std::vector<float> swapped = {-1.0F, 3.0F, 0.25F, -5.989852e-05F};
  CHECK(Gives(WithIndices("0", "1"), kBoth));
  CHECK(Gives(WithIndices("1", "0"), swapped));
  CHECK(Gives(WithIndices("", "1"), kBoth));
  CHECK(Gives(WithIndices("1", ""), swapped));
  CHECK(Gives(Read(ReplyBody({Item("", "[1,2]")}), 1), {1.0F, 2.0F}));
}

TEST_CASE("openai: an index that leaves the order in doubt refuses the answer") {
  CHECK(Refused(WithIndices("", ""), "index 0 twice"));
  CHECK(Refused(WithIndices("", "0"), "index 0 twice"));
  CHECK(Refused(WithIndices("0", ""), "index 0 twice"));
  CHECK(Refused(WithIndices("1", "1"), "index 1 twice"));
  CHECK(Refused(WithIndices("1", "2"), "index 2 for 2 texts"));
  CHECK(Refused(WithIndices("0", "9223372036854775807"), "for 2 texts"));
  CHECK(Refused(WithIndices("0", "18446744073709551616"), "invalid JSON"));
  for (const std::string index : {"-1", "\"1\"", "1.5", "1.0", "1e0", "null", "true", "[1]", "{}",
                                  "18446744073709551615", "1,\"index\":0"}) {
    CAPTURE(index);
    CHECK(Refused(WithIndices("0", index), "no whole number"));
  }
}

TEST_CASE("openai: fewer, more and fused vectors are refused with both numbers") {
  const std::string one = Base64Item(0, kFirst);
  const std::string two = Base64Item(1, kSecond);
  CHECK(Refused(Read(ReplyBody({one})), "1 embeddings for 2 texts"));
  CHECK(Refused(Read(ReplyBody({one, two}), 1), "2 embeddings for 1 texts"));
  CHECK(Refused(Read(ReplyBody({})), "0 embeddings for 2 texts"));
  CHECK(Refused(Read(ReplyBody({Base64Item(0, kBoth)})), "1 embeddings for 2 texts"));
}

TEST_CASE("openai: wrong dimensions tell what came and what to set") {
  const std::vector<float> three = {1, 2, 3};
  for (const std::string& item : {Base64Item(1, three), FloatItem(1, three)}) {
    const auto reply = Read(ReplyBody({Base64Item(0, kFirst), item}));
    CHECK(Refused(reply, "embedding 1: 3 values instead of 2: set dimensions to 3"));
    CHECK(Refused(reply, "send_dimensions"));
  }
  CHECK(Refused(Read(ReplyBody({Item("0", "[]")}), 1), "embedding 0: 0 values instead of 2"));
  CHECK(Refused(Read(ReplyBody({Item("0", "\"\"")}), 1), "embedding 0: 0 values instead of 2"));
}

TEST_CASE("openai: a vector that must not be stored is refused and named") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const auto with = [](const std::string& embedding) {
    return Read(ReplyBody({Base64Item(0, kFirst), Item("1", embedding)}));
  };
  CHECK(with("[1,2]").ok());
  for (const auto& vector : {std::vector<float>{1, nan}, std::vector<float>{1, infinity}}) {
    CHECK(Refused(with("\"" + Base64(vector) + "\""), "embedding 1: value 1 is no finite"));
  }
  CHECK(Refused(with("[1,1e39]"), "embedding 1: value 1 is no finite"));
  CHECK(Refused(with("[1,1e999]"), "invalid JSON"));
  CHECK(Refused(with("[0,-0.0]"), "embedding 1: only zeros"));
  CHECK(
      Refused(with("\"" + Base64(std::vector<float>{0, -0.0F}) + "\""), "embedding 1: only zeros"));
  for (const std::string embedding : {"[1,\"2\"]", "[[1,2]]", "null", "7", "{}", "[1,null]"}) {
    CAPTURE(embedding);
    CHECK(Refused(with(embedding), "embedding 1: neither base64 nor a list of numbers"));
  }
  for (const std::string embedding : {"\"AACAPwAAAMA\"", "\"AACAPwAAAMB=\"", "\"AACAPwAA\"",
                                      "\"!ACAPwAAAMA=\"", "\"AACAPwAA AMA=\""}) {
    CAPTURE(embedding);
    CHECK(Refused(with(embedding), "embedding 1: its base64 is broken"));
  }
  CHECK(Refused(with("[1,2],\"embedding\":[3,4]"), "embedding 1: no \"embedding\""));
}

TEST_CASE("openai: a cut of a reply at any byte is an error and never a vector") {
  for (const std::string& body : {ReplyBody({Base64Item(0, kFirst), Base64Item(1, kSecond)}),
                                  ReplyBody({FloatItem(0, kFirst), FloatItem(1, kSecond)})}) {
    for (std::size_t size = 0; size < body.size(); ++size) {
      CAPTURE(size);
      CHECK(Read(body.substr(0, size)).code() == Code::kInvalidReply);
    }
    CHECK(Gives(Read(body), kBoth));
  }
  const std::string base64 = Base64(kBoth);
  for (std::size_t size = 0; size < base64.size(); ++size) {
    CAPTURE(size);
    const auto reply = Read(ReplyBody({Item("0", "\"" + base64.substr(0, size) + "\"")}), 1, 4);
    CHECK(reply.code() == Code::kInvalidReply);
  }
}

TEST_CASE("openai: what is no such document is refused and quoted without the key") {
  CHECK(Refused(Read(""), "empty"));
  CHECK(Refused(Read("<!DOCTYPE html>\x1b[31mLogin"), "begins \"<!DOCTYPE html>\\x1b[31mLogin"));
  for (const std::string body :
       {"null", "[]", "{}", "1", R"({"data":null})", R"({"data":{}})", R"({"embeddings":[[1,2]]})",
        R"({"data":[null,null]})", R"({"data":[1,2]})", R"({"data":[],"data":[]})"}) {
    CAPTURE(body);
    CHECK(Read(body).code() == Code::kInvalidReply);
  }
  const auto echo = Read("x" + Canary().Reveal());
  CHECK(Refused(echo, "x[key]"));
  CHECK_FALSE(Refused(echo, "canary"));
  const std::string good = ReplyBody({Base64Item(0, kFirst), Base64Item(1, kSecond)});
  for (const int status : {201, 202, 204, 206}) {
    CHECK(Read(good, 2, 2, status).code() == Code::kInvalidReply);
  }
}

TEST_CASE("openai: members that nobody knows yet do not matter") {
  std::string body = ReplyBody({Base64Item(0, kFirst), Base64Item(1, kSecond)});
  body.insert(1, R"("new":{"a":[1]},"error":null,"message":"ok",)");
  CHECK(Gives(Read(body), kBoth));
}

TEST_CASE("openai: tokens are counted when the server counts them") {
  const auto tokens = [](const std::string& usage) {
    const auto reply = Read(ReplyBody({Base64Item(0, kFirst), Base64Item(1, kSecond)}, "m", usage));
    REQUIRE(reply.ok());
    CHECK(reply->embeddings.text_tokens.empty());
    return reply->embeddings.total_tokens;
  };
  CHECK(tokens(R"({"prompt_tokens":8,"total_tokens":8})") == 8);
  CHECK(tokens(R"({"total_tokens":9})") == 9);
  CHECK(tokens(R"({"prompt_tokens":7})") == 7);
  CHECK(tokens(R"({"prompt_tokens":7,"total_tokens":0})") == 7);
  for (const std::string usage :
       {"", "null", "{}", "[]", R"({"prompt_tokens":0,"total_tokens":0})", R"({"total_tokens":-1})",
        R"({"total_tokens":"8"})", R"({"total_tokens":1.5})"}) {
    CAPTURE(usage);
    CHECK_FALSE(tokens(usage).has_value());
  }
}

TEST_CASE("openai: a different name of the model is no error and is passed on") {
  const auto reply =
      Read(ReplyBody({Base64Item(0, kFirst), Base64Item(1, kSecond)}, "text-embedding-3-small-v2"));
  REQUIRE(reply.ok());
  CHECK(reply->model == "text-embedding-3-small-v2");
  const auto bare = Read(R"({"data":[{"embedding":[1,2]}]})", 1);
  REQUIRE(bare.ok());
  CHECK(bare->model.empty());
}

TEST_CASE("openai: an error object with status 200 counts as that error, perhaps billed") {
  CHECK(Read(R"({"error":{"code":"rate_limit_exceeded","message":"m"}})").code() ==
        Code::kRateLimited);
  CHECK(Read(R"({"error":{"code":503,"message":"m"},"data":[]})").code() == Code::kInDoubt);
  CHECK(Read(R"({"error":"m"})").code() == Code::kInvalidReply);
}

}  // namespace embstore
