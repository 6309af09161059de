// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/openai_endpoints.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "service_client.h"

using namespace embstore::simulator;
using nlohmann::json;

namespace {

const Headers kBearer{{"authorization", "Bearer k"}};

json Body(const json& input, const json& more = json::object()) {
  json body{{"model", "text-embedding-3-small"}, {"input", input}, {"dimensions", 4}};
  body.update(more);
  return body;
}

HttpReply Embed(ServiceClient* client, const json& body, const Headers& headers = kBearer) {
  return client->Call("POST", "/v1/embeddings", body.dump(), headers);
}

json EmbedJson(const Options& options, const json& body) {
  ServiceClient client(options);
  return json::parse(Embed(&client, body).body, nullptr, false);
}

std::set<std::string> Names(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

void CheckError(const HttpReply& reply, int status, const json& type, const json& code) {
  CHECK(reply.status == status);
  const json document = json::parse(reply.body);
  CHECK(Names(document) == std::set<std::string>{"error"});
  const json& error = document["error"];
  CHECK(Names(error) == std::set<std::string>{"message", "type", "param", "code"});
  CHECK(error["message"].is_string());
  CHECK(error["type"] == type);
  CHECK(error["code"] == code);
}

}  // namespace

TEST_CASE("simulator: an OpenAI reply has the members and types of the service") {
  const json reply = EmbedJson({}, Body({"some text", "b"}));
  CHECK(Names(reply) == std::set<std::string>{"object", "data", "model", "usage"});
  CHECK(reply["object"] == "list");
  CHECK(reply["model"] == "text-embedding-3-small");
  CHECK(reply["usage"] == json{{"prompt_tokens", 4}, {"total_tokens", 4}});
  REQUIRE(reply["data"].size() == 2);
  const json& item = reply["data"][1];
  CHECK(Names(item) == std::set<std::string>{"object", "index", "embedding"});
  CHECK(item["object"] == "embedding");
  CHECK(item["index"] == 1);
  REQUIRE(item["embedding"].size() == 4);
  double sum = 0;
  for (const json& value : item["embedding"]) sum += value.get<double>() * value.get<double>();
  CHECK(std::abs(sum - 1) < 1e-6);
}

TEST_CASE("simulator: base64 is the little-endian float32 of the same vector") {
  const json floats = EmbedJson({}, Body("x"))["data"][0]["embedding"];
  const json text =
      EmbedJson({}, Body("x", {{"encoding_format", "base64"}}))["data"][0]["embedding"];
  REQUIRE(text.is_string());
  CHECK(text.get<std::string>().size() == 24);
  const std::string large = EmbedJson({}, {{"model", "text-embedding-3-small"},
                                           {"input", "x"},
                                           {"encoding_format", "base64"}})["data"][0]["embedding"];
  CHECK(large.size() == 8192);
  // The first value again, by hand: four bytes are the first six characters, less four bits.
  const auto digit = [&text](std::size_t i) {
    static const std::string kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return static_cast<std::uint64_t>(kDigits.find(text.get<std::string>()[i]));
  };
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 6; ++i) bits = bits << 6 | digit(i);
  bits >>= 4;
  const auto swapped = static_cast<std::uint32_t>((bits & 0xFF) << 24 | (bits & 0xFF00) << 8 |
                                                  (bits >> 8 & 0xFF00) | (bits >> 24 & 0xFF));
  CHECK(std::bit_cast<float>(swapped) == floats[0].get<float>());
}

TEST_CASE("simulator: OpenAI models have their dimensions, local ones those of the option") {
  const auto dimensions = [](std::string_view model, const Options& options = {}) {
    return EmbedJson(options, {{"model", model}, {"input", "x"}})["data"][0]["embedding"].size();
  };
  CHECK(dimensions("text-embedding-3-small") == 1536);
  CHECK(dimensions("text-embedding-3-large") == 3072);
  CHECK(dimensions("local-anything") == 384);
  Options options;
  options.local_dimensions = 7;
  CHECK(dimensions("local-anything", options) == 7);
}

TEST_CASE("simulator: OpenAI replies carry request id and rate headers") {
  Options options;
  options.quotas = {.requests_per_minute = 10, .tokens_per_minute = 1000};
  ServiceClient client(options);
  const HttpReply reply = Embed(&client, Body({"x", "y"}));
  CHECK(HeaderOf(reply, "Content-Type") == "application/json");
  CHECK(HeaderOf(reply, "x-request-id").starts_with("req_"));
  CHECK(HeaderOf(reply, "openai-version") == "2020-10-01");
  CHECK(HeaderOf(reply, "x-ratelimit-limit-requests") == "10");
  CHECK(HeaderOf(reply, "x-ratelimit-remaining-requests") == "9");
  CHECK(HeaderOf(reply, "x-ratelimit-reset-requests") == "6s");
  CHECK(HeaderOf(reply, "x-ratelimit-limit-tokens") == "1000");
  CHECK(HeaderOf(reply, "x-ratelimit-remaining-tokens") == "998");
  CHECK(HeaderOf(reply, "x-ratelimit-reset-tokens") == "120ms");
  CHECK(HeaderOf(reply, "Server-Timing").empty());
}

TEST_CASE("simulator: OpenAI calls need a bearer key, those of local models none") {
  ServiceClient client;
  CheckError(Embed(&client, Body("x"), {}), 401, "invalid_request_error", nullptr);
  CheckError(Embed(&client, Body("x"), {{"authorization", "Bearer bad"}}), 401,
             "invalid_request_error", "invalid_api_key");
  CHECK(Embed(&client, {{"model", "local-x"}, {"input", "x"}}, {}).status == 200);
  CHECK(Embed(&client, {{"model", "local-x"}, {"input", "x"}}, {{"authorization", "Bearer bad"}})
            .status == 401);
}

TEST_CASE("simulator: OpenAI errors have the form of the service") {
  ServiceClient client;
  const auto refused = [&client](const json& body) { return Embed(&client, body); };
  constexpr const char* kInvalid = "invalid_request_error";
  CheckError(refused(Body("x", {{"model", "nope"}})), 404, kInvalid, "model_not_found");
  for (const json& input : {json(""), json({"x", ""}), json::array(), json(nullptr),
                            json(std::vector<std::string>(2049, "x")), json({{1, 2}})}) {
    CheckError(refused(Body(input)), 400, kInvalid, nullptr);
  }
  CheckError(refused(Body("x", {{"dimensions", 0}})), 400, kInvalid, nullptr);
  CheckError(refused(Body("x", {{"dimensions", 1537}})), 400, kInvalid, nullptr);
  CheckError(refused(Body("x", {{"encoding_format", "int8"}})), 400, kInvalid, nullptr);
  CheckError(refused(Body("x", {{"nope", 1}})), 400, kInvalid, nullptr);
  CheckError(refused(Body(std::string(8192 * 4 + 1, 'a'))), 400, kInvalid, nullptr);
  CheckError(refused(Body(std::vector<std::string>(37, std::string(8192 * 4, 'a')))), 400,
             "max_tokens_per_request", "max_tokens_per_request");
  CheckError(client.Call("POST", "/v1/embeddings", "{", kBearer), 400, kInvalid, nullptr);
  CheckError(client.Call("GET", "/v1/nowhere", "", kBearer), 404, kInvalid, nullptr);
  CHECK(refused(Body(std::vector<std::string>(2048, "x"))).status == 200);
}

TEST_CASE("simulator: an OpenAI call counts once, however many texts it has") {
  Options options;
  options.quotas.requests_per_minute = 1;
  ServiceClient client(options);
  CHECK(Embed(&client, Body({"x", "y", "z"})).status == 200);
  const HttpReply refused = Embed(&client, Body("x"));
  CheckError(refused, 429, "requests", "rate_limit_exceeded");
  CHECK(HeaderOf(refused, "retry-after") == "60");
  CHECK(HeaderOf(refused, "retry-after-ms") == "60000");
  CHECK(client.service().texts_billed() == 3);
}

TEST_CASE("simulator: OpenAI faults") {
  const json two = Body({"x", "y"});
  const json right = EmbedJson({}, two);
  SUBCASE("the index may be missing at the first embedding") {
    const json data = EmbedJson(WithFaults({"no-index"}), two)["data"];
    CHECK_FALSE(data[0].contains("index"));
    CHECK(data[1]["index"] == 1);
  }
  SUBCASE("the data may come in another order, that the index tells") {
    const json data = EmbedJson(WithFaults({"reverse-data"}), two)["data"];
    CHECK(data[0] == right["data"][1]);
    CHECK(data[1] == right["data"][0]);
  }
  SUBCASE("values may have half precision only") {
    const json data = EmbedJson(WithFaults({"fp16"}), two)["data"];
    CHECK(data != right["data"]);
    for (std::size_t i = 0; i < 4; ++i) {
      const double value = data[0]["embedding"][i];
      CHECK(std::abs(value - right["data"][0]["embedding"][i].get<double>()) <= 0x1p-12);
      int exponent = 0;
      const double mantissa = std::frexp(static_cast<double>(static_cast<float>(value)), &exponent);
      CHECK(mantissa * 2048 == std::round(mantissa * 2048));
    }
  }
  SUBCASE("faults of any embedding call strike these too, in OpenAI's form") {
    ServiceClient failing(WithFaults({"status=500"}));
    CheckError(Embed(&failing, two), 500, "server_error", nullptr);
    ServiceClient limited(WithFaults({"status=429"}));
    const HttpReply reply = Embed(&limited, two);
    CheckError(reply, 429, "requests", "rate_limit_exceeded");
    CHECK(HeaderOf(reply, "retry-after-ms") == "1500");
    CHECK(EmbedJson(WithFaults({"short-reply"}), two)["data"].size() == 1);
    CHECK(EmbedJson(WithFaults({"rotate"}), two)["data"][0]["embedding"] ==
          right["data"][1]["embedding"]);
  }
  SUBCASE("the credit may be used up") {
    ServiceClient client(WithFaults({"insufficient-quota"}));
    const HttpReply reply = Embed(&client, two);
    CheckError(reply, 429, "insufficient_quota", "insufficient_quota");
    CHECK(HeaderOf(reply, "retry-after").empty());
    CHECK(client.service().texts_billed() == 0);
  }
  SUBCASE("an error may come without its envelope") {
    ServiceClient client(WithFaults({"plain-error"}));
    const HttpReply reply = Embed(&client, two);
    CHECK(reply.status == 424);
    CHECK(Names(json::parse(reply.body)) == std::set<std::string>{"message", "code", "type"});
  }
}

TEST_CASE("simulator: Gemini answers under OpenAI's names, with its own limits and errors") {
  ServiceClient client;
  const auto embed = [&client](const json& input) {
    return client.Call("POST", "/v1beta/openai/embeddings",
                       Body(input, {{"model", "gemini-embedding-2"}}).dump(), kBearer);
  };
  const json reply = json::parse(embed("x").body);
  const json body{{"content", {{"parts", {{{"text", "x"}}}}}}, {"outputDimensionality", 4}};
  const json own =
      client.Json("POST", "/v1beta/models/gemini-embedding-2:embedContent", body.dump());
  CHECK(reply["data"][0]["embedding"] == own["embedding"]["values"]);
  const HttpReply refused = embed(std::vector<std::string>(101, "x"));
  CHECK(refused.status == 400);
  CHECK(json::parse(refused.body)[0]["error"]["message"] ==
        "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n");
}

TEST_CASE("simulator: models are listed in OpenAI's form") {
  ServiceClient client;
  const json list = client.Json("GET", "/v1/models", "", kBearer);
  CHECK(list["object"] == "list");
  CHECK(Names(list["data"][0]) == std::set<std::string>{"id", "object", "created", "owned_by"});
  CHECK(list["data"][0]["id"] == "text-embedding-3-small");
}

TEST_CASE("simulator: under v1 the key tells whether Gemini or OpenAI is meant") {
  ServiceClient client;
  CHECK(client.Json("GET", "/v1/models").contains("models"));
  CHECK(client.Json("GET", "/v1/models", "", kBearer).contains("data"));
  CHECK(client.Json("GET", "/v1/batches") == json::object());
}
