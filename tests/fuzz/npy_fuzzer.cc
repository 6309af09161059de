// SPDX-License-Identifier: Apache-2.0
// Arrays of NumPy. First two bytes: the dimensions that are asked for, and where the second
// reading finds another file, if it does.
#include <zlib.h>

#include "engine/npy/npy.h"
#include "engine/npy/npy_reader.h"
#include "tests/fuzz/vector_sources.h"

namespace {

using namespace embstore;
using namespace embstore::fuzz;

/// The header of `bytes`; nothing when it is refused.
std::optional<NpyArray> HeaderOf(std::string_view bytes, std::size_t* header_bytes) {
  const auto length = NpyHeaderBytes(bytes.substr(0, kNpyPrefixBytes));
  if (!length.ok()) {
    CheckMessage(length.status());
    return std::nullopt;
  }
  FUZZ_CHECK(*length >= kNpyPrefixBytes && *length <= 64 << 10);
  *header_bytes = *length;
  if (*length > bytes.size()) return std::nullopt;
  auto array = ReadNpyHeader(bytes.substr(0, *length));
  if (!array.ok()) {
    CheckMessage(array.status());
    return std::nullopt;
  }
  return *std::move(array);
}

/// Whether the numbers of `array` have `bytes` bytes.
bool HasSize(const NpyArray& array, std::uint64_t bytes) {
  std::uint64_t size = array.item_bytes();
  for (const std::uint64_t length : array.shape) {
    FUZZ_CHECK(!__builtin_mul_overflow(size, length, &size));
  }
  return size == bytes;
}

/// A header of ours reads as what it was made of.
void CheckOwnHeader(const std::vector<std::uint64_t>& shape) {
  if (shape.empty()) return;
  const std::string written = NpyHeader(NpyType::kFloat32, shape);
  FUZZ_CHECK(written.size() % 64 == 0);
  std::size_t bytes = 0;
  const auto read = HeaderOf(written, &bytes);
  if (!read) return;  // A size that no file can have.
  FUZZ_CHECK(bytes == written.size() && read->shape == shape);
  FUZZ_CHECK(read->type == NpyFloat::kFloat32 && !read->fortran_order && !read->big_endian);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint32_t dimensions = 1 + input.Take() % 4;
  const std::size_t cut = input.Take();
  const std::string_view bytes = input.rest();
  std::size_t header_bytes = 0;
  const auto array = HeaderOf(bytes, &header_bytes);
  if (array) CheckOwnHeader(array->shape);

  const auto path = WriteScratch("rows.npy", bytes);
  const auto source = OpenNpyVectors(path);
  if (!source.ok()) {
    CheckMessage(source.status());
    return 0;
  }
  const Status prepared = (*source)->Prepare(dimensions, nullptr);
  if (!prepared.ok()) {
    CheckMessage(prepared);
    return 0;
  }
  const std::uint64_t rows = (*source)->ordered_rows();
  FUZZ_CHECK(rows > 0);
  const Found first = ReadPass(source->get(), dimensions, std::min<std::uint64_t>(rows, 3000));
  if (array && first.error.empty() && first.vectors.size() == rows) {
    FUZZ_CHECK(array->shape == std::vector<std::uint64_t>({rows, dimensions}));
    FUZZ_CHECK(HasSize(*array, bytes.size() - header_bytes));
  }
  // The second reading may find another file in its place.
  if (cut != 0) WriteScratch("rows.npy", bytes.substr(std::min(cut * 4, bytes.size())));
  ReadPass(source->get(), dimensions, std::min<std::uint64_t>(rows, 3000));
  return 0;
}
