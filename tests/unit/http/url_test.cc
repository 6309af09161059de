// SPDX-License-Identifier: Apache-2.0
#include "engine/http/url.h"

#include <doctest/doctest.h>

#include <utility>

namespace embstore {

TEST_CASE("http: a base URL comes out normalised") {
  const std::pair<const char*, const char*> cases[] = {
      {"https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com"},
      {"https://Example.COM/", "https://example.com"},
      {"HTTPS://example.com:443/a/b/", "https://example.com/a/b"},
      {"https://example.com:8443//", "https://example.com:8443"},
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
      {"http://127.9.8.7/x", "http://127.9.8.7/x"},
      {"http://[::1]:9/", "http://[::1]:9"},
      {"http://LocalHost:1", "http://localhost:1"},
      {"http://2130706433/", "http://127.0.0.1"},
      {"https://10.0.0.1", "https://10.0.0.1"},
      {"https://169.253.1.1", "https://169.253.1.1"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    const Result<CheckedUrl> url = CheckUrl(text);
    REQUIRE(url.ok());
    CHECK(url->text == expected);
  }
  CHECK(CheckUrl("https://Example.COM:8443/x")->host == "example.com");
  CHECK_FALSE(CheckUrl("https://localhost")->plain_http);
  CHECK(CheckUrl("http://localhost")->plain_http);
}

TEST_CASE("http: addresses that must never get a key are refused") {
  const char* cases[] = {
      "",
      "example.com",
      "https://",
      "ftp://example.com",
      "file:///etc/passwd",
      "http://example.com",
      "http://10.0.0.1",
      "http://0.0.0.0:80",
      "https://0.0.0.0",
      "http://localhost.example.com",
      "http://127.0.0.1.example.com",
      "http://[::ffff:127.0.0.1]",
      "https://user@example.com",
      "https://user:word@example.com",
      "https://127.0.0.1@example.com",
      "https://example.com?key=1",
      "https://example.com/?",
      "https://example.com/#x",
      "https://169.254.169.254",
      "http://169.254.169.254/latest",
      "https://0xa9fea9fe/",
      "https://2852039166/",
      "https://[fe80::1]",
      "https://[fe80::1%25eth0]",
      "https://[febf::1]",
      "https://[::]",
      "https://[::ffff:169.254.169.254]",
      "https://[fd00:ec2::254]",
      "https://100.100.100.200",
      "https://168.63.129.16",
      "https://metadata.google.internal",
      "https://METADATA.google.internal./",
      "https://exa mple.com",
      "https://example.com/\r\nHost: evil",
      "https://ex\xC3\xA4mple.com",
      "https://example.com:99999",
  };
  for (const char* text : cases) {
    CAPTURE(text);
    const Result<CheckedUrl> url = CheckUrl(text);
    REQUIRE_FALSE(url.ok());
    CHECK(url.code() == Code::kInvalidArgument);
    CHECK(url.status().message().find("allowed are https://") != std::string::npos);
  }
}

TEST_CASE("http: an error about a URL does not repeat its password or key") {
  for (const char* text : {"https://u:canary@example.com", "https://example.com/?key=canary"}) {
    CHECK(CheckUrl(text).status().message().find("canary") == std::string::npos);
  }
  CHECK(CheckUrl("http://example.com").status().message().find("\"http://example.com\"") == 0);
}

TEST_CASE("http: a proxy needs a known scheme, and its password is not repeated") {
  for (const char* text : {"", "http://proxy:3128", "https://user:word@proxy.example:1",
                           "socks5://127.0.0.1:9050", "socks5h://proxy"}) {
    CHECK(CheckProxy(text).ok());
  }
  for (const char* text : {"proxy:3128", "ftp://u:canary@x", "http://", "socks5://u:can ary@x",
                           "canary://x", "http://u:canary@x\r\nY: z"}) {
    CAPTURE(text);
    CHECK(CheckProxy(text).code() == Code::kInvalidArgument);
    CHECK(CheckProxy(text).message().find("can") == std::string::npos);
  }
}

TEST_CASE("http: the host of a redirect target is found") {
  CHECK(UrlHost("https://evil.example/path?key=x") == "evil.example");
  CHECK(UrlHost("/relative") == "");
}

TEST_CASE("http: what goes into a query is encoded") {
  CHECK(UrlEncode("") == "");
  CHECK(UrlEncode("aZ0-._~") == "aZ0-._~");
  CHECK(UrlEncode("a+b/c=d&e?f#g h\n\xC3\xA4") == "a%2Bb%2Fc%3Dd%26e%3Ff%23g%20h%0A%C3%A4");
  CHECK(UrlEncode(std::string_view("abc").substr(0, 1)) == "a");
}

}  // namespace embstore
