// SPDX-License-Identifier: Apache-2.0
#include "engine/http/reply.h"

#include <doctest/doctest.h>

#include <initializer_list>

#include "tests/unit/http/scripted_server.h"

namespace embstore {
namespace {

using std::chrono::milliseconds;

ReplyWants Capped(std::uint64_t max_body_bytes) {
  ReplyWants wants;
  wants.max_body_bytes = max_body_bytes;
  return wants;
}

bool AddHeaders(ReplyCollector* reply, std::initializer_list<const char*> lines) {
  for (const char* line : lines) {
    if (!reply->AddHeaderLine(std::string(line) + "\r\n")) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("http: status, headers and body of an answer are collected") {
  ReplyCollector reply(Capped(100));
  REQUIRE(AddHeaders(&reply, {"HTTP/1.1 100 Continue", "", "HTTP/1.1 429 Too Many",
                              "CONTENT-TYPE:  text/html ", "Retry-After: 7", "Location: /x", ""}));
  REQUIRE(reply.AddBody("ab"));
  REQUIRE(reply.AddBody("c"));
  REQUIRE(AddHeaders(&reply, {"HTTP/1.1 200 trailer", "Content-Type: trailer"}));
  REQUIRE(reply.Finish());
  const HttpResponse response = reply.Take();
  CHECK(response.status == 429);
  CHECK(response.content_type == "text/html");
  CHECK(response.location == "/x");
  CHECK(response.retry_after == milliseconds(7000));
  CHECK(response.body == "abc");
}

TEST_CASE("http: a body of exactly the cap passes and one byte more does not") {
  ReplyCollector reply(Capped(3));
  REQUIRE(AddHeaders(&reply, {"HTTP/1.1 200 OK", ""}));
  CHECK(reply.AddBody("abc"));
  CHECK_FALSE(reply.AddBody("d"));
  CHECK(reply.fault() == ReplyFault::kBodyTooLarge);
  CHECK_FALSE(reply.Finish());
}

TEST_CASE("http: gzip is decoded byte by byte and must end where the body ends") {
  const std::string text(5000, 'x');
  const std::string packed = Gzip(text);
  for (std::size_t cut = 1; cut <= packed.size(); ++cut) {
    ReplyCollector reply(Capped(5000));
    REQUIRE(AddHeaders(&reply, {"HTTP/1.1 200 OK", "Content-Encoding: gzip", ""}));
    for (std::size_t at = 0; at < cut; ++at) REQUIRE(reply.AddBody(packed.substr(at, 1)));
    CHECK(reply.Finish() == (cut == packed.size()));
    if (cut == packed.size()) {
      CHECK(reply.Take().body == text);
    } else {
      CHECK(reply.fault() == ReplyFault::kIncomplete);
    }
  }
}

TEST_CASE("http: wrong gzip, bytes behind it and unknown encodings are refused") {
  for (const std::string& body :
       {std::string("no gzip"), Gzip("abc") + "x", Gzip("a") + Gzip("b")}) {
    ReplyCollector reply(Capped(100));
    REQUIRE(AddHeaders(&reply, {"HTTP/1.1 200 OK", "Content-Encoding: gzip", ""}));
    CHECK_FALSE(reply.AddBody(body));
    CHECK(reply.fault() == ReplyFault::kBadGzip);
  }
  std::string flipped = Gzip("abcdefgh");
  flipped[flipped.size() - 6] ^= 1;  // In the checksum.
  ReplyCollector damaged(Capped(100));
  REQUIRE(AddHeaders(&damaged, {"HTTP/1.1 200 OK", "Content-Encoding: gzip", ""}));
  CHECK_FALSE(damaged.AddBody(flipped));
  ReplyCollector brotli(Capped(100));
  CHECK_FALSE(AddHeaders(&brotli, {"HTTP/1.1 200 OK", "Content-Encoding: br", ""}));
  CHECK(brotli.fault() == ReplyFault::kBadEncoding);
}

TEST_CASE("http: endless headers and contradicting lengths are refused") {
  ReplyCollector flood(Capped(100));
  REQUIRE(AddHeaders(&flood, {"HTTP/1.1 200 OK"}));
  int lines = 0;
  while (AddHeaders(&flood, {"X: 0123456789"})) ++lines;
  CHECK(flood.fault() == ReplyFault::kHeadersTooLarge);
  CHECK(lines < 64 * 1024 / 10);
  ReplyCollector interim(Capped(100));
  while (AddHeaders(&interim, {"HTTP/1.1 100 Continue", ""})) {
  }
  CHECK(interim.fault() == ReplyFault::kHeadersTooLarge);
  ReplyCollector twice(Capped(100));
  CHECK_FALSE(AddHeaders(&twice, {"HTTP/1.1 200 OK", "Content-Length: 3", "content-length: 4"}));
  CHECK(twice.fault() == ReplyFault::kContradiction);
}

TEST_CASE("http: an answer without its empty line or without a final status is not whole") {
  ReplyCollector nothing(Capped(100));
  CHECK_FALSE(nothing.Finish());
  ReplyCollector cut(Capped(100));
  REQUIRE(AddHeaders(&cut, {"HTTP/1.1 200 OK", "Content-Length: 0"}));
  CHECK_FALSE(cut.Finish());
  CHECK(cut.fault() == ReplyFault::kIncomplete);
  ReplyCollector interim(Capped(100));
  REQUIRE(AddHeaders(&interim, {"HTTP/1.1 103 Early Hints", ""}));
  CHECK_FALSE(interim.Finish());
}

TEST_CASE("http: Retry-After is read as seconds or as a date against the answer's own date") {
  const std::string now = "Mon, 23 Nov 2026 02:00:00 GMT";
  CHECK(ParseRetryAfter("", now) == std::nullopt);
  CHECK(ParseRetryAfter("0", now) == milliseconds(0));
  CHECK(ParseRetryAfter("30", "") == milliseconds(30'000));
  CHECK(ParseRetryAfter("1.5", "") == milliseconds(1500));
  CHECK(ParseRetryAfter("-5", "") == milliseconds(0));
  CHECK(ParseRetryAfter("99999999999999999999999", "") == milliseconds(86'400'000));
  CHECK(ParseRetryAfter("Mon, 23 Nov 2026 02:00:42 GMT", now) == milliseconds(42'000));
  CHECK(ParseRetryAfter("Mon, 23 Nov 2026 01:00:00 GMT", now) == milliseconds(0));
  CHECK(ParseRetryAfter("Mon, 23 Nov 2026 02:00:42 GMT", "") == std::nullopt);
  CHECK(ParseRetryAfter("soon", now) == std::nullopt);
  CHECK(ParseRetryAfter("nan", now) == std::nullopt);
}

}  // namespace embstore
