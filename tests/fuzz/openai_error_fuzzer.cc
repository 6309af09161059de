// SPDX-License-Identifier: Apache-2.0
// Error answers of servers that speak like OpenAI, and the headers that set the pace: lines in
// front of the body, up to an empty one, are values of these headers.
#include "engine/provider/openai_error.h"
#include "engine/provider/openai_pace.h"
#include "tests/fuzz/replies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  Input input(data, size);
  const auto first = input.Take();
  HttpResponse response;
  response.status = kStatuses[first & 0x0F];
  for (const std::string& name : OpenAiPaceHeaders()) {
    const std::string_view value = input.Until('\n');
    if (value.empty()) break;
    response.headers.emplace_back(name, std::string(value));
  }
  response.body = input.rest();
  CheckWaits(ReadOpenAiPace(response));
  const auto wait = ReadRetryAfter(response);
  FUZZ_CHECK(wait.count() >= 0 && wait <= std::chrono::hours(24));
  static_cast<void>(ForbidsRetry(response));
  const OpenAiError error = ParseOpenAiError(response);
  static_cast<void>(RefusesEncoding(error));
  CheckPaidError(OpenAiErrorStatus(error, response, CallFor(1)));
  return 0;
}
