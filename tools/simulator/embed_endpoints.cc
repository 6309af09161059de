// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/embed_endpoints.h"

#include <algorithm>
#include <optional>

#include "tools/simulator/api_error.h"
#include "tools/simulator/reply_faults.h"
#include "tools/simulator/reply_json.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

constexpr std::string_view kEmbedContent = "embedContent";
constexpr std::string_view kBatchEmbedContents = "batchEmbedContents";

}  // namespace

std::vector<Fault> FaultsOf(const EmbedCall& call, Core* core) {
  return core->faults().Next([&call](std::string_view substring) {
    return std::any_of(call.requests.begin(), call.requests.end(),
                       [substring](const EmbedRequest& request) {
                         return request.text.find(substring) != std::string::npos;
                       });
  });
}

QuotaVerdict Admit(const EmbedCall& call, std::size_t requests, std::size_t tokens, Core* core) {
  QuotaVerdict verdict = core->quotas().Admit(call.model.id, requests, tokens, core->Now());
  if (!verdict.violations.empty()) return verdict;
  std::string lines;
  if (core->keeps_log()) {
    for (const EmbedRequest& request : call.requests) {
      lines +=
          BillingLine(Sha256Hex(request.text), call.model_name, request.dimensions, call.endpoint) +
          "\n";
    }
  }
  core->Bill(lines, call.requests.size());
  return verdict;
}

std::vector<std::vector<float>> EmbedAll(const EmbedCall& call, const Embedder& embedder) {
  std::vector<std::vector<float>> vectors;
  vectors.reserve(call.requests.size() + 1);
  for (const EmbedRequest& request : call.requests) {
    vectors.push_back(EmbedOne(call.model, request, embedder));
  }
  return vectors;
}

std::vector<float> EmbedOne(const ModelInfo& model, const EmbedRequest& request,
                            const Embedder& embedder) {
  const EmbedInput input{.text = CutToTokens(request.text, model.max_tokens),
                         .title = request.title,
                         .task_type = request.task_type};
  return embedder.Embed(model, input, request.dimensions);
}

std::size_t CountAndCheck(const ModelInfo& model, const EmbedRequest& request, Overlong overlong) {
  const std::size_t tokens = CountTokens(request.text);
  if (tokens > model.max_tokens && (overlong == Overlong::kReject || !request.auto_truncate)) {
    throw InvalidArgument("The input token count (" + std::to_string(tokens) +
                          ") exceeds the maximum number of tokens allowed (" +
                          std::to_string(model.max_tokens) + ").");
  }
  return std::min(tokens, model.max_tokens);
}

std::string BillingLine(std::string_view sha256, std::string_view model, std::size_t dimensions,
                        std::string_view endpoint) {
  return std::string(sha256) + " " + std::string(model) + " " + std::to_string(dimensions) + " " +
         std::string(endpoint);
}

HttpReply EmbedEndpoints::EmbedContent(const ModelInfo& model, std::string_view body) {
  return Run({model, model.id, kEmbedContent, ParseEmbedContent(body, model.id)});
}

HttpReply EmbedEndpoints::BatchEmbedContents(const ModelInfo& model, std::string_view body) {
  return Run({model, model.id, kBatchEmbedContents, ParseBatchEmbedContents(body, model.id)});
}

HttpReply EmbedEndpoints::Run(const EmbedCall& call) {
  const Options& options = core_->options();
  std::size_t tokens = 0;
  for (const EmbedRequest& request : call.requests) {
    tokens += CountAndCheck(call.model, request, options.overlong);
  }
  const std::vector<Fault> faults = FaultsOf(call, core_);
  RefuseByFault(faults, call.model, options.tier);
  const QuotaVerdict verdict = Admit(call, call.requests.size(), tokens, core_);
  if (!verdict.violations.empty()) throw QuotaExceeded(call.model, options.tier, verdict);

  std::vector<std::vector<float>> vectors = EmbedAll(call, core_->embedder());
  SpoilVectors(faults, &vectors);
  const auto usage = call.model.reports_usage ? std::optional(tokens) : std::nullopt;
  HttpReply reply;
  reply.body = call.endpoint == kEmbedContent ? EmbedContentJson(vectors, usage)
                                              : BatchEmbedContentsJson(vectors, usage);
  SpoilReply(faults, call.model, options.tier, &reply);
  return reply;
}

}  // namespace embstore::simulator
