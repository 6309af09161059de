// SPDX-License-Identifier: Apache-2.0
// A quarantined answer: as it is, and behind a digest that fits.
#include "engine/hash/hash.h"
#include "engine/ingest/quarantine.h"
#include "engine/store/reply_reserve.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::uint32_t kDimensions = 3;

std::string Sealed(std::string_view content) {
  return std::string(content) + "{\"xxh3_128\":\"" + ToHex(HashBytes(content)) + "\"}\n";
}

void Check(std::string_view bytes) {
  std::filesystem::create_directories(QuarantinePath(Scratch(), 1).parent_path());
  WriteScratch(QuarantinePath("", 1).string(), bytes);
  const auto answer = ReadQuarantine(Scratch(), 1, kDimensions);
  if (!answer.ok()) {
    CheckMessage(answer.status());
    FUZZ_CHECK(answer.code() == Code::kCorruption);
    return;
  }
  const std::size_t end = bytes.rfind("{\"xxh3_128\":\"");
  FUZZ_CHECK(end != std::string_view::npos && Sealed(bytes.substr(0, end)) == bytes);
  CheckVectors(answer->vectors, answer->texts.size(), kDimensions);
  EmbedReply reply;
  reply.vectors = answer->vectors;
  const std::vector<std::string_view> texts(answer->texts.begin(), answer->texts.end());
  const auto reserve = ReplyReserve::Take(Scratch(), 0, 0);
  FUZZ_CHECK(reserve.ok() && WriteQuarantine(reserve->get(), 1, texts, reply, kDimensions).ok());
  const auto again = ReadQuarantine(Scratch(), 1, kDimensions);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->texts == answer->texts && SameBits(again->vectors, answer->vectors));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content = Input(data, size).rest();
  Check(content);
  Check(Sealed(content));
  return 0;
}
