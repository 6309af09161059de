// SPDX-License-Identifier: Apache-2.0
// Vectors and sketches as they lie in the store: as they are, and behind a checksum that fits.
#include "engine/hash/hash.h"
#include "engine/record/sketch_record.h"
#include "engine/record/vector_record.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::string_view kKey = "a key of the store";
constexpr std::size_t kSketchBytes = 12;

/// `value` with the checksum of its rest in its first `bytes`.
std::string Sealed(std::string_view value, std::size_t bytes) {
  std::string sealed(value);
  if (value.size() < bytes) return sealed;
  const std::uint64_t checksum = RecordChecksum(kKey, value.substr(bytes));
  std::memcpy(sealed.data(), &checksum, bytes);
  return sealed;
}

std::vector<float> Numbers(const VectorView& view) {
  std::vector<float> vector(view.dimensions());
  view.CopyTo(vector);
  return vector;
}

void CheckVector(std::string_view value) {
  const auto view = DecodeVector(kKey, value);
  if (!view.ok()) {
    CheckMessage(view.status());
    FUZZ_CHECK(view.code() == Code::kCorruption || view.code() == Code::kIncompatible);
    return;
  }
  FUZZ_CHECK(Sealed(value, 8) == value);
  FUZZ_CHECK(HasVectorSize(value));
  const std::vector<float> vector = Numbers(*view);
  std::string written;
  EncodeVector(kKey, view->fingerprint, vector, &written);
  FUZZ_CHECK(written.size() <= value.size());
  const auto again = DecodeVector(kKey, written);
  FUZZ_CHECK(again.ok() && again->fingerprint == view->fingerprint);
  FUZZ_CHECK(again->dimensions() == vector.size());
  FUZZ_CHECK(std::memcmp(Numbers(*again).data(), vector.data(), vector.size() * sizeof(float)) ==
             0);
  FUZZ_CHECK(!DecodeVector("another key", value).ok());
}

void CheckSketch(std::string_view value) {
  const auto bits = DecodeSketch(kKey, value, kSketchBytes);
  if (!bits.ok()) return CheckMessage(bits.status());
  FUZZ_CHECK(Sealed(value, 4) == value);
  FUZZ_CHECK(bits->size() == kSketchBytes);
  std::string written;
  EncodeSketch(kKey, *bits, &written);
  FUZZ_CHECK(written == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value = Input(data, size).rest();
  CheckVector(value);
  CheckVector(Sealed(value, 8));
  CheckSketch(value);
  CheckSketch(Sealed(value, 4));
  return 0;
}
