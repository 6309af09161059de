// SPDX-License-Identifier: Apache-2.0
#include "engine/http/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/base/text.h"
#include "engine/http/curl.h"

namespace embstore {
namespace {

enum class HostKind { kOther, kLoopback, kForbidden };

struct UrlCloser {
  void operator()(CURLU* url) const { Curl().url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlCloser>;

std::string Part(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  std::string out;
  if (Curl().url_get(url.get(), part, &text, flags) == CURLUE_OK && text != nullptr) out = text;
  Curl().free(text);
  return out;
}

HostKind ClassifyIpv4(std::span<const std::uint8_t> ip) {
  constexpr std::array<std::array<std::uint8_t, 4>, 2> kMetadata = {
      {{100, 100, 100, 200}, {168, 63, 129, 16}}};
  if (ip[0] == 127) return HostKind::kLoopback;
  if (ip[0] == 0 || (ip[0] == 169 && ip[1] == 254)) return HostKind::kForbidden;
  for (const auto& metadata : kMetadata) {
    if (std::equal(ip.begin(), ip.end(), metadata.begin())) return HostKind::kForbidden;
  }
  return HostKind::kOther;
}

HostKind ClassifyIpv6(std::span<const std::uint8_t> ip) {
  constexpr std::array<std::uint8_t, 16> kAwsMetadata = {0xFD, 0, 0x0E, 0xC2, 0, 0, 0,    0,
                                                         0,    0, 0,    0,    0, 0, 0x02, 0x54};
  const bool zeros = std::all_of(ip.begin(), ip.begin() + 10, [](auto b) { return b == 0; });
  if (zeros && ip[10] == 0xFF && ip[11] == 0xFF) {
    const HostKind mapped = ClassifyIpv4(ip.subspan(12));
    return mapped == HostKind::kForbidden ? mapped : HostKind::kOther;
  }
  if (zeros && std::all_of(ip.begin() + 10, ip.begin() + 15, [](auto b) { return b == 0; })) {
    if (ip[15] == 1) return HostKind::kLoopback;
    if (ip[15] == 0) return HostKind::kForbidden;
  }
  if (ip[0] == 0xFE && (ip[1] & 0xC0) == 0x80) return HostKind::kForbidden;
  if (std::equal(ip.begin(), ip.end(), kAwsMetadata.begin())) return HostKind::kForbidden;
  return HostKind::kOther;
}

HostKind ClassifyHost(std::string host) {
  std::array<std::uint8_t, 16> ip{};
  if (!host.empty() && host.front() == '[') {
    const std::string inner = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, inner.c_str(), ip.data()) != 1) return HostKind::kForbidden;
    return ClassifyIpv6(ip);
  }
  if (inet_pton(AF_INET, host.c_str(), ip.data()) == 1) {
    return ClassifyIpv4(std::span(ip).first(4));
  }
  if (host == "localhost") return HostKind::kLoopback;
  if (host.ends_with('.')) host.pop_back();
  constexpr std::array<std::string_view, 5> kMetadata = {"metadata", "metadata.google.internal",
                                                         "metadata.goog", "instance-data",
                                                         "instance-data.ec2.internal"};
  const bool forbidden = std::find(kMetadata.begin(), kMetadata.end(), host) != kMetadata.end();
  return forbidden ? HostKind::kForbidden : HostKind::kOther;
}

Status Refuse(std::string_view text, std::string_view reason) {
  // What follows '@' or '?' may hold a password or a key.
  const bool shown = text.find_first_of("@?") == std::string_view::npos;
  std::string message = shown ? "\"" + Printable(text, 120) + "\": " : std::string();
  message += reason;
  message +=
      "; allowed are https://HOST[:PORT][/PATH], and http:// for 127.0.0.1, [::1] and localhost";
  return Status(Code::kInvalidArgument, std::move(message));
}

bool IsGraphic(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

void LowerAscii(std::string* text) {
  for (char& c : *text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
}

}  // namespace

Result<CheckedUrl> CheckUrl(std::string_view text, bool allow_plain_http) {
  if (!IsGraphic(text)) return Refuse(text, "a URL has no spaces, control or non-ASCII characters");
  const UrlHandle url(Curl().url());
  if (!url) return Status(Code::kInternal, "no memory for a URL");
  const CURLUcode error = Curl().url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (error != CURLUE_OK) return Refuse(text, Curl().url_strerror(error));

  const std::string scheme = Part(url, CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return Refuse(text, "not https");
  if (text.find('@') != std::string_view::npos) return Refuse(text, "a user name or '@'");
  if (text.find_first_of("?#") != std::string_view::npos)
    return Refuse(text, "a query or fragment");
  std::string host = Part(url, CURLUPART_HOST);
  LowerAscii(&host);
  const HostKind kind = ClassifyHost(host);
  if (kind == HostKind::kForbidden || !Part(url, CURLUPART_ZONEID).empty()) {
    return Refuse(text, "a link-local, unspecified or metadata address");
  }
  if (scheme == "http" && kind != HostKind::kLoopback && !allow_plain_http) {
    return Refuse(text, "not https");
  }

  CheckedUrl checked;
  checked.plain_http = scheme == "http";
  if (Curl().url_set(url.get(), CURLUPART_HOST, host.c_str(), 0) != CURLUE_OK) {
    return Refuse(text, "a host name that is none");
  }
  checked.text = Part(url, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
  while (checked.text.ends_with('/')) checked.text.pop_back();
  checked.host = std::move(host);
  return checked;
}

Result<CheckedUrl> CheckRequestUrl(std::string_view text, bool allow_plain_http) {
  const std::size_t mark = text.find('?');
  Result<CheckedUrl> checked = CheckUrl(text.substr(0, mark), allow_plain_http);
  if (!checked.ok() || mark == std::string_view::npos) return checked;
  const std::string_view query = text.substr(mark);
  if (!IsGraphic(query) || query.find('#') != std::string_view::npos) {
    return Status(Code::kInvalidArgument,
                  "a URL whose query has a fragment, spaces, control or non-ASCII characters");
  }
  checked->text += query;
  return checked;
}

std::string UrlEncode(std::string_view text) {
  if (text.empty()) return "";  // libcurl would take it for "up to the first NUL".
  char* encoded = Curl().easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  std::string out = encoded == nullptr ? "" : encoded;
  Curl().free(encoded);
  return out;
}

Status CheckProxy(std::string_view text) {
  if (text.empty()) return Status();
  const UrlHandle url(Curl().url());
  const bool parsed = IsGraphic(text) && url &&
                      Curl().url_set(url.get(), CURLUPART_URL, std::string(text).c_str(),
                                     CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  const std::string scheme = parsed ? Part(url, CURLUPART_SCHEME) : "";
  for (const std::string_view allowed : {"http", "https", "socks5", "socks5h"}) {
    if (scheme == allowed) return Status();
  }
  return Status(Code::kInvalidArgument,
                "proxy: not an address like http://HOST:PORT; https, socks5 and socks5h are the "
                "other schemes");
}

std::string UrlHost(std::string_view text) {
  const UrlHandle url(Curl().url());
  if (!url || Curl().url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) {
    return "";
  }
  return Part(url, CURLUPART_HOST);
}

}  // namespace embstore
