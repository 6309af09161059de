// SPDX-License-Identifier: Apache-2.0
// The simulated service: key check, routing and the headers common to all replies.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/options.h"

namespace embstore::simulator {

/// Safe for concurrent use.
class Service {
 public:
  /// Throws std::system_error when the billing log cannot be opened.
  Service(const Options& options, Clock clock);

  /// Throws std::system_error only, when the billing log cannot be written.
  HttpReply Handle(const HttpRequest& request);

  std::uint64_t calls() const { return calls_; }
  std::uint64_t texts_billed() const { return embed_.texts_billed(); }

 private:
  HttpReply Route(const HttpRequest& request);
  HttpReply RouteModelCall(const HttpRequest& request, std::string_view model_and_method);
  void CheckKey(const HttpRequest& request) const;

  const std::string key_;
  const std::chrono::milliseconds latency_;
  EmbedEndpoints embed_;
  std::atomic<std::uint64_t> calls_{0};
};

}  // namespace embstore::simulator
