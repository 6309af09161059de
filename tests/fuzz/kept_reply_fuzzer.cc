// SPDX-License-Identifier: Apache-2.0
// A file of answers that no commit could store: as it is, and behind a digest that fits.
#include "engine/store/kept_files.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

void Check(std::string_view bytes) {
  std::filesystem::create_directories(JobsDirectory(Scratch()));
  const std::filesystem::path path = KeptPath(Scratch(), 1);
  WriteScratch(KeptPath("", 1).string(), bytes);
  const auto kept = ReadKept(path);
  if (!kept.ok()) {
    CheckMessage(kept.status());
    FUZZ_CHECK(kept.code() == Code::kCorruption);
    return;
  }
  FUZZ_CHECK(UnsealReply(bytes).has_value());
  std::uint64_t texts = 0;
  for (const CommitShare& share : kept->shares) texts += share.texts;
  FUZZ_CHECK(texts == kept->rows.size() && texts > 0);
  FUZZ_CHECK(kept->vectors.size() == kept->rows.size() * kept->dimensions);
  for (const float value : kept->vectors) FUZZ_CHECK(std::isfinite(value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content = Input(data, size).rest();
  Check(content);
  std::string sealed(content);
  SealReply(&sealed);
  Check(sealed);
  return 0;
}
