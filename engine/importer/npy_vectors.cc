// SPDX-License-Identifier: Apache-2.0
// A .npy file, read in order.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "embstore/import.h"
#include "engine/dataset/byte_source.h"
#include "engine/npy/npy_reader.h"

namespace embstore {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;

class NpyVectors final : public VectorSource {
 public:
  explicit NpyVectors(const std::filesystem::path& file) : file_(file) {}

  std::string Name() const override { return file_.string(); }
  std::uint64_t ordered_rows() const override { return array_.shape.at(0); }

  Status Prepare(std::uint32_t dimensions, const StopFlag* /*stop*/) override {
    if (Status opened = ReadHeader(); !opened.ok()) return opened;
    if (array_.shape.size() != 2 || array_.shape[0] == 0) {
      return Invalid("it is no table of vectors: its shape is " + ShapeText() +
                     ", not (documents, dimensions)");
    }
    if (array_.fortran_order) {
      return Invalid(
          "it is in Fortran order, column by column; write it again with "
          "numpy.save(FILE, numpy.ascontiguousarray(vectors))");
    }
    if (array_.shape[1] != dimensions) {
      return Invalid("its shape is " + ShapeText() + ", but vectors here have " +
                     std::to_string(dimensions) +
                     " dimensions: choose the model and the dimensions that they were made with");
    }
    row_bytes_ = dimensions * array_.item_bytes();
    block_.resize(std::max<std::size_t>(kBlockBytes / row_bytes_, 1) * row_bytes_);
    return {};
  }

  Status BeginPass() override {
    block_begin_ = block_end_ = 0;
    const NpyArray prepared = array_;
    if (Status opened = ReadHeader(); !opened.ok()) return opened;
    // Rows are cut out by the sizes of the first reading.
    return array_ == prepared ? Status() : Invalid("it has changed since it was read first");
  }

  Result<bool> Find(const Document& document, std::span<float> out) override {
    if (document.position >= ordered_rows()) return false;
    while (block_end_ <= document.position) {
      if (Status read = ReadBlock(); !read.ok()) return read;
    }
    const std::size_t at = (document.position - block_begin_) * row_bytes_;
    ReadNpyFloats(array_, std::string_view(block_.data() + at, row_bytes_), out);
    return true;
  }

 private:
  Status Invalid(const std::string& what) const {
    return {Code::kInvalidArgument, Name() + ": " + what};
  }

  std::string ShapeText() const {
    std::string text;
    for (const std::uint64_t length : array_.shape) {
      text += (text.empty() ? "(" : ", ") + std::to_string(length);
    }
    return text.empty() ? "()" : text + (array_.shape.size() == 1 ? ",)" : ")");
  }

  Status ReadHeader() {
    auto source = OpenByteSource(file_);
    if (!source.ok()) return source.status();
    source_ = std::move(*source);
    std::string header(kNpyPrefixBytes, '\0');
    auto got = ReadUpTo(header);
    if (!got.ok()) return got.status();
    header.resize(*got);
    auto bytes = NpyHeaderBytes(header);
    if (!bytes.ok()) return bytes.status().Prefixed(Name());
    header.resize(*bytes);
    got = ReadUpTo(std::span(header).subspan(kNpyPrefixBytes));
    if (!got.ok()) return got.status();
    if (*got != header.size() - kNpyPrefixBytes) return Invalid("it ends within its header");
    auto array = ReadNpyHeader(header);
    if (!array.ok()) return array.status().Prefixed(Name());
    array_ = std::move(*array);
    return {};
  }

  /// As many bytes as `out` takes, or up to the end.
  Result<std::size_t> ReadUpTo(std::span<char> out) {
    std::size_t filled = 0;
    while (filled < out.size()) {
      const auto got = source_->Read(out.subspan(filled));
      if (!got.ok()) return Invalid(got.status().message());
      if (*got == 0) break;
      filled += *got;
    }
    return filled;
  }

  /// The next rows, as many as the block holds.
  Status ReadBlock() {
    const std::uint64_t rows =
        std::min<std::uint64_t>(block_.size() / row_bytes_, ordered_rows() - block_end_);
    const auto got = ReadUpTo(std::span(block_).first(rows * row_bytes_));
    if (!got.ok()) return got.status();
    if (*got < rows * row_bytes_) {
      return Invalid("it ends within row " + std::to_string(block_end_ + *got / row_bytes_) +
                     " of the " + std::to_string(ordered_rows()) + " that its header names");
    }
    block_begin_ = block_end_;
    block_end_ += rows;
    return block_end_ == ordered_rows() ? CheckEnd() : Status();
  }

  Status CheckEnd() {
    char more = 0;
    const auto rest = source_->Read({&more, 1});
    if (!rest.ok()) return Invalid(rest.status().message());
    if (*rest == 0) return {};
    return Invalid("it goes on behind the " + std::to_string(ordered_rows()) +
                   " rows that its header names");
  }

  const std::filesystem::path file_;
  std::unique_ptr<ByteSource> source_;
  NpyArray array_;
  std::size_t row_bytes_ = 0;
  std::vector<char> block_;  // Rows [block_begin_, block_end_).
  std::uint64_t block_begin_ = 0;
  std::uint64_t block_end_ = 0;
};

}  // namespace

Result<std::unique_ptr<VectorSource>> OpenNpyVectors(const std::filesystem::path& file) {
  auto source = OpenByteSource(file);
  if (!source.ok()) return source.status();
  return std::unique_ptr<VectorSource>(std::make_unique<NpyVectors>(file));
}

}  // namespace embstore
