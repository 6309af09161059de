// SPDX-License-Identifier: Apache-2.0
// A file of LangChain's cache, under the key of the text "zero".
#include "engine/hash/foreign_digest.h"
#include "tests/fuzz/vector_sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  const auto folder = Scratch() / "langchain";
  std::filesystem::create_directories(folder);
  const std::string name = "langchain/made-up" + DigestHex(ForeignDigest::kSha256, "zero");
  WriteScratch(name, Input(data, size).rest());
  CheckSource(OpenLangchainVectors(folder, std::nullopt), 3);
  return 0;
}
