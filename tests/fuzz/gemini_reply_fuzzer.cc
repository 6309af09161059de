// SPDX-License-Identifier: Apache-2.0
// Answers to Gemini's synchronous call.
#include "engine/provider/gemini_reply.h"
#include "tests/fuzz/replies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  Input input(data, size);
  std::size_t texts = 0;
  const HttpResponse response = TakeResponse(&input, &texts);
  JsonParser parser;
  const auto reply = ReadGeminiReply(response, CallFor(texts), &parser);
  if (!reply.ok()) {
    CheckPaidError(reply.status());
    return 0;
  }
  FUZZ_CHECK(response.status == 200);
  CheckVectors(reply->vectors, texts, kDimensions);
  FUZZ_CHECK(reply->text_tokens.empty() || reply->text_tokens.size() == texts);
  // One text more or less was asked for: then the same answer is refused.
  FUZZ_CHECK(!ReadGeminiReply(response, CallFor(texts + 1), &parser).ok());
  FUZZ_CHECK(!ReadGeminiReply(response, CallFor(texts - 1), &parser).ok());
  return 0;
}
