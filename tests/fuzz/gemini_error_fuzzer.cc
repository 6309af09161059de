// SPDX-License-Identifier: Apache-2.0
// Error answers of the Gemini API.
#include "engine/provider/gemini_calls.h"
#include "engine/provider/gemini_error.h"
#include "tests/fuzz/replies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  Input input(data, size);
  std::size_t texts = 0;
  const HttpResponse response = TakeResponse(&input, &texts);
  const GeminiError error = ParseGeminiError(response);
  FUZZ_CHECK(error.http_status >= 0);
  FUZZ_CHECK(error.retry_delay.count() >= 0 && error.retry_delay <= std::chrono::hours(24));
  FUZZ_CHECK(JudgeGeminiError(error).code != Code::kOk);
  CheckPaidError(GeminiErrorStatus(response, CallFor(texts)));
  GeminiEndpoint endpoint;
  endpoint.host = "example.com";
  endpoint.key = &Key();
  const Status free_call = FreeCallStatus(response, endpoint);
  CheckPaidError(free_call);
  FUZZ_CHECK(free_call.code() != Code::kInDoubt);
  const Status creation = CreateCallStatus(response, endpoint, "example-model");
  CheckPaidError(creation);
  // Only a clear refusal, of the status or of an error object, says that there is no job.
  if (error.http_status >= 500 || error.http_status < 300)
    FUZZ_CHECK(creation.code() == Code::kInDoubt);
  CheckKeyless(BadGeminiAnswer("fault", response, endpoint));
  return 0;
}
