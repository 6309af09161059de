// SPDX-License-Identifier: Apache-2.0
#include "engine/http/settings.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/seeded_bug.h"
#include "engine/http/curl.h"
#include "engine/http/url.h"

namespace embstore {
namespace {

static_assert(sizeof(curl_off_t) == sizeof(long), "settings hold both kinds of number in a long");

// After so long libcurl does not reuse an idle connection: servers close them about then, and a
// request on a connection that just closed is a request in doubt.
constexpr long kMaxIdleSeconds = 30;
constexpr long kReceiveBufferBytes = 128 * 1024;

bool IsHeaderName(std::string_view name) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kSigns.find(c) != std::string_view::npos;
  });
}

bool IsHeaderValue(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

Status CheckRequest(const HttpRequest& request) {
  const auto refuse = [](std::string message) {
    return Status(Code::kInvalidArgument, std::move(message));
  };
  if (request.method != "POST" && request.method != "GET" && request.method != "DELETE") {
    return refuse("neither POST nor GET nor DELETE");
  }
  if (request.method == "POST" && request.body.empty()) return refuse("a POST without a body");
  if (request.method != "POST" && !request.body.empty()) {
    return refuse("a " + request.method + " with a body");
  }
  for (const auto& [name, value] : request.headers) {
    if (!IsHeaderName(name)) return refuse("a header name that is not allowed");
    if (!IsHeaderValue(value)) {
      return refuse("header " + name + ": empty, or a line break or another control character");
    }
  }
  if (request.secret_header.empty()) return Status();
  if (!IsHeaderName(request.secret_header)) return refuse("a header name that is not allowed");
  if (request.secret == nullptr || !IsHeaderValue(request.secret->Reveal())) {
    return refuse("header " + request.secret_header +
                  ": the key is empty, or has a line break or another control character in it");
  }
  return Status();
}

using SettingList = std::vector<EasySetting>;

#define EMBSTORE_SET(name, ...) \
  list->push_back({#name, static_cast<int>(CURLOPT_##name), __VA_ARGS__})

void AddRoute(const CheckedUrl& url, const CurlOptions& options, SettingList* list) {
  EMBSTORE_SET(URL, url.text);
  EMBSTORE_SET(PROTOCOLS_STR, std::string(url.plain_http ? "http" : "https"));
  const bool follows = EMBSTORE_SEEDED_BUG("redirects-followed");
  EMBSTORE_SET(REDIR_PROTOCOLS_STR, std::string(follows ? "http" : "https"));
  EMBSTORE_SET(FOLLOWLOCATION, follows ? 1L : 0L);  // The key header would go to the new host.
  EMBSTORE_SET(MAXREDIRS, follows ? 5L : 0L);
  EMBSTORE_SET(PROXY, url.plain_http ? std::string() : options.proxy);
  EMBSTORE_SET(NOPROXY, std::string());
  EMBSTORE_SET(HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  EMBSTORE_SET(SUPPRESS_CONNECT_HEADERS, 1L);
}

void AddTrust(const CurlOptions& options, SettingList* list) {
  EMBSTORE_SET(SSL_VERIFYPEER, EMBSTORE_SEEDED_BUG("certificate-unchecked") ? 0L : 1L);
  EMBSTORE_SET(SSL_VERIFYHOST, 2L);
  EMBSTORE_SET(SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    EMBSTORE_SET(CAINFO, options.ca_file);
    EMBSTORE_SET(CAPATH, nullptr);
  }
  EMBSTORE_SET(NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  EMBSTORE_SET(HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
  EMBSTORE_SET(UNRESTRICTED_AUTH, 0L);
  EMBSTORE_SET(HSTS_CTRL, 0L);
  EMBSTORE_SET(VERBOSE, 0L);
}

// A read function without a seek function keeps libcurl from sending a body a second time; the
// prereq function stops it from sending even the headers again.
void AddExchange(const HttpRequest& request, SettingList* list) {
  EMBSTORE_SET(HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  EMBSTORE_SET(HTTP09_ALLOWED, 0L);
  EMBSTORE_SET(HTTP_TRANSFER_DECODING, 1L);
  EMBSTORE_SET(HTTP_CONTENT_DECODING, 0L);  // reply.cc does it.
  EMBSTORE_SET(HTTPHEADER, EasyHook::kHeaderList);
  if (request.method == "POST") {
    EMBSTORE_SET(POST, 1L);
    EMBSTORE_SET(POSTFIELDSIZE_LARGE, static_cast<long>(request.body.size()));
    EMBSTORE_SET(READFUNCTION, EasyHook::kReadFunction);
    EMBSTORE_SET(READDATA, EasyHook::kContext);
    if (EMBSTORE_SEEDED_BUG("postfields") || EMBSTORE_SEEDED_BUG("silent-resend"))
      EMBSTORE_SET(POSTFIELDS, std::string(request.body));
  } else {
    EMBSTORE_SET(HTTPGET, 1L);
  }
  if (request.method == "DELETE") EMBSTORE_SET(CUSTOMREQUEST, request.method);
  EMBSTORE_SET(PREREQFUNCTION, EasyHook::kPrereqFunction);
  EMBSTORE_SET(PREREQDATA, EasyHook::kContext);
  EMBSTORE_SET(HEADERFUNCTION, EasyHook::kHeaderFunction);
  EMBSTORE_SET(HEADERDATA, EasyHook::kContext);
  EMBSTORE_SET(WRITEFUNCTION, EasyHook::kWriteFunction);
  EMBSTORE_SET(WRITEDATA, EasyHook::kContext);
  EMBSTORE_SET(ERRORBUFFER, EasyHook::kErrorBuffer);
  EMBSTORE_SET(BUFFERSIZE, kReceiveBufferBytes);
}

void AddTimes(const HttpRequest& request, SettingList* list) {
  EMBSTORE_SET(NOSIGNAL, 1L);
  EMBSTORE_SET(CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  EMBSTORE_SET(TIMEOUT_MS, static_cast<long>(request.total_timeout.count()));
  EMBSTORE_SET(LOW_SPEED_LIMIT, 1L);
  // A model may think for as long as a request may take; less would pay for it again.
  const auto idle = request.idle_timeout.count() > 0 ? request.idle_timeout : request.total_timeout;
  EMBSTORE_SET(LOW_SPEED_TIME, static_cast<long>(idle.count() / 1000 + 1));
  EMBSTORE_SET(MAXAGE_CONN, kMaxIdleSeconds);
  EMBSTORE_SET(TCP_KEEPALIVE, 1L);
}

#undef EMBSTORE_SET

}  // namespace

Result<std::vector<EasySetting>> BuildSettings(const HttpRequest& request,
                                               const CurlOptions& options) {
  if (Status status = CheckRequest(request); !status.ok()) return status;
  const Result<CheckedUrl> url = CheckRequestUrl(request.url, request.allow_plain_http);
  if (!url.ok()) return url.status();
  SettingList list;
  AddRoute(*url, options, &list);
  AddTrust(options, &list);
  AddExchange(request, &list);
  AddTimes(request, &list);
  return list;
}

std::vector<std::string> BuildHeaderLines(const HttpRequest& request) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : request.headers) lines.push_back(name + ": " + value);
  // A quarter of the bytes. Plain HTTP goes no further than this machine or its network, where
  // unpacking costs more time than it saves.
  if (!request.url.starts_with("http:")) lines.emplace_back("Accept-Encoding: gzip");
  lines.emplace_back("Expect:");  // A body over 1 MB would wait a second for "100 Continue".
  return lines;
}

Status ApplySettings(const std::vector<EasySetting>& settings, const EasyHooks& hooks, void* easy) {
  const auto apply_hook = [&](CURLoption option, EasyHook hook) {
    switch (hook) {
      case EasyHook::kReadFunction:
        return Curl().easy_setopt(easy, option, hooks.read);
      case EasyHook::kWriteFunction:
        return Curl().easy_setopt(easy, option, hooks.write);
      case EasyHook::kHeaderFunction:
        return Curl().easy_setopt(easy, option, hooks.header);
      case EasyHook::kPrereqFunction:
        return Curl().easy_setopt(easy, option, hooks.prereq);
      case EasyHook::kContext:
        return Curl().easy_setopt(easy, option, hooks.context);
      case EasyHook::kErrorBuffer:
        return Curl().easy_setopt(easy, option, hooks.error_buffer);
      case EasyHook::kHeaderList:
        return Curl().easy_setopt(easy, option, hooks.headers);
    }
    return CURLE_UNKNOWN_OPTION;
  };
  for (const EasySetting& setting : settings) {
    const auto option = static_cast<CURLoption>(setting.option);
    CURLcode code = CURLE_UNKNOWN_OPTION;
    if (const auto* number = std::get_if<long>(&setting.value)) {
      code = Curl().easy_setopt(easy, option, *number);
    } else if (const auto* text = std::get_if<std::string>(&setting.value)) {
      code = Curl().easy_setopt(easy, option, text->c_str());
    } else if (const auto* hook = std::get_if<EasyHook>(&setting.value)) {
      code = apply_hook(option, *hook);
    } else {
      code = Curl().easy_setopt(easy, option, static_cast<char*>(nullptr));
    }
    if (code != CURLE_OK) {
      return Status(Code::kInvalidArgument, "libcurl refuses the setting " +
                                                std::string(setting.name) + ": " +
                                                Curl().easy_strerror(code));
    }
  }
  return Status();
}

}  // namespace embstore
