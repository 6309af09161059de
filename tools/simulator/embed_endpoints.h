// SPDX-License-Identifier: Apache-2.0
// embedContent and batchEmbedContents.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tools/simulator/billing_log.h"
#include "tools/simulator/embed_request.h"
#include "tools/simulator/embedder.h"
#include "tools/simulator/fault.h"
#include "tools/simulator/http_message.h"
#include "tools/simulator/models.h"
#include "tools/simulator/options.h"
#include "tools/simulator/quota.h"

namespace embstore::simulator {

/// Tells the time; a parameter so that tests can set it.
using Clock = std::function<TimePoint()>;

/// Safe for concurrent use. Throws ApiError for calls the service refuses.
class EmbedEndpoints {
 public:
  EmbedEndpoints(const Options& options, Clock clock);

  HttpReply EmbedContent(const ModelInfo& model, std::string_view body);
  HttpReply BatchEmbedContents(const ModelInfo& model, std::string_view body);

  std::uint64_t texts_billed() const { return texts_billed_; }

 private:
  struct Call {
    const ModelInfo& model;
    std::string_view endpoint;
    std::vector<EmbedRequest> requests;
  };

  HttpReply Run(const Call& call);
  std::size_t CountAndCheck(const Call& call) const;
  std::vector<Fault> FaultsOf(const Call& call);
  void Bill(const Call& call, std::size_t tokens);
  std::vector<std::vector<float>> EmbedAll(const Call& call) const;

  const Tier tier_;
  const Overlong overlong_;
  const Clock clock_;
  const Embedder embedder_;
  FaultPlan faults_;
  QuotaKeeper quotas_;
  std::unique_ptr<BillingLog> billing_log_;
  std::atomic<std::uint64_t> texts_billed_{0};
};

}  // namespace embstore::simulator
