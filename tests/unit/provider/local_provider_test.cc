// SPDX-License-Identifier: Apache-2.0
// The local provider as its callers see it.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "embstore/provider.h"

namespace embstore {
namespace {

using Vector = std::vector<float>;

std::unique_ptr<Provider> Make(std::uint64_t seed = 42, std::uint32_t dimensions = 768) {
  auto provider = MakeLocalProvider({.seed = seed, .dimensions = dimensions});
  REQUIRE(provider.ok());
  return std::move(provider).value();
}

Vector EmbedAll(Provider* provider, const std::vector<std::string_view>& texts) {
  auto reply = provider->Embed(texts);
  REQUIRE(reply.ok());
  return reply->vectors;
}

Vector EmbedOne(Provider* provider, std::string_view text) { return EmbedAll(provider, {text}); }

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

bool IsUnit(const Vector& vector) { return std::abs(std::sqrt(Dot(vector, vector)) - 1) < 1e-6; }

constexpr std::string_view kStriker = "The striker scored twice as United won the cup final";
constexpr std::string_view kGoalkeeper = "A late goal by the captain decided the football match";
constexpr std::string_view kShares = "Shares fell after the bank reported lower quarterly profits";

const std::vector<std::string_view> kOddTexts = {"!!!",
                                                 "?",
                                                 " ",
                                                 "\\",
                                                 "\xF0\x9F\x98\x80",
                                                 "\xF0\x9F\x98\x80\xF0\x9F\x9A\x80",
                                                 "a",
                                                 "7",
                                                 "&lt;",
                                                 "\xE6\x9D\xB1\xE4\xBA\xAC",
                                                 "<b></b>",
                                                 "\xE2\x80\x9C\xE2\x80\x9D"};

TEST_CASE("local provider: it says what it is") {
  const auto provider = Make(7, 256);
  CHECK(provider->name() == "local");
  EmbeddingIdentity identity;
  identity.model = "local-v1-seed7";
  identity.dimensions = 256;
  CHECK(provider->identity() == identity);
  const ProviderLimits limits = provider->limits();
  CHECK(limits.max_texts == 1024);
  CHECK(limits.concurrency >= 1);
  CHECK(limits.max_text_tokens == 0);
  CHECK(limits.max_request_bytes == 0);
  CHECK(limits.max_request_tokens == 0);
  CHECK(limits.texts_per_minute == 0);
  CHECK(limits.tokens_per_minute == 0);
}

TEST_CASE("local provider: dimensions outside 8 to 8192 are refused") {
  for (const std::uint32_t dimensions : {0U, 7U, 8193U}) {
    const auto provider = MakeLocalProvider({.seed = 42, .dimensions = dimensions});
    CHECK(provider.code() == Code::kInvalidArgument);
    CHECK(provider.status().message() ==
          "the local provider has 8 to 8192 dimensions, not " + std::to_string(dimensions));
  }
}

TEST_CASE("local provider: every text has a unit vector at every dimension") {
  for (const std::uint32_t dimensions : {8U, 9U, 31U, 100U, 768U, 8192U}) {
    CAPTURE(dimensions);
    const auto provider = Make(42, dimensions);
    CHECK(IsUnit(EmbedOne(provider.get(), kStriker)));
    for (const std::string_view text : kOddTexts) {
      CAPTURE(text);
      const Vector vector = EmbedOne(provider.get(), text);
      CHECK(vector.size() == dimensions);
      CHECK(IsUnit(vector));
    }
  }
}

TEST_CASE("local provider: features that cancel each other still leave a unit vector") {
  const auto provider = Make(42, 8);
  CHECK(EmbedOne(provider.get(), "\",.#") == Vector{1, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("local provider: texts without a word differ by their characters") {
  const auto provider = Make();
  const Vector exclamation = EmbedOne(provider.get(), "!!!");
  CHECK(Dot(exclamation, EmbedOne(provider.get(), "???")) < 0.5);
  CHECK(Dot(exclamation, EmbedOne(provider.get(), "!!!!")) > 0.5);
}

TEST_CASE("local provider: the empty text and a very long one have unit vectors") {
  const auto provider = Make();
  CHECK(IsUnit(EmbedOne(provider.get(), "")));
  std::string words;
  for (int i = 0; i < 200'000; ++i) words += "word" + std::to_string(i % 50'000) + " ";
  CHECK(IsUnit(EmbedOne(provider.get(), words)));
  CHECK(IsUnit(EmbedOne(provider.get(), std::string(1'000'000, 'x'))));
}

TEST_CASE("local provider: the same text and seed give the same bytes") {
  const auto first = Make();
  const auto second = Make();
  CHECK(EmbedOne(first.get(), kStriker) == EmbedOne(second.get(), kStriker));
}

TEST_CASE("local provider: another seed gives an unrelated vector") {
  const auto first = Make(42);
  const auto second = Make(43);
  CHECK(std::abs(Dot(EmbedOne(first.get(), kStriker), EmbedOne(second.get(), kStriker))) < 0.2);
}

TEST_CASE("local provider: a batch gives the bytes that its texts give alone") {
  const auto provider = Make();
  std::vector<std::string_view> texts = kOddTexts;
  texts.insert(texts.end(), {kStriker, kGoalkeeper, kShares, kStriker});
  const Vector batch = EmbedAll(provider.get(), texts);
  REQUIRE(batch.size() == texts.size() * 768);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    const auto row = batch.begin() + static_cast<std::ptrdiff_t>(i * 768);
    CHECK(EmbedOne(provider.get(), texts[i]) == Vector(row, row + 768));
  }
}

TEST_CASE("local provider: calls at the same time agree") {
  const auto provider = Make();
  const std::vector<std::string_view> texts = {kStriker, kGoalkeeper, kShares, "!!!"};
  const Vector expected = EmbedAll(provider.get(), texts);
  std::vector<int> agreed(4);
  std::vector<std::thread> threads;
  for (int& count : agreed) {
    threads.emplace_back([&provider, &texts, &expected, &count] {
      for (int i = 0; i < 50; ++i) {
        const auto reply = provider->Embed(texts);
        if (reply.ok() && reply->vectors == expected) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(agreed == std::vector<int>(4, 50));
}

TEST_CASE("local provider: nothing is said about tokens") {
  const auto provider = Make();
  const std::vector<std::string_view> texts = {kStriker};
  const auto reply = provider->Embed(texts);
  REQUIRE(reply.ok());
  CHECK(reply->text_tokens.empty());
  CHECK_FALSE(reply->total_tokens.has_value());
}

TEST_CASE("local provider: no texts give no vectors") {
  const auto provider = Make();
  const auto reply = provider->Embed({});
  REQUIRE(reply.ok());
  CHECK(reply->vectors.empty());
}

TEST_CASE("local provider: alike texts are nearer than unrelated ones") {
  const auto provider = Make();
  const Vector shares = EmbedOne(provider.get(), kShares);
  CHECK(Dot(shares, EmbedOne(provider.get(), "The bank reports a fall of quarterly profit")) > 0.4);
  CHECK(Dot(shares, EmbedOne(provider.get(), kStriker)) < 0.2);
}

TEST_CASE("local provider: texts on one topic are nearer although they share no word") {
  const auto provider = Make();
  const Vector striker = EmbedOne(provider.get(), "midfielder scored");
  const double near = Dot(striker, EmbedOne(provider.get(), "football players"));
  const double far = Dot(striker, EmbedOne(provider.get(), "bacterial infections"));
  CHECK(near > far);
}

TEST_CASE("local provider: the golden vector stays the same on every machine") {
  const auto provider = Make();
  const Vector vector = EmbedOne(provider.get(), kStriker);
  std::uint64_t digest = 0;
  for (const float value : vector) {
    digest = (digest ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3ULL;
  }
  CHECK(vector[0] == doctest::Approx(-0.0132718).epsilon(1e-5));
  CHECK(vector[1] == doctest::Approx(0.0428227).epsilon(1e-5));
  CHECK(vector[767] == doctest::Approx(0.0179236).epsilon(1e-5));
  CHECK(digest == 8926671498043493553ULL);
}

}  // namespace
}  // namespace embstore
