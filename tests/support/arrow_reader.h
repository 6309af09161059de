// SPDX-License-Identifier: Apache-2.0
// The parts of an Arrow file as a reader finds them: from the end. Checks on the way that the
// FlatBuffers are sound and that everything lies where the format wants it.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow_generated.h"

namespace embstore::testing {

class ArrowReader {
 public:
  /// Borrows `bytes`.
  explicit ArrowReader(const std::string& bytes) : bytes_(bytes) {}

  const arrow_fb::Footer* Footer() const {
    REQUIRE(bytes_.substr(0, 8) == std::string("ARROW1\0\0", 8));
    REQUIRE(bytes_.substr(bytes_.size() - 6) == "ARROW1");
    const auto size = ReadAt<std::uint32_t>(bytes_, bytes_.size() - 10);
    const std::size_t begin = bytes_.size() - 10 - size;
    CHECK(ReadAt<std::uint64_t>(bytes_, begin - 8) == 0xFFFFFFFFu);  // End of stream.
    return Verified<arrow_fb::Footer>(bytes_.substr(begin, size));
  }

  /// The message that begins at `offset`; `before_body` gets the size of all before its body.
  const arrow_fb::Message* MessageAt(std::size_t offset, std::size_t* before_body) const {
    REQUIRE(ReadAt<std::uint32_t>(bytes_, offset) == 0xFFFFFFFFu);
    const auto size = ReadAt<std::uint32_t>(bytes_, offset + 4);
    *before_body = 8 + size;
    return Verified<arrow_fb::Message>(bytes_.substr(offset + 8, size));
  }

  /// The buffers of a batch.
  std::vector<std::string_view> Buffers(const arrow_fb::Block& block) const {
    std::size_t before_body = 0;
    const arrow_fb::Message* message =
        MessageAt(static_cast<std::size_t>(block.offset()), &before_body);
    CHECK(message->version() == arrow_fb::MetadataVersion::V5);
    CHECK(message->body_length() == block.body_length());
    CHECK(static_cast<std::size_t>(block.metadata_length()) == before_body);
    const auto body = static_cast<std::size_t>(block.offset()) + before_body;
    std::vector<std::string_view> buffers;
    REQUIRE(message->header_as_RecordBatch() != nullptr);
    for (const arrow_fb::Buffer* b : *message->header_as_RecordBatch()->buffers()) {
      const std::size_t begin = body + static_cast<std::size_t>(b->offset());
      CHECK(begin % kAlignment == 0);
      CHECK(b->offset() + b->length() <= block.body_length());
      buffers.push_back(bytes_.substr(begin, static_cast<std::size_t>(b->length())));
    }
    return buffers;
  }

 private:
  static constexpr std::size_t kAlignment = 64;

  template <typename Number>
  static Number ReadAt(std::string_view bytes, std::size_t at) {
    Number value{};
    REQUIRE(at + sizeof(value) <= bytes.size());
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  }

  template <typename Table>
  static const Table* Verified(std::string_view bytes) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    REQUIRE(reinterpret_cast<std::uintptr_t>(data) % 8 == 0);
    flatbuffers::Verifier verifier(data, bytes.size());
    REQUIRE(verifier.VerifyBuffer<Table>(nullptr));
    return flatbuffers::GetRoot<Table>(data);
  }

  const std::string_view bytes_;
};

}  // namespace embstore::testing
