// SPDX-License-Identifier: Apache-2.0
// Answers to the call of OpenAI and the servers that speak like it.
#include "engine/provider/openai_reply.h"
#include "tests/fuzz/replies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  Input input(data, size);
  std::size_t texts = 0;
  const HttpResponse response = TakeResponse(&input, &texts);
  JsonParser parser;
  const auto reply = ReadOpenAiReply(response, CallFor(texts), &parser);
  if (!reply.ok()) {
    CheckPaidError(reply.status());
    return 0;
  }
  FUZZ_CHECK(response.status == 200);
  CheckVectors(reply->embeddings.vectors, texts, kDimensions);
  FUZZ_CHECK(reply->embeddings.text_tokens.empty() ||
             reply->embeddings.text_tokens.size() == texts);
  FUZZ_CHECK(IsUtf8(reply->model));
  FUZZ_CHECK(!ReadOpenAiReply(response, CallFor(texts + 1), &parser).ok());
  FUZZ_CHECK(!ReadOpenAiReply(response, CallFor(texts - 1), &parser).ok());
  return 0;
}
