// SPDX-License-Identifier: Apache-2.0
// One HTTP request and its answer. The real transport runs on libcurl; tests bring their own.
#pragma once

#include <chrono>
#include <cstdint>
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
  std::string method = "POST";  ///< "POST" or "GET".
  std::string url;              ///< https, or http to a loopback host.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string secret_header;       ///< Name of the header that carries `secret`; empty: none.
  const Secret* secret = nullptr;  ///< Borrowed until Send returns.
  std::string_view body;           ///< Borrowed until Send returns. GET has none.
  std::uint64_t max_response_bytes = 1 << 20;  ///< Of the decoded body.
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds total_timeout{120'000};
};

struct HttpResponse {
  int status = 0;  ///< 200..999.
  std::string content_type;
  std::string location;
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
  /// kUnavailable: no connection, or no whole answer; the message says whether the server may have
  /// done the work. kInvalidArgument: the request may not be sent (URL, header, certificate not
  /// trusted). kInvalidReply: the answer is no HTTP/1 answer or is larger than allowed.
  /// kCancelled: the transport is being destroyed.
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
