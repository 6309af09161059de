// SPDX-License-Identifier: Apache-2.0
#include "engine/http/settings.h"

#include <curl/curl.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

namespace embstore {
namespace {

std::string Show(const std::vector<EasySetting>& settings) {
  const char* const hooks[] = {"<read>",    "<write>", "<header>",     "<prereq>",
                               "<context>", "<error>", "<header list>"};
  std::ostringstream out;
  for (const EasySetting& setting : settings) {
    out << setting.name << " = ";
    if (const auto* number = std::get_if<long>(&setting.value)) {
      out << *number;
    } else if (const auto* text = std::get_if<std::string>(&setting.value)) {
      out << '"' << *text << '"';
    } else if (const auto* hook = std::get_if<EasyHook>(&setting.value)) {
      out << hooks[static_cast<int>(*hook)];
    } else {
      out << "null";
    }
    out << '\n';
  }
  return out.str();
}

HttpRequest Post(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.body = "12345";
  return request;
}

constexpr const char* kHttps = R"(URL = "https://example.com/v1"
PROTOCOLS_STR = "https"
REDIR_PROTOCOLS_STR = "https"
FOLLOWLOCATION = 0
MAXREDIRS = 0
PROXY = ""
NOPROXY = ""
HEADEROPT = 1
SUPPRESS_CONNECT_HEADERS = 1
SSL_VERIFYPEER = 1
SSL_VERIFYHOST = 2
SSLVERSION = 6
NETRC = 0
HTTPAUTH = 0
UNRESTRICTED_AUTH = 0
HSTS_CTRL = 0
VERBOSE = 0
HTTP_VERSION = 2
HTTP09_ALLOWED = 0
HTTP_TRANSFER_DECODING = 1
HTTP_CONTENT_DECODING = 0
HTTPHEADER = <header list>
POST = 1
POSTFIELDSIZE_LARGE = 5
READFUNCTION = <read>
READDATA = <context>
PREREQFUNCTION = <prereq>
PREREQDATA = <context>
HEADERFUNCTION = <header>
HEADERDATA = <context>
WRITEFUNCTION = <write>
WRITEDATA = <context>
ERRORBUFFER = <error>
BUFFERSIZE = 131072
NOSIGNAL = 1
CONNECTTIMEOUT_MS = 10000
TIMEOUT_MS = 120000
LOW_SPEED_LIMIT = 1
LOW_SPEED_TIME = 121
MAXAGE_CONN = 30
TCP_KEEPALIVE = 1
)";

std::string Find(const std::vector<EasySetting>& settings, std::string_view name) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const EasySetting& s) { return s.name == name; });
  return found == settings.end() ? "absent" : Show({*found});
}

}  // namespace

TEST_CASE("http: every libcurl setting of a POST is as decided") {
  const auto settings = BuildSettings(Post("https://example.com/v1"), CurlOptions());
  REQUIRE(settings.ok());
  CHECK(Show(*settings) == kHttps);
}

TEST_CASE("http: the names of settings are those of libcurl") {
  CurlOptions options;
  options.ca_file = "ca.pem";
  const auto settings = BuildSettings(Post("https://example.com/v1"), options);
  REQUIRE(settings.ok());
  for (const EasySetting& setting : *settings) {
    const curl_easyoption* known = curl_easy_option_by_id(static_cast<CURLoption>(setting.option));
    CAPTURE(setting.name);
    REQUIRE(known != nullptr);
    const bool same = setting.name == known->name ||
                      curl_easy_option_by_name(std::string(setting.name).c_str())->id == known->id;
    CHECK(same);
  }
}

TEST_CASE("http: settings are applied by libcurl without complaint") {
  CurlOptions options;
  options.ca_file = "ca.pem";
  options.proxy = "http://proxy.example:3128";
  const auto settings = BuildSettings(Post("https://example.com/v1"), options);
  REQUIRE(settings.ok());
  CURL* easy = curl_easy_init();
  CHECK(ApplySettings(*settings, EasyHooks(), easy).ok());
  CHECK(ApplySettings({{"NOSUCH", 1, 1L}}, EasyHooks(), easy).code() == Code::kInvalidArgument);
  curl_easy_cleanup(easy);
}

TEST_CASE("http: plain http goes to loopback only and never through a proxy") {
  CurlOptions options;
  options.proxy = "http://proxy.example:3128";
  const auto plain = BuildSettings(Post("http://127.0.0.1:8080/v1"), options);
  REQUIRE(plain.ok());
  CHECK(Find(*plain, "PROTOCOLS_STR") == "PROTOCOLS_STR = \"http\"\n");
  CHECK(Find(*plain, "PROXY") == "PROXY = \"\"\n");
  const auto https = BuildSettings(Post("https://example.com"), options);
  REQUIRE(https.ok());
  CHECK(Find(*https, "PROXY") == "PROXY = \"http://proxy.example:3128\"\n");
  CHECK(BuildSettings(Post("http://example.com"), options).code() == Code::kInvalidArgument);
}

TEST_CASE("http: every kind of request is protected in the same way") {
  const char* const kept[] = {"FOLLOWLOCATION = 0\n",
                              "MAXREDIRS = 0\n",
                              "PROXY = \"\"\n",
                              "NOPROXY = \"\"\n",
                              "HEADEROPT = 1\n",
                              "SSL_VERIFYPEER = 1\n",
                              "SSL_VERIFYHOST = 2\n",
                              "SSLVERSION = 6\n",
                              "NETRC = 0\n",
                              "HTTPAUTH = 0\n",
                              "HSTS_CTRL = 0\n",
                              "UNRESTRICTED_AUTH = 0\n",
                              "VERBOSE = 0\n",
                              "HTTP_VERSION = 2\n",
                              "HTTP09_ALLOWED = 0\n",
                              "HTTP_CONTENT_DECODING = 0\n",
                              "NOSIGNAL = 1\n",
                              "MAXAGE_CONN = 30\n",
                              "PREREQFUNCTION = <prereq>\n"};
  for (const char* method : {"POST", "GET", "DELETE"}) {
    for (const char* url : {"https://example.com/v1", "http://127.0.0.1:1/v1"}) {
      HttpRequest request;
      request.method = method;
      request.url = url;
      if (request.method == "POST") request.body = "x";
      const auto settings = BuildSettings(request, CurlOptions());
      REQUIRE(settings.ok());
      const std::string shown = "\n" + Show(*settings);
      for (const char* line : kept) {
        CAPTURE(line);
        CHECK(shown.find(std::string("\n") + line) != std::string::npos);
      }
      const std::string only = url[4] == 's' ? "\"https\"" : "\"http\"";
      CHECK(Find(*settings, "PROTOCOLS_STR") == "PROTOCOLS_STR = " + only + "\n");
    }
  }
}

TEST_CASE("http: a CA file of one's own replaces the system's certificates") {
  CurlOptions options;
  CHECK(Find(*BuildSettings(Post("https://example.com"), options), "CAINFO") == "absent");
  options.ca_file = "/x/ca.pem";
  const auto settings = BuildSettings(Post("https://example.com"), options);
  REQUIRE(settings.ok());
  CHECK(Find(*settings, "CAINFO") == "CAINFO = \"/x/ca.pem\"\n");
  CHECK(Find(*settings, "CAPATH") == "CAPATH = null\n");
}

TEST_CASE("http: nothing that would let libcurl resend, keep cookies or store HSTS is set") {
  const auto settings = BuildSettings(Post("https://example.com"), CurlOptions());
  REQUIRE(settings.ok());
  for (const char* name : {"SEEKFUNCTION",     "SEEKDATA",      "POSTFIELDS",
                           "COPYPOSTFIELDS",   "COOKIEFILE",    "COOKIEJAR",
                           "COOKIELIST",       "COOKIE",        "HSTS",
                           "ALTSVC",           "USERPWD",       "USERNAME",
                           "XOAUTH2_BEARER",   "NETRC_FILE",    "PROXYUSERPWD",
                           "PRE_PROXY",        "PROXYHEADER",   "PROXYAUTH",
                           "ACCEPT_ENCODING",  "DEBUGFUNCTION", "TRAILERFUNCTION",
                           "DOH_URL",          "RESOLVE",       "CONNECT_TO",
                           "UNIX_SOCKET_PATH", "AUTOREFERER",   "POSTREDIR",
                           "REFERER",          "FAILONERROR"}) {
    CHECK(Find(*settings, name) == "absent");
  }
}

TEST_CASE("http: header lines hold the caller's headers, gzip and no Expect") {
  HttpRequest request = Post("https://example.com");
  request.headers = {{"Content-Type", "application/json"}};
  const Secret secret("canary");
  request.secret = &secret;
  request.secret_header = "x-goog-api-key";
  CHECK(BuildHeaderLines(request) == std::vector<std::string>{"Content-Type: application/json",
                                                              "Accept-Encoding: gzip", "Expect:"});
  const auto settings = BuildSettings(request, CurlOptions());
  REQUIRE(settings.ok());
  CHECK(Show(*settings).find("canary") == std::string::npos);
}

TEST_CASE("http: what does not leave this machine is not asked for packed") {
  CHECK(BuildHeaderLines(Post("http://127.0.0.1:8080/")) == std::vector<std::string>{"Expect:"});
}

TEST_CASE("http: a key or header with a line break is refused and not repeated") {
  for (const char* value :
       {"canary\n", "can\rary", "canary\r\nX: y", "canary\x01", "canary\x7F", ""}) {
    const Secret secret{std::string(value)};
    HttpRequest request = Post("https://example.com");
    request.secret = &secret;
    request.secret_header = "x-goog-api-key";
    const auto by_secret = BuildSettings(request, CurlOptions());
    CHECK(by_secret.code() == Code::kInvalidArgument);
    CHECK(by_secret.status().message().find("can") == std::string::npos);
    HttpRequest plain = Post("https://example.com");
    plain.headers = {{"X-A", value}};
    CHECK(BuildSettings(plain, CurlOptions()).code() == Code::kInvalidArgument);
  }
  HttpRequest request = Post("https://example.com");
  request.headers = {{"X-A: b\r\nX-C", "d"}};
  CHECK(BuildSettings(request, CurlOptions()).code() == Code::kInvalidArgument);
}

TEST_CASE("http: a query goes along, and a refused URL's query is not repeated") {
  const auto settings = BuildSettings(Post("https://example.com/a?b=c%20d&e=f@g"), CurlOptions());
  REQUIRE(settings.ok());
  CHECK(Find(*settings, "URL") == "URL = \"https://example.com/a?b=c%20d&e=f@g\"\n");
  for (const char* url : {"https://example.com/a?canary c", "https://example.com/a?canary#x",
                          "http://example.com/a?canary", "https://u@example.com/a?canary"}) {
    const auto refused = BuildSettings(Post(url), CurlOptions());
    CHECK(refused.code() == Code::kInvalidArgument);
    CHECK(refused.status().message().find("canary") == std::string::npos);
  }
}

TEST_CASE("http: plain http beyond loopback needs the caller's word") {
  HttpRequest request = Post("http://example.com/v1");
  CHECK(BuildSettings(request, CurlOptions()).code() == Code::kInvalidArgument);
  request.allow_plain_http = true;
  const auto settings = BuildSettings(request, CurlOptions());
  REQUIRE(settings.ok());
  CHECK(Find(*settings, "PROTOCOLS_STR") == "PROTOCOLS_STR = \"http\"\n");
  request.url = "http://169.254.169.254/v1";
  CHECK(BuildSettings(request, CurlOptions()).code() == Code::kInvalidArgument);
}

TEST_CASE("http: a long transfer is bounded by its idle time apart from its total") {
  HttpRequest request = Post("https://example.com/v1");
  request.total_timeout = std::chrono::hours(6);
  request.idle_timeout = std::chrono::seconds(120);
  const auto settings = BuildSettings(request, CurlOptions());
  REQUIRE(settings.ok());
  CHECK(Find(*settings, "TIMEOUT_MS") == "TIMEOUT_MS = 21600000\n");
  CHECK(Find(*settings, "LOW_SPEED_TIME") == "LOW_SPEED_TIME = 121\n");
}

TEST_CASE("http: only POST with a body, and GET and DELETE without one, are sent") {
  HttpRequest request = Post("https://example.com");
  request.body = "";
  CHECK(BuildSettings(request, CurlOptions()).code() == Code::kInvalidArgument);
  request.method = "GET";
  const auto get = BuildSettings(request, CurlOptions());
  REQUIRE(get.ok());
  CHECK(Find(*get, "HTTPGET") == "HTTPGET = 1\n");
  CHECK(Find(*get, "READFUNCTION") == "absent");
  request.method = "DELETE";
  const auto del = BuildSettings(request, CurlOptions());
  REQUIRE(del.ok());
  CHECK(Find(*del, "CUSTOMREQUEST") == "CUSTOMREQUEST = \"DELETE\"\n");
  CHECK(Find(*get, "CUSTOMREQUEST") == "absent");
  CHECK(Find(*del, "READFUNCTION") == "absent");
  request.body = "x";
  CHECK(BuildSettings(request, CurlOptions()).code() == Code::kInvalidArgument);
  request.body = "";
  request.method = "PUT";
  CHECK(BuildSettings(request, CurlOptions()).code() == Code::kInvalidArgument);
}

}  // namespace embstore
