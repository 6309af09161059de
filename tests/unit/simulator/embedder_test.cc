// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/embedder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace embstore::simulator;

namespace {

const ModelInfo& Model001() { return *FindModel("gemini-embedding-001"); }
const ModelInfo& Model2() { return *FindModel("gemini-embedding-2"); }

std::vector<float> Embed(const ModelInfo& model, std::string_view text, std::size_t dimensions,
                         std::string_view task = "TASK_TYPE_UNSPECIFIED", std::uint64_t seed = 1) {
  return Embedder(seed).Embed(model, {.text = text, .title = "", .task_type = task}, dimensions);
}

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

double Norm(std::span<const float> a) { return std::sqrt(Dot(a, a)); }

double Cosine(std::string_view a, std::string_view b) {
  return Dot(Embed(Model001(), a, kFullDimensions), Embed(Model001(), b, kFullDimensions));
}

constexpr std::string_view kText = "The quick brown fox jumps over the lazy dog.";

}  // namespace

TEST_CASE("simulator: the same text, model and seed give the same vector") {
  CHECK(Embed(Model001(), kText, 768) == Embed(Model001(), kText, 768));
}

TEST_CASE("simulator: model, seed, task type and title change the vector") {
  const auto base = Embed(Model001(), kText, 768);
  CHECK(base != Embed(Model2(), kText, 768));
  CHECK(base != Embed(Model001(), kText, 768, "TASK_TYPE_UNSPECIFIED", 2));
  CHECK(base != Embed(Model001(), kText, 768, "RETRIEVAL_QUERY"));
  const EmbedInput titled{.text = kText, .title = "Foxes", .task_type = "TASK_TYPE_UNSPECIFIED"};
  CHECK(base != Embedder(1).Embed(Model001(), titled, 768));
}

TEST_CASE("simulator: gemini-embedding-2 ignores the task type") {
  CHECK(Embed(Model2(), kText, 768) == Embed(Model2(), kText, 768, "CLUSTERING"));
}

TEST_CASE("simulator: a short vector of gemini-embedding-001 is a prefix of the full one") {
  const auto full = Embed(Model001(), kText, kFullDimensions);
  const auto cut = Embed(Model001(), kText, 768);
  REQUIRE(cut.size() == 768);
  CHECK(std::equal(cut.begin(), cut.end(), full.begin()));
}

TEST_CASE("simulator: full vectors have length 1 and cuts of 001 the recorded lengths") {
  for (const std::string_view text : {kText, std::string_view("x"), std::string_view(" ")}) {
    CHECK(Norm(Embed(Model001(), text, kFullDimensions)) == doctest::Approx(1.0).epsilon(1e-6));
    CHECK(Norm(Embed(Model001(), text, 768)) == doctest::Approx(0.574).epsilon(0.08));
    CHECK(Norm(Embed(Model001(), text, 1536)) == doctest::Approx(0.685).epsilon(0.08));
  }
}

TEST_CASE("simulator: every size of gemini-embedding-2 has length 1") {
  for (const std::size_t dimensions : {1UL, 7UL, 768UL, 1536UL, kFullDimensions}) {
    CHECK(Norm(Embed(Model2(), kText, dimensions)) == doctest::Approx(1.0).epsilon(1e-6));
  }
}

TEST_CASE("simulator: no coordinate is zero") {
  for (int i = 0; i < 200; ++i) {
    const auto vector = Embed(Model001(), "text number " + std::to_string(i), kFullDimensions);
    CHECK(std::count(vector.begin(), vector.end(), 0.0F) == 0);
  }
}

TEST_CASE("simulator: similar texts are nearer than unrelated ones") {
  const double same_but_case = Cosine("Cats sleep all day", "cats sleep all day");
  const double near = Cosine("the cat sleeps on the warm sofa", "a cat sleeps on a warm sofa");
  const double related = Cosine("the cat sleeps on the warm sofa", "my cat hates the vacuum");
  const double far = Cosine("the cat sleeps on the warm sofa", "quarterly revenue grew by 8%");
  CHECK(same_but_case > 0.95);
  CHECK(same_but_case < 0.9999999);
  CHECK(near > related + 0.1);
  CHECK(related > far + 0.05);
  CHECK(far < 0.45);
}

TEST_CASE("simulator: a task type moves a vector only a little") {
  const auto document = Embed(Model001(), kText, kFullDimensions, "RETRIEVAL_DOCUMENT");
  const auto query = Embed(Model001(), kText, kFullDimensions, "RETRIEVAL_QUERY");
  CHECK(Dot(document, query) > 0.9);
  CHECK(Dot(document, query) < 0.999);
}
