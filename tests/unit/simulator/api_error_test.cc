// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/api_error.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace embstore::simulator;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const ModelInfo& Model001() { return *FindModel("gemini-embedding-001"); }

bool Has(const ApiError& error, std::string_view text) {
  return error.body().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("simulator: a plain error has the envelope alone") {
  const ApiError error = ErrorForStatus(503, Model001(), Tier::kPaid);
  CHECK(error.http_status() == 503);
  CHECK(error.body() ==
        "{\n"
        "  \"error\": {\n"
        "    \"code\": 503,\n"
        "    \"message\": \"The model is overloaded. Please try again later.\",\n"
        "    \"status\": \"UNAVAILABLE\"\n"
        "  }\n"
        "}\n");
}

TEST_CASE("simulator: a bad key is 400 with reason and localized message, a missing one 403") {
  const ApiError bad = BadKey();
  CHECK(bad.http_status() == 400);
  CHECK(bad.body() ==
        "{\n"
        "  \"error\": {\n"
        "    \"code\": 400,\n"
        "    \"message\": \"API key not valid. Please pass a valid API key.\",\n"
        "    \"status\": \"INVALID_ARGUMENT\",\n"
        "    \"details\": [\n"
        "      {\n"
        "        \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",\n"
        "        \"reason\": \"API_KEY_INVALID\",\n"
        "        \"domain\": \"googleapis.com\",\n"
        "        \"metadata\": {\n"
        "          \"service\": \"generativelanguage.googleapis.com\"\n"
        "        }\n"
        "      },\n"
        "      {\n"
        "        \"@type\": \"type.googleapis.com/google.rpc.LocalizedMessage\",\n"
        "        \"locale\": \"en-US\",\n"
        "        \"message\": \"API key not valid. Please pass a valid API key.\"\n"
        "      }\n"
        "    ]\n"
        "  }\n"
        "}\n");
  CHECK(MissingKey().http_status() == 403);
  CHECK(Has(MissingKey(), "\"PERMISSION_DENIED\""));
}

TEST_CASE("simulator: a quota refusal has help, violation and delay") {
  const ApiError error = QuotaExceeded(
      Model001(), Tier::kFree, {{{QuotaKind::kRequestsPerMinute, 100}}, milliseconds(48200)});
  CHECK(error.http_status() == 429);
  CHECK(error.body() ==
        "{\n"
        "  \"error\": {\n"
        "    \"code\": 429,\n"
        "    \"message\": \"You exceeded your current quota, please check your plan and billing "
        "details. For more information on this error, head to: "
        "https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head "
        "to: https://ai.dev/rate-limit. \\n* Quota exceeded for metric: "
        "generativelanguage.googleapis.com/embed_content_free_tier_requests, limit: 100, model: "
        "gemini-embedding-1.0\\nPlease retry in 48.2s.\",\n"
        "    \"status\": \"RESOURCE_EXHAUSTED\",\n"
        "    \"details\": [\n"
        "      {\n"
        "        \"@type\": \"type.googleapis.com/google.rpc.Help\",\n"
        "        \"links\": [\n"
        "          {\n"
        "            \"description\": \"Learn more about Gemini API quotas\",\n"
        "            \"url\": \"https://ai.google.dev/gemini-api/docs/rate-limits\"\n"
        "          }\n"
        "        ]\n"
        "      },\n"
        "      {\n"
        "        \"@type\": \"type.googleapis.com/google.rpc.QuotaFailure\",\n"
        "        \"violations\": [\n"
        "          {\n"
        "            \"quotaMetric\": "
        "\"generativelanguage.googleapis.com/embed_content_free_tier_requests\",\n"
        "            \"quotaId\": "
        "\"EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier\",\n"
        "            \"quotaDimensions\": {\n"
        "              \"location\": \"global\",\n"
        "              \"model\": \"gemini-embedding-1.0\"\n"
        "            },\n"
        "            \"quotaValue\": \"100\"\n"
        "          }\n"
        "        ]\n"
        "      },\n"
        "      {\n"
        "        \"@type\": \"type.googleapis.com/google.rpc.RetryInfo\",\n"
        "        \"retryDelay\": \"48.2s\"\n"
        "      }\n"
        "    ]\n"
        "  }\n"
        "}\n");
}

TEST_CASE("simulator: the tier picks the quota names except for the day") {
  const auto body = [](QuotaKind kind, Tier tier) {
    return QuotaExceeded(Model001(), tier, {{{kind, 1}}, seconds(1)});
  };
  CHECK(Has(body(QuotaKind::kRequestsPerMinute, Tier::kPaid),
            "\"EmbedContentPerMinutePerProjectPerUserPerModel-PaidTier\""));
  CHECK(Has(body(QuotaKind::kRequestsPerMinute, Tier::kPaid), "embed_content_paid_tier_requests"));
  CHECK(Has(body(QuotaKind::kTokensPerMinute, Tier::kFree),
            "\"EmbedContentInputTokensPerMinutePerProjectPerModel-FreeTier\""));
  CHECK(Has(body(QuotaKind::kRequestsPerDay, Tier::kPaid),
            "\"EmbedContentRequestsPerDayPerUserPerProjectPerModel-FreeTier\""));
}

TEST_CASE("simulator: an unknown model is 404 with the text of the service") {
  const ApiError error = ModelNotFound("nope", "embedContent");
  CHECK(error.http_status() == 404);
  CHECK(Has(error,
            "\"models/nope is not found for API version v1beta, or is not supported for "
            "embedContent. Call ListModels to see the list of available models and their "
            "supported methods.\""));
}

TEST_CASE("simulator: durations have the decimals they need") {
  CHECK(FormatDuration(seconds(48)) == "48s");
  CHECK(FormatDuration(milliseconds(48200)) == "48.2s");
  CHECK(FormatDuration(microseconds(29057856)) == "29.057856s");
  CHECK(FormatDuration(microseconds(1)) == "0.000001s");
}
