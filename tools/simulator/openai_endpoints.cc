// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/openai_endpoints.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/simulator/embed_endpoints.h"
#include "tools/simulator/openai_error.h"
#include "tools/simulator/reply_faults.h"
#include "tools/simulator/reply_json.h"
#include "tools/simulator/text.h"

namespace embstore::simulator {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kDefaultRequestsPerMinute = 3000;
constexpr std::uint64_t kDefaultTokensPerMinute = 1'000'000;
constexpr std::uint64_t kMillisecondsPerMinute = 60'000;
constexpr int kModelCreated = 1705948997;
constexpr std::string_view kBearer = "Bearer ";

// The nearest value a half-precision number can have.
float RoundToHalf(float value) {
  constexpr int kHalfBits = 11;
  constexpr int kSmallestExponent = -13;
  int exponent = 0;
  std::frexp(value, &exponent);
  const float scale = std::ldexp(1.0F, kHalfBits - std::max(exponent, kSmallestExponent));
  return std::nearbyint(value * scale) / scale;
}

std::string LittleEndian(const std::vector<float>& vector) {
  std::string bytes;
  bytes.reserve(4 * vector.size());
  for (const float value : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  return bytes;
}

std::string FloatList(const std::vector<float>& vector) {
  std::string list = "[\n";
  std::array<char, kMaxFloatBytes> number{};
  for (const float value : vector) {
    if (list.size() > 2) list += ",\n";
    list += "        ";
    list.append(number.data(), FormatFloat(value, number.data()));
  }
  return list + "\n      ]";
}

std::string DataItem(const std::vector<float>& vector, std::size_t index, bool base64,
                     bool with_index) {
  std::string item = "    {\n      \"object\": \"embedding\",\n";
  if (with_index) item += "      \"index\": " + std::to_string(index) + ",\n";
  return item + "      \"embedding\": " +
         (base64 ? "\"" + Base64(LittleEndian(vector)) + "\"" : FloatList(vector)) + "\n    }";
}

std::string Document(const OpenAiRequest& call, const std::vector<std::vector<float>>& vectors,
                     const std::vector<Fault>& faults) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const bool with_index = i > 0 || !Has(faults, FaultKind::kNoIndex);
    items.push_back(DataItem(vectors[i], i, call.base64, with_index));
  }
  if (Has(faults, FaultKind::kReverseData)) std::reverse(items.begin(), items.end());
  std::string data;
  for (const std::string& item : items) data += (data.empty() ? "" : ",\n") + item;
  const std::string tokens = std::to_string(call.tokens);
  return "{\n  \"object\": \"list\",\n  \"data\": [\n" + data +
         "\n  ],\n  \"model\": " + OrderedJson(call.model_name).dump() +
         ",\n  \"usage\": {\n    \"prompt_tokens\": " + tokens +
         ",\n    \"total_tokens\": " + tokens + "\n  }\n}\n";
}

// "12ms", "1.5s", "6m0s".
std::string ShortDuration(std::uint64_t milliseconds) {
  if (milliseconds == 0) return "0s";
  if (milliseconds < 1000) return std::to_string(milliseconds) + "ms";
  const std::string seconds =
      FormatDuration(std::chrono::milliseconds(milliseconds % kMillisecondsPerMinute));
  const std::uint64_t minutes = milliseconds / kMillisecondsPerMinute;
  return minutes > 0 ? std::to_string(minutes) + "m" + seconds : seconds;
}

OrderedJson DescribeModel(std::string_view id) {
  return {{"id", id}, {"object", "model"}, {"created", kModelCreated}, {"owned_by", "system"}};
}

HttpReply ListModels(OpenAiFlavor flavor) {
  OrderedJson data = OrderedJson::array();
  const bool gemini = flavor == OpenAiFlavor::kGemini;
  for (const ModelInfo& model : gemini ? Models() : OpenAiModels()) {
    const std::string name = (gemini ? "models/" : "") + std::string(model.id);
    data.push_back(DescribeModel(name.ends_with('-') ? name + "model" : name));
  }
  return JsonReply({{"object", "list"}, {"data", std::move(data)}});
}

HttpReply GetModel(std::string_view id, OpenAiFlavor flavor) {
  const bool gemini = flavor == OpenAiFlavor::kGemini;
  if ((gemini ? FindModel(id) : FindOpenAiModel(id)) == nullptr) throw OpenAiModelNotFound(id);
  return JsonReply(DescribeModel(id));
}

}  // namespace

HttpReply OpenAiEndpoints::Handle(const HttpRequest& request, std::string_view rest,
                                  OpenAiFlavor flavor) {
  CheckKey(request);
  if (rest == "/embeddings" && request.method == "POST") return Embeddings(request.body, flavor);
  constexpr std::string_view kModels = "/models";
  if (request.method == "GET" && rest == kModels) return ListModels(flavor);
  if (request.method == "GET" && rest.starts_with("/models/")) {
    return GetModel(rest.substr(kModels.size() + 1), flavor);
  }
  throw OpenAiPathNotFound(request.method, request.path);
}

// A server of one's own asks for no key, but a wrong one it refuses.
void OpenAiEndpoints::CheckKey(const HttpRequest& request) const {
  std::string_view key = request.Header("authorization");
  if (key.starts_with(kBearer)) key.remove_prefix(kBearer.size());
  if (key.empty()) {
    const std::string model = OpenAiModelName(request.body);
    if (!model.empty() && FindOpenAiModel(model) == &OpenAiModels().back()) return;
    throw OpenAiMissingKey();
  }
  const std::string& expected = core_->options().key;
  const bool valid = expected.empty() ? !key.starts_with("bad") : key == expected;
  if (!valid) throw OpenAiBadKey(key);
}

void OpenAiEndpoints::RefuseByFault(const std::vector<Fault>& faults,
                                    const OpenAiRequest& call) const {
  for (const Fault& fault : faults) {
    if (fault.kind == FaultKind::kStatus) {
      throw OpenAiErrorForStatus(static_cast<int>(fault.number), call.model_name);
    }
    if (fault.kind == FaultKind::kRejectText) throw OpenAiErrorForStatus(400, call.model_name);
    if (fault.kind == FaultKind::kInsufficientQuota) throw OpenAiNoCredit();
    if (fault.kind == FaultKind::kPlainError) throw PlainBackendError();
  }
}

HttpReply OpenAiEndpoints::Embeddings(std::string_view body, OpenAiFlavor flavor) {
  const bool gemini = flavor == OpenAiFlavor::kGemini;
  OpenAiRequest call = ParseOpenAiRequest(body, flavor, core_->options());
  const EmbedCall texts{*call.model, call.model_name, gemini ? "openai/embeddings" : "embeddings",
                        std::move(call.requests)};
  const std::vector<Fault> faults = FaultsOf(texts, core_);
  RefuseByFault(faults, call);
  // OpenAI counts calls, Gemini counts texts.
  const std::size_t requests = gemini ? texts.requests.size() : 1;
  const QuotaVerdict verdict = Admit(texts, requests, call.tokens, core_);
  if (!verdict.violations.empty()) {
    if (gemini) throw QuotaExceeded(*call.model, core_->options().tier, verdict);
    throw OpenAiRateLimited(call.model_name, verdict);
  }
  std::vector<std::vector<float>> vectors = EmbedAll(texts, core_->embedder());
  SpoilVectors(faults, &vectors);
  if (Has(faults, FaultKind::kFp16)) {
    for (auto& vector : vectors)
      std::transform(vector.begin(), vector.end(), vector.begin(), RoundToHalf);
  }
  HttpReply reply;
  reply.body = Document(call, vectors, faults);
  SpoilReply(faults, OpenAiErrorForStatus(500, call.model_name), &reply);
  if (!gemini) AddRateHeaders(call, verdict, &reply);
  return reply;
}

void OpenAiEndpoints::AddRateHeaders(const OpenAiRequest& call, const QuotaVerdict& verdict,
                                     HttpReply* reply) {
  const QuotaLimits& quotas = core_->options().quotas;
  const auto add = [reply](const std::string& what, std::uint64_t limit, std::uint64_t used) {
    reply->headers.emplace_back("x-ratelimit-limit-" + what, std::to_string(limit));
    reply->headers.emplace_back("x-ratelimit-remaining-" + what,
                                std::to_string(limit - std::min(limit, used)));
    reply->headers.emplace_back("x-ratelimit-reset-" + what,
                                ShortDuration(used * kMillisecondsPerMinute / limit));
  };
  const auto or_default = [](std::uint64_t limit, std::uint64_t value) {
    return limit > 0 ? limit : value;
  };
  add("requests", or_default(quotas.requests_per_minute, kDefaultRequestsPerMinute),
      verdict.requests_used);
  add("tokens", or_default(quotas.tokens_per_minute, kDefaultTokensPerMinute), verdict.tokens_used);
  reply->headers.emplace_back("openai-model", call.model_name);
}

}  // namespace embstore::simulator
