// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/http_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

constexpr std::size_t kChunkBytes = 65536;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view TakeUntil(std::string_view separator, std::string_view* rest) {
  const std::size_t end = rest->find(separator);
  const std::string_view taken = rest->substr(0, end);
  *rest = end == std::string_view::npos ? std::string_view{} : rest->substr(end + separator.size());
  return taken;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view lower_name) const {
  const auto found = headers.find(lower_name);
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::string HttpRequest::QueryParameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    std::string_view value = TakeUntil("&", &rest);
    if (TakeUntil("=", &value) != name) continue;
    std::string text(value);
    std::replace(text.begin(), text.end(), '+', ' ');
    return PercentDecode(text);
  }
  return {};
}

std::optional<HttpRequest> ParseHead(std::string_view head) {
  std::string_view line = TakeUntil("\r\n", &head);
  HttpRequest request;
  request.method = TakeUntil(" ", &line);
  std::string_view target = TakeUntil(" ", &line);
  if (request.method.empty() || !target.starts_with('/')) return std::nullopt;
  if (line != "HTTP/1.1" && line != "HTTP/1.0") return std::nullopt;
  request.chunks_allowed = line == "HTTP/1.1";
  request.path = PercentDecode(TakeUntil("?", &target));
  request.query = target;
  while (!head.empty()) {
    std::string_view value = TakeUntil("\r\n", &head);
    if (value.find(':') == std::string_view::npos) return std::nullopt;
    const std::string_view name = TakeUntil(":", &value);
    request.headers[Lower(name)] = Trim(value);
  }
  const std::string connection = Lower(request.Header("connection"));
  request.keep_alive = request.chunks_allowed && connection != "close";
  return request;
}

std::string FormatHead(const HttpReply& reply, bool chunked, bool keep_alive) {
  std::string head =
      "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(ReasonPhrase(reply.status));
  head += "\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  if (reply.sized) head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  if (chunked) head += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

std::string FormatChunks(std::string_view bytes) {
  std::string framed;
  framed.reserve(bytes.size() + (bytes.size() / kChunkBytes + 1) * 16);
  while (!bytes.empty()) {
    const std::string_view chunk = bytes.substr(0, kChunkBytes);
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), chunk.size(), 16).ptr;
    framed.append(size.data(), end);
    framed.append("\r\n").append(chunk).append("\r\n");
    bytes.remove_prefix(chunk.size());
  }
  return framed;
}

std::string HttpDate(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), size};
}

}  // namespace embstore::simulator
