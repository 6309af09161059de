// SPDX-License-Identifier: Apache-2.0
// The simulated service: key check, routing and the headers common to all replies.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "tools/simulator/batch_endpoints.h"
#include "tools/simulator/core.h"
#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/file_endpoints.h"
#include "tools/simulator/file_store.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/openai_endpoints.h"
#include "tools/simulator/options.h"

namespace embstore::simulator {

/// Safe for concurrent use.
class Service {
 public:
  /// Throws std::system_error when the billing log cannot be opened.
  Service(const Options& options, Clock clock);

  /// Throws std::system_error only, when the billing log cannot be written.
  HttpReply Handle(const HttpRequest& request);

  /// Brings batch jobs to the present, so that the books are right without a call. Throws
  /// std::system_error.
  void Advance() { batch_.Advance(); }

  std::uint64_t calls() const { return calls_; }
  std::uint64_t texts_billed() const { return core_.texts_billed(); }

 private:
  HttpReply Route(const HttpRequest& request);

  // `rest` is the path behind the part that names the area.
  HttpReply RouteModels(const HttpRequest& request, std::string_view rest);
  HttpReply RouteBatches(const HttpRequest& request, std::string_view rest);
  HttpReply RouteFiles(const HttpRequest& request, std::string_view rest);
  HttpReply RouteUpload(const HttpRequest& request, std::string_view rest);
  HttpReply RouteOpenAi(const HttpRequest& request, std::string_view rest);
  HttpReply RouteGeminiOpenAi(const HttpRequest& request, std::string_view rest);

  void CheckKey(const HttpRequest& request) const;

  Core core_;
  FileStore files_;
  EmbedEndpoints embed_;
  FileEndpoints file_;
  BatchEndpoints batch_;
  OpenAiEndpoints openai_;
  std::atomic<std::uint64_t> calls_{0};
};

}  // namespace embstore::simulator
