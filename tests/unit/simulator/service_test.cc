// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/service.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace embstore::simulator;

namespace {

constexpr std::string_view kBody =
    R"({"content":{"parts":[{"text":"poison pill"}]},"outputDimensionality":3})";

HttpRequest Post(std::string_view target, std::string_view body, std::string_view key = "k") {
  HttpRequest request;
  request.method = "POST";
  request.path = "/v1beta/models/" + std::string(target);
  request.body = body;
  if (!key.empty()) request.headers["x-goog-api-key"] = key;
  return request;
}

TimePoint FixedTime() { return TimePoint{std::chrono::hours(480000)}; }

Options WithFault(std::string_view spec) {
  Options options;
  options.faults.push_back(ParseFault(spec));
  return options;
}

HttpReply Embed(const Options& options, std::string_view key = "k") {
  return Service(options, FixedTime).Handle(Post("gemini-embedding-001:embedContent", kBody, key));
}

}  // namespace

TEST_CASE("simulator: keys come from the header or the query") {
  CHECK(Embed({}).status == 200);
  CHECK(Embed({}, "").status == 403);
  CHECK(Embed({}, "bad-key").status == 400);
  Options options;
  options.key = "secret";
  CHECK(Embed(options, "k").status == 400);
  CHECK(Embed(options, "secret").status == 200);
  HttpRequest request = Post("gemini-embedding-001:embedContent", kBody, "");
  request.query = "alt=json&key=sec%72et";
  CHECK(Service(options, FixedTime).Handle(request).status == 200);
}

TEST_CASE("simulator: unknown models and paths are 404") {
  Service service({}, FixedTime);
  CHECK(service.Handle(Post("nope:embedContent", kBody)).status == 404);
  CHECK(service.Handle(Post("gemini-embedding-001:unknown", kBody)).status == 404);
  HttpRequest other;
  other.method = "GET";
  other.path = "/";
  CHECK(service.Handle(other).status == 404);
}

TEST_CASE("simulator: accepted texts are billed, also when the reply is spoiled") {
  Service spoiled(WithFault("reset-before-reply"), FixedTime);
  const HttpReply reply = spoiled.Handle(Post("gemini-embedding-001:embedContent", kBody));
  CHECK(reply.delivery == Delivery::kReset);
  CHECK(spoiled.texts_billed() == 1);
}

TEST_CASE("simulator: calls refused by a fault or a quota are not billed") {
  for (const char* spec : {"status=503", "reject-text=poison"}) {
    Service service(WithFault(spec), FixedTime);
    CHECK(service.Handle(Post("gemini-embedding-001:embedContent", kBody)).status >= 400);
    CHECK(service.texts_billed() == 0);
  }
  Options options;
  options.quotas.requests_per_minute = 1;
  Service service(options, FixedTime);
  CHECK(service.Handle(Post("gemini-embedding-001:embedContent", kBody)).status == 200);
  CHECK(service.Handle(Post("gemini-embedding-001:embedContent", kBody)).status == 429);
  CHECK(service.texts_billed() == 1);
}

TEST_CASE("simulator: over-long texts are cut, or refused on request") {
  const std::string long_text(2048 * 4, 'a');
  const auto body = [](const std::string& text) {
    return R"({"content":{"parts":[{"text":")" + text + R"("}]},"outputDimensionality":3})";
  };
  Service cutting({}, FixedTime);
  const auto embed = [&](const std::string& text) {
    return cutting.Handle(Post("gemini-embedding-001:embedContent", body(text))).body;
  };
  CHECK(embed(long_text) == embed(long_text + "tail"));
  CHECK(embed(long_text) != embed(long_text.substr(4)));

  Options options;
  options.overlong = Overlong::kReject;
  Service rejecting(options, FixedTime);
  CHECK(rejecting.Handle(Post("gemini-embedding-001:embedContent", body(long_text))).status == 200);
  CHECK(rejecting.Handle(Post("gemini-embedding-001:embedContent", body(long_text + "b"))).status ==
        400);
}

TEST_CASE("simulator: faults shape the reply") {
  CHECK(Embed(WithFault("short-reply")).body == "{}\n");
  CHECK(Embed(WithFault("nan")).body.find("NaN") != std::string::npos);
  CHECK(Embed(WithFault("zero-vector")).body.find("      0,\n      0,\n      0\n") !=
        std::string::npos);
  CHECK(Embed(WithFault("empty-200")).body.empty());
  CHECK(Embed(WithFault("html-200")).body.starts_with("<!DOCTYPE html>"));
  CHECK(Embed(WithFault("error-200")).status == 200);
  CHECK(Embed(WithFault("array-error")).body.starts_with("[{"));
  CHECK(Embed(WithFault("array-error")).status == 500);
  CHECK(Embed(WithFault("redirect=http://127.0.0.1:1/")).status == 302);
  CHECK(Embed(WithFault("cut-body")).delivery == Delivery::kCutBody);
  CHECK(Embed(WithFault("slow=70")).delay == std::chrono::milliseconds(70));
  CHECK(Embed(WithFault("held=some/file")).held_by == "some/file");
  CHECK(Embed(WithFault("drip=2")).byte_interval == std::chrono::milliseconds(2));
  const std::string once = Embed({}).body;
  CHECK(Embed(WithFault("duplicate-json")).body == once + once);
  CHECK(Embed(WithFault("wrong-dims")).body.size() < once.size());
}

TEST_CASE("simulator: replies are packed only when the client asks") {
  HttpRequest request = Post("gemini-embedding-001:embedContent", kBody);
  CHECK(Service({}, FixedTime).Handle(request).body.starts_with('{'));
  request.headers["accept-encoding"] = "deflate, gzip";
  CHECK(Service({}, FixedTime).Handle(request).body.starts_with("\x1f\x8b"));
}

TEST_CASE("simulator: request heads are read and malformed ones refused") {
  const auto request = ParseHead(
      "POST /v1beta/models/m%3AembedContent?key=a HTTP/1.1\r\nX-Goog-Api-Key:  k \r\nHost: h");
  REQUIRE(request);
  CHECK(request->path == "/v1beta/models/m:embedContent");
  CHECK(request->query == "key=a");
  CHECK(request->Header("x-goog-api-key") == "k");
  CHECK(request->keep_alive);
  CHECK_FALSE(ParseHead("GET /\r\n"));
  CHECK_FALSE(ParseHead("GET / HTTP/2\r\n"));
  CHECK_FALSE(ParseHead("GET / HTTP/1.1\r\nnocolon"));
  CHECK_FALSE(ParseHead(""));
}

TEST_CASE("simulator: chunks carry their size in hex") {
  CHECK(FormatChunks("0123456789abcdefg") == "11\r\n0123456789abcdefg\r\n");
  CHECK(FormatChunks("").empty());
}
