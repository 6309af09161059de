// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/embed_endpoints.h"

#include <algorithm>
#include <optional>
#include <string>

#include "tools/simulator/api_error.h"
#include "tools/simulator/reply_faults.h"
#include "tools/simulator/reply_json.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

constexpr std::string_view kEmbedContent = "embedContent";
constexpr std::string_view kBatchEmbedContents = "batchEmbedContents";

}  // namespace

EmbedEndpoints::EmbedEndpoints(const Options& options, Clock clock)
    : tier_(options.tier),
      overlong_(options.overlong),
      clock_(std::move(clock)),
      embedder_(options.seed),
      faults_(options.faults, options.seed),
      quotas_(options.quotas) {
  if (!options.billing_log.empty()) {
    billing_log_ = std::make_unique<BillingLog>(options.billing_log);
  }
}

HttpReply EmbedEndpoints::EmbedContent(const ModelInfo& model, std::string_view body) {
  return Run({model, kEmbedContent, ParseEmbedContent(body, model.id)});
}

HttpReply EmbedEndpoints::BatchEmbedContents(const ModelInfo& model, std::string_view body) {
  return Run({model, kBatchEmbedContents, ParseBatchEmbedContents(body, model.id)});
}

HttpReply EmbedEndpoints::Run(const Call& call) {
  const std::size_t tokens = CountAndCheck(call);
  const std::vector<Fault> faults = FaultsOf(call);
  RefuseByFault(faults, call.model, tier_);
  Bill(call, tokens);

  std::vector<std::vector<float>> vectors = EmbedAll(call);
  SpoilVectors(faults, &vectors);
  const auto usage = call.model.reports_usage ? std::optional(tokens) : std::nullopt;
  HttpReply reply;
  reply.body = call.endpoint == kEmbedContent ? EmbedContentJson(vectors, usage)
                                              : BatchEmbedContentsJson(vectors, usage);
  SpoilReply(faults, call.model, tier_, &reply);
  return reply;
}

// The tokens the call is charged for.
std::size_t EmbedEndpoints::CountAndCheck(const Call& call) const {
  const std::size_t limit = call.model.max_tokens;
  std::size_t total = 0;
  for (const EmbedRequest& request : call.requests) {
    const std::size_t tokens = CountTokens(request.text);
    if (tokens > limit && (overlong_ == Overlong::kReject || !request.auto_truncate)) {
      throw InvalidArgument("The input token count (" + std::to_string(tokens) +
                            ") exceeds the maximum number of tokens allowed (" +
                            std::to_string(limit) + ").");
    }
    total += std::min(tokens, limit);
  }
  return total;
}

std::vector<Fault> EmbedEndpoints::FaultsOf(const Call& call) {
  return faults_.Next([&call](std::string_view substring) {
    return std::any_of(call.requests.begin(), call.requests.end(),
                       [substring](const EmbedRequest& request) {
                         return request.text.find(substring) != std::string::npos;
                       });
  });
}

void EmbedEndpoints::Bill(const Call& call, std::size_t tokens) {
  const QuotaVerdict verdict = quotas_.Admit(call.model.id, call.requests.size(), tokens, clock_());
  if (!verdict.violations.empty()) throw QuotaExceeded(call.model, tier_, verdict);
  texts_billed_ += call.requests.size();
  if (!billing_log_) return;
  std::string lines;
  for (const EmbedRequest& request : call.requests) {
    lines += Sha256Hex(request.text) + " " + std::string(call.model.id) + " " +
             std::to_string(request.dimensions) + " " + std::string(call.endpoint) + "\n";
  }
  billing_log_->Append(lines);
}

std::vector<std::vector<float>> EmbedEndpoints::EmbedAll(const Call& call) const {
  std::vector<std::vector<float>> vectors;
  vectors.reserve(call.requests.size() + 1);
  for (const EmbedRequest& request : call.requests) {
    const EmbedInput input{.text = CutToTokens(request.text, call.model.max_tokens),
                           .title = request.title,
                           .task_type = request.task_type};
    vectors.push_back(embedder_.Embed(call.model, input, request.dimensions));
  }
  return vectors;
}

}  // namespace embstore::simulator
