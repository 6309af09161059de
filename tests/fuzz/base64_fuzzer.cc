// SPDX-License-Identifier: Apache-2.0
// Vectors in base64: every list of numbers has one right spelling and no other.
#include "engine/provider/embedding_values.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

std::string Encoded(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 6; held -= 6) text += kDigits[bits >> (held - 6) & 0x3F];
  }
  if (held > 0) text += kDigits[bits << (6 - held) & 0x3F];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::string_view BytesOf(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = Input(data, size).rest();
  std::vector<float> values = {1, 2};
  if (AppendBase64Floats(input, &values)) {
    FUZZ_CHECK(values.size() >= 2);
    FUZZ_CHECK(Encoded(BytesOf(std::span(values).subspan(2))) == input);
  } else {
    FUZZ_CHECK(values.size() == 2);
  }
  FUZZ_CHECK(values[0] == 1 && values[1] == 2);

  std::vector<float> decoded;
  const bool whole = input.size() % sizeof(float) == 0;
  FUZZ_CHECK(AppendBase64Floats(Encoded(input), &decoded) == whole);
  if (whole) FUZZ_CHECK(BytesOf(decoded) == input);
  return 0;
}
