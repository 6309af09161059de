// SPDX-License-Identifier: Apache-2.0
// The embeddings and models calls of OpenAI, and the same under Gemini's address.
#pragma once

#include <string>
#include <string_view>

#include "tools/simulator/core.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/openai_request.h"

namespace embstore::simulator {

/// Safe for concurrent use. Throws ApiError for calls the service refuses, in the form of the
/// flavor.
class OpenAiEndpoints {
 public:
  /// `core` must live longer.
  explicit OpenAiEndpoints(Core* core) : core_(core) {}

  HttpReply Handle(const HttpRequest& request, std::string_view rest, OpenAiFlavor flavor);

 private:
  void CheckKey(const HttpRequest& request) const;
  HttpReply Embeddings(std::string_view body, OpenAiFlavor flavor);
  void RefuseByFault(const std::vector<Fault>& faults, const OpenAiRequest& call) const;
  void AddRateHeaders(const OpenAiRequest& call, const QuotaVerdict& verdict, HttpReply* reply);

  Core* core_;
};

}  // namespace embstore::simulator
