// SPDX-License-Identifier: Apache-2.0
#include "engine/arrow/arrow_texts.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "arrow_generated.h"

namespace embstore {
namespace {

constexpr std::size_t kTailBytes = 10;  // u32le size of the footer, "ARROW1".
constexpr std::size_t kMessageHeadBytes = 8;
constexpr std::uint64_t kMostMetadataBytes = 1u << 30;

// Counted from the last buffer of a batch.
enum BufferFromEnd : std::size_t {
  kVectors = 1,
  kTextBytes = 4,
  kTextOffsets = 5,
  kTextValidity = 6
};

template <typename Table>
const Table* Verified(const std::vector<std::uint64_t>& memory, std::size_t bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(memory.data());
  flatbuffers::Verifier verifier(data, bytes);
  return verifier.VerifyBuffer<Table>(nullptr) ? flatbuffers::GetRoot<Table>(data) : nullptr;
}

/// Not thread-safe; one thread at a time.
class Reader {
 public:
  Reader(const std::filesystem::path& path, std::uint32_t dimensions, const TakeArrowText& take)
      : path_(path), file_(path, std::ios::binary), dimensions_(dimensions), take_(take) {}

  Status Run() {
    file_.seekg(0, std::ios::end);
    size_ = static_cast<std::uint64_t>(std::max<std::streamoff>(0, file_.tellg()));
    std::uint32_t footer_bytes = 0;
    if (size_ < kTailBytes || !Read(size_ - kTailBytes, sizeof footer_bytes, &footer_bytes) ||
        footer_bytes + kTailBytes > size_) {
      return NoTable();
    }
    std::vector<std::uint64_t> memory((footer_bytes + 7) / 8);
    if (!Read(size_ - kTailBytes - footer_bytes, footer_bytes, memory.data())) return NoTable();
    const auto* footer = Verified<arrow_fb::Footer>(memory, footer_bytes);
    if (footer == nullptr || footer->record_batches() == nullptr) return NoTable();
    for (const arrow_fb::Block* block : *footer->record_batches()) {
      if (!ReadBatch(*block)) return NoTable();
    }
    return {};
  }

 private:
  Status NoTable() const {
    return {Code::kInvalidArgument, "'" + path_.string() + "' cannot be read as a table"};
  }

  bool Read(std::uint64_t at, std::uint64_t bytes, void* out) {
    if (at > size_ || bytes > size_ - at) return false;
    file_.seekg(static_cast<std::streamoff>(at));
    file_.read(static_cast<char*>(out), static_cast<std::streamsize>(bytes));
    return static_cast<bool>(file_);
  }

  bool ReadBatch(const arrow_fb::Block& block) {
    const auto offset = static_cast<std::uint64_t>(block.offset());
    const auto before_body = static_cast<std::uint64_t>(block.metadata_length());
    const auto body_bytes = static_cast<std::uint64_t>(block.body_length());
    if (before_body < kMessageHeadBytes || before_body > kMostMetadataBytes || body_bytes > size_) {
      return false;
    }
    const std::size_t metadata_bytes = before_body - kMessageHeadBytes;
    std::vector<std::uint64_t> memory((metadata_bytes + 7) / 8);
    if (!Read(offset + kMessageHeadBytes, metadata_bytes, memory.data())) return false;
    const auto* message = Verified<arrow_fb::Message>(memory, metadata_bytes);
    const auto* batch = message == nullptr ? nullptr : message->header_as_RecordBatch();
    if (batch == nullptr || batch->buffers() == nullptr) return false;
    body_.resize(body_bytes);
    return Read(offset + before_body, body_bytes, body_.data()) && TakeRows(*batch);
  }

  std::optional<std::string_view> BufferOf(const arrow_fb::RecordBatch& batch,
                                           BufferFromEnd from_end) const {
    const auto& buffers = *batch.buffers();
    if (buffers.size() < from_end) return std::nullopt;
    const arrow_fb::Buffer* buffer =
        buffers.Get(static_cast<flatbuffers::uoffset_t>(buffers.size() - from_end));
    const auto offset = static_cast<std::uint64_t>(buffer->offset());
    const auto length = static_cast<std::uint64_t>(buffer->length());
    if (offset > body_.size() || length > body_.size() - offset) return std::nullopt;
    return std::string_view(body_).substr(offset, length);
  }

  bool TakeRows(const arrow_fb::RecordBatch& batch) {
    const auto vectors = BufferOf(batch, kVectors);
    const auto text_bytes = BufferOf(batch, kTextBytes);
    const auto offsets = BufferOf(batch, kTextOffsets);
    const auto validity = BufferOf(batch, kTextValidity);
    if (!vectors || !text_bytes || !offsets || !validity || batch.length() < 0) return false;
    const auto rows = static_cast<std::uint64_t>(batch.length());
    if (vectors->size() / sizeof(float) / dimensions_ < rows ||
        offsets->size() / sizeof(std::int32_t) < rows + 1 ||
        (!validity->empty() && validity->size() * 8 < rows)) {
      return false;
    }
    row_.resize(dimensions_);
    for (std::uint64_t i = 0; i < rows; ++i) {
      std::int32_t bounds[2];
      std::memcpy(bounds, offsets->data() + i * sizeof(std::int32_t), sizeof bounds);
      if (bounds[0] < 0 || bounds[1] < bounds[0] ||
          static_cast<std::size_t>(bounds[1]) > text_bytes->size()) {
        return false;
      }
      const bool has_text = validity->empty() ||
                            ((static_cast<std::uint8_t>((*validity)[i / 8]) >> (i % 8)) & 1) != 0;
      if (!has_text) continue;
      std::memcpy(row_.data(), vectors->data() + i * dimensions_ * sizeof(float),
                  dimensions_ * sizeof(float));
      take_(text_bytes->substr(static_cast<std::size_t>(bounds[0]),
                               static_cast<std::size_t>(bounds[1] - bounds[0])),
            row_);
    }
    return true;
  }

  const std::filesystem::path& path_;
  std::ifstream file_;
  const std::uint32_t dimensions_;
  const TakeArrowText& take_;
  std::uint64_t size_ = 0;
  std::string body_;
  std::vector<float> row_;
};

}  // namespace

Status ForEachArrowText(const std::filesystem::path& path, std::uint32_t dimensions,
                        const TakeArrowText& take) {
  return Reader(path, std::max<std::uint32_t>(1, dimensions), take).Run();
}

}  // namespace embstore
