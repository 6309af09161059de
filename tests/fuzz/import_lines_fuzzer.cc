// SPDX-License-Identifier: Apache-2.0
// Lines of JSON with vectors, and results of batch jobs of Gemini and OpenAI. First byte: the kind
// of file. With requests, these come first, up to a byte 0x1E.
#include "tests/fuzz/vector_sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  constexpr std::uint32_t kDimensions = 3;
  Input input(data, size);
  const std::uint8_t kind = input.Take() % 5;
  std::filesystem::path requests;
  if (kind >= 3) requests = WriteScratch("requests.jsonl", input.Until('\x1E'));
  const auto rows = WriteScratch("rows.jsonl", input.rest());
  if (kind == 0) {
    CheckSource(OpenJsonlVectors(rows, Scratch()), kDimensions);
  } else if (kind % 2 == 1) {
    CheckSource(OpenGeminiBatchVectors(rows, requests, Scratch()), kDimensions);
  } else {
    CheckSource(OpenOpenAiBatchVectors(rows, requests, Scratch()), kDimensions);
  }
  return 0;
}
