// SPDX-License-Identifier: Apache-2.0
// One HTTP request and its answer. The real transport runs on libcurl; tests bring their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/provider.h"
#include "embstore/status.h"

namespace embstore {

struct HttpRequest {
  std::string method = "POST";  ///< "POST", "GET" or "DELETE".
  std::string url;              ///< https, or http to a loopback host. May have a query.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string secret_header;       ///< Name of the header that carries `secret`; empty: none.
  const Secret* secret = nullptr;  ///< Borrowed until Send returns.
  std::string_view body;           ///< Borrowed until Send returns. Only POST has one.
  std::vector<std::string> wanted_headers;  ///< Lower-case names for HttpResponse::headers.
  /// Takes the decoded body of a 2xx answer piece by piece, from the transport's thread, instead of
  /// HttpResponse::body. An error ends the transfer and comes back from Send. May be empty.
  std::function<Status(std::string_view)> sink;
  bool allow_plain_http = false;  ///< Also to hosts that are not loopback.
  bool repeatable = false;        ///< Costs nothing and may be done twice: never kInDoubt.
  /// Of the decoded body. With a sink 0 is no bound on what the sink gets; other bodies are then
  /// bounded by 1 MiB.
  std::uint64_t max_response_bytes = 1 << 20;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds total_timeout{120'000};
  std::chrono::milliseconds idle_timeout{0};  ///< With no byte either way; 0: total_timeout.
};

struct HttpResponse {
  int status = 0;  ///< 200..999.
  std::string content_type;
  std::string location;
  /// Those of wanted_headers that came: lower-case name, value.
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::chrono::milliseconds> retry_after;  ///< At most one day.
  std::string body;                                      ///< Decoded.
};

/// Safe for concurrent use.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  /// One attempt: at most one request goes out, redirects are not followed. Blocks until the whole
  /// answer is there. Any complete answer is a success here, whatever its status. A body that only
  /// the closing of the connection ends counts as complete: check what it holds.
  ///
  /// kUnavailable: the request never went out, so the server cannot have done the work. kInDoubt:
  /// it went out, in part or whole, and no whole answer came back (kUnavailable for a repeatable
  /// request); a sink may have got a part of it. kInvalidArgument: the request may not be sent
  /// (URL, header, certificate not trusted). kInvalidReply: the answer is no HTTP/1 answer or is
  /// larger than allowed. kCancelled: the transport is being destroyed. Errors of a sink come back
  /// as they are.
  virtual Result<HttpResponse> Send(const HttpRequest& request) = 0;
};

struct CurlOptions {
  std::string ca_file;  ///< PEM file with the only certificates to trust; empty: the system's.
  std::string proxy;    ///< Empty: none. Never used for plain http. The environment is not asked.
  std::uint32_t max_connections = 4;  ///< At least 1; further Sends wait.
};

/// The transport on libcurl: one thread of its own, kept-alive HTTP/1.1 connections. Destroying it
/// ends waiting Sends with kCancelled. kInvalidArgument: the proxy. kInternal: libcurl or the
/// thread could not start.
Result<std::unique_ptr<HttpTransport>> MakeCurlTransport(const CurlOptions& options);

}  // namespace embstore
