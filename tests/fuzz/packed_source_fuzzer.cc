// SPDX-License-Identifier: Apache-2.0
// gzip and zstd. First byte: which, and whether the input is packed or is to be packed.
#include <zlib.h>
#include <zstd.h>

#include "tests/fuzz/fuzzing.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

constexpr std::size_t kMaxUnpacked = 1 << 20;

struct Outcome {
  std::string bytes;
  std::string error;
};

Outcome Unpack(bool gzip, std::string_view packed, std::size_t piece, std::size_t room) {
  auto source =
      gzip ? MakeGzipSource(Pieces(packed, piece)) : MakeZstdSource(Pieces(packed, piece));
  FUZZ_CHECK(source.ok());
  Outcome outcome;
  std::vector<char> buffer(room);
  while (outcome.bytes.size() < kMaxUnpacked) {
    const auto got = (*source)->Read(buffer);
    if (!got.ok()) {
      CheckMessage(got.status());
      FUZZ_CHECK((*source)->Read(buffer).status().message() == got.status().message());
      outcome.error = got.status().message();
      return outcome;
    }
    if (*got == 0) return outcome;
    FUZZ_CHECK(*got <= room);
    outcome.bytes.append(buffer.data(), *got);
  }
  outcome.bytes.resize(kMaxUnpacked);
  return outcome;
}

/// However it is cut; but how much of damaged data comes out before the error depends on that.
void CheckSame(const Outcome& cut, const Outcome& whole) {
  FUZZ_CHECK(cut.error.empty() == whole.error.empty());
  if (whole.error.empty()) FUZZ_CHECK(cut.bytes == whole.bytes);
}

std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  FUZZ_CHECK(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  FUZZ_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Zstd(std::string_view bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 1));
  return packed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const auto first = input.Take();
  const bool gzip = first % 2 == 0;
  const std::string_view bytes = input.rest();
  if (first % 4 < 2) {
    const Outcome whole = Unpack(gzip, bytes, kWhole, 1 << 16);
    CheckSame(Unpack(gzip, bytes, 1, 1 << 16), whole);
    CheckSame(Unpack(gzip, bytes, kWhole, 1000), whole);
    return 0;
  }
  // What was packed comes out again, and cut short it is an error.
  const std::string packed = gzip ? Gzip(bytes) : Zstd(bytes);
  const Outcome unpacked = Unpack(gzip, packed, kWhole, 1 << 16);
  FUZZ_CHECK(unpacked.error.empty() && unpacked.bytes == bytes);
  const std::size_t cut = 1 + (first >> 2) % (packed.size() - 1);
  FUZZ_CHECK(!Unpack(gzip, packed.substr(0, cut), kWhole, 1 << 16).error.empty());
  return 0;
}
