// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "engine/dataset/byte_source.h"

namespace embstore {
namespace {

constexpr int kGzipOnly = 15 + 16;  // zlib's largest window, and no format but gzip.

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)) {}
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  bool Start() { return ::inflateInit2(&stream_, kGzipOnly) == Z_OK; }

  Result<std::size_t> Read(std::span<char> buffer) override {
    const auto room =
        static_cast<uInt>(std::min<std::size_t>(buffer.size(), std::numeric_limits<uInt>::max()));
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = room;
    while (failure_.ok() && stream_.avail_out == room) {
      if (stream_.avail_in == 0 && !packed_ended_) failure_ = Refill();
      if (!failure_.ok()) break;
      if (between_members_) {
        if (stream_.avail_in == 0) return std::size_t{0};
        ::inflateReset(&stream_);
        between_members_ = false;
      }
      failure_ = Inflate();
    }
    if (stream_.avail_out == room) return failure_;
    return static_cast<std::size_t>(room - stream_.avail_out);
  }

 private:
  Status Refill() {
    const Result<std::size_t> got = packed_->Read(input_);
    if (!got.ok()) return got.status();
    packed_ended_ = got.value() == 0;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got.value());
    return {};
  }

  Status Inflate() {
    const int outcome = ::inflate(&stream_, Z_NO_FLUSH);
    if (outcome == Z_OK) return {};
    if (outcome == Z_STREAM_END) {
      between_members_ = true;
      first_member_ = false;
      return {};
    }
    if (outcome == Z_BUF_ERROR) {
      if (!packed_ended_) return {};
      return {Code::kInvalidArgument,
              "the gzip data end too early; the file is incomplete: copy or download it again"};
    }
    if (outcome == Z_MEM_ERROR) return {Code::kInternal, "no memory to unpack the gzip data"};
    if (!first_member_ && stream_.total_out == 0) {
      return {Code::kInvalidArgument,
              "other bytes follow the end of the gzip data; remove them, or pack the file again"};
    }
    const std::string reason = stream_.msg != nullptr ? stream_.msg : "unknown error";
    return {Code::kInvalidArgument,
            "the gzip data are damaged (" + reason + "); copy or download the file again"};
  }

  const std::unique_ptr<ByteSource> packed_;
  std::array<char, 1u << 16> input_;
  z_stream stream_{};
  bool packed_ended_ = false;
  bool between_members_ = false;
  bool first_member_ = true;
  Status failure_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> MakeGzipSource(std::unique_ptr<ByteSource> packed) {
  auto source = std::make_unique<GzipSource>(std::move(packed));
  if (!source->Start()) return Status(Code::kInternal, "no memory to unpack gzip data");
  return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace embstore
