// SPDX-License-Identifier: Apache-2.0
// embedContent and batchEmbedContents.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/core.h"
#include "tools/simulator/embed_request.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/models.h"

namespace embstore::simulator {

/// Texts to embed in one call.
struct EmbedCall {
  const ModelInfo& model;
  std::string_view model_name;  ///< in the billing log
  std::string_view endpoint;
  std::vector<EmbedRequest> requests;
};

/// The tokens `request` is charged for. Throws ApiError when there are too many.
std::size_t CountAndCheck(const ModelInfo& model, const EmbedRequest& request, Overlong overlong);

/// The faults that strike `call`.
std::vector<Fault> FaultsOf(const EmbedCall& call, Core* core);

/// Counts a call as `requests` requests of `tokens` tokens against the quotas and books it, or
/// answers why not.
QuotaVerdict Admit(const EmbedCall& call, std::size_t requests, std::size_t tokens, Core* core);

std::vector<float> EmbedOne(const ModelInfo& model, const EmbedRequest& request,
                            const Embedder& embedder);
std::vector<std::vector<float>> EmbedAll(const EmbedCall& call, const Embedder& embedder);

/// A line of the billing log without its end.
std::string BillingLine(std::string_view sha256, std::string_view model, std::size_t dimensions,
                        std::string_view endpoint);

/// Safe for concurrent use. Throws ApiError for calls the service refuses.
class EmbedEndpoints {
 public:
  /// `core` must live longer.
  explicit EmbedEndpoints(Core* core) : core_(core) {}

  HttpReply EmbedContent(const ModelInfo& model, std::string_view body);
  HttpReply BatchEmbedContents(const ModelInfo& model, std::string_view body);

 private:
  HttpReply Run(const EmbedCall& call);

  Core* core_;
};

}  // namespace embstore::simulator
