// SPDX-License-Identifier: Apache-2.0
// Lines of the input and of the result of a batch job of Gemini.
#include "engine/provider/gemini_batch_rows.h"
#include "tests/fuzz/replies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embstore;
  using namespace embstore::fuzz;
  const std::string_view line = Input(data, size).rest();
  EmbeddingIdentity identity;
  identity.model = "gemini-embedding-001";
  identity.dimensions = kDimensions;
  identity.task_type = "CLUSTERING";
  const GeminiBatchRows rows(identity, &Key());

  const auto result = rows.ReadResult(line);
  if (!result.ok()) {
    CheckKeyless(result.status());
    FUZZ_CHECK(result.code() == Code::kInvalidReply);
  } else {
    FUZZ_CHECK(!result->key.empty() && IsUtf8(result->key));
    if (result->error.ok()) {
      CheckVectors(result->vector, 1, kDimensions);
    } else {
      CheckKeyless(result->error);
      FUZZ_CHECK(result->vector.empty());
    }
  }

  const auto asked = rows.ReadInput(line);
  if (!asked.ok()) {
    CheckKeyless(asked.status());
    FUZZ_CHECK(asked.code() == Code::kCorruption);
    return 0;
  }
  std::string written;
  rows.AppendInput(asked->key, asked->text, &written);
  FUZZ_CHECK(std::count(written.begin(), written.end(), '\n') == 1 && written.ends_with('\n'));
  const auto again = rows.ReadInput(written);
  FUZZ_CHECK(again.ok() && again->key == asked->key && again->text == asked->text);
  return 0;
}
