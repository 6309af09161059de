// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 requests and replies as plain data, and their wire form.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/simulator/spool_file.h"

namespace embstore::simulator {

struct HttpRequest {
  std::string method;
  std::string path;                                         ///< percent-decoded, without the query
  std::string query;                                        ///< as sent, without '?'
  std::map<std::string, std::string, std::less<>> headers;  ///< names in lower case
  bool keep_alive = true;
  bool chunks_allowed = true;  ///< false for HTTP/1.0
  std::string body;
  std::shared_ptr<SpoolFile> spooled_body;  ///< the body of a large upload; then `body` is empty

  /// The header's value, or "". `lower_name` is in lower case.
  std::string_view Header(std::string_view lower_name) const;

  /// The query parameter's decoded value, or "".
  std::string QueryParameter(std::string_view name) const;
};

/// How a reply leaves the server.
enum class Delivery {
  kComplete,
  kReset,    ///< TCP reset without a byte
  kClose,    ///< orderly close without a byte
  kCutBody,  ///< orderly close after half of the body
};

/// Hands out a body piece by piece: replaces the piece, or answers false at the end.
using BodySource = std::function<bool(std::string*)>;

struct HttpReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  BodySource source;   ///< the body when it is too large for memory; then `body` is empty
  bool sized = false;  ///< Content-Length instead of chunks; not for a body from `source`
  Delivery delivery = Delivery::kComplete;
  std::chrono::milliseconds delay{0};  ///< before the first byte
  std::string held_by;  ///< no byte leaves while there is a file of this name; "": none
  std::chrono::milliseconds byte_interval{0};  ///< between bytes of the body; 0 means none
};

/// Reads request line and headers, `head` ending before the blank line. Nothing when malformed.
std::optional<HttpRequest> ParseHead(std::string_view head);

/// Status line and headers with the framing headers of a chunked body, of one that ends with the
/// connection, or of one with a given size.
std::string FormatHead(const HttpReply& reply, bool chunked, bool keep_alive);

/// `bytes` as chunks; the empty last chunk is not included.
std::string FormatChunks(std::string_view bytes);

inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// "Tue, 15 Nov 1994 08:12:31 GMT".
std::string HttpDate(std::chrono::system_clock::time_point time);

}  // namespace embstore::simulator
