// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>
#include <zstd_errors.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/dataset/byte_source.h"

namespace embstore {
namespace {

constexpr int kMaxWindowLog = 27;  // 128 MiB: all but `zstd --long=28` and above.

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> packed)
      : packed_(std::move(packed)), stream_(::ZSTD_createDStream()) {}
  ~ZstdSource() override { ::ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  bool Start() {
    if (stream_ == nullptr) return false;
    buffer_.resize(::ZSTD_DStreamInSize());
    return !::ZSTD_isError(::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxWindowLog));
  }

  Result<std::size_t> Read(std::span<char> buffer) override {
    ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
    while (failure_.ok() && output.pos == 0) {
      if (input_.pos == input_.size && !packed_ended_) failure_ = Refill();
      if (!failure_.ok()) break;
      const bool exhausted = input_.pos == input_.size;
      if (exhausted && !in_frame_) return std::size_t{0};
      failure_ = Unpack(&output, exhausted);
    }
    if (output.pos == 0) return failure_;
    return output.pos;
  }

 private:
  Status Refill() {
    const Result<std::size_t> got = packed_->Read(buffer_);
    if (!got.ok()) return got.status();
    packed_ended_ = got.value() == 0;
    input_ = {buffer_.data(), got.value(), 0};
    return {};
  }

  Status Unpack(ZSTD_outBuffer* output, bool exhausted) {
    const std::size_t before = output->pos;
    const std::size_t outcome = ::ZSTD_decompressStream(stream_, output, &input_);
    if (!::ZSTD_isError(outcome)) {
      in_frame_ = outcome != 0;
      if (!exhausted || !in_frame_ || output->pos != before) return {};
      return {Code::kInvalidArgument,
              "the zstd data end too early; the file is incomplete: copy or download it again"};
    }
    const ZSTD_ErrorCode code = ::ZSTD_getErrorCode(outcome);
    if (code == ZSTD_error_frameParameter_windowTooLarge) {
      return {Code::kInvalidArgument,
              "unpacking the zstd data needs a window of more than 128 MiB; pack the file again "
              "without --long or --ultra"};
    }
    if (code == ZSTD_error_prefix_unknown) {
      return {Code::kInvalidArgument,
              "other bytes follow the end of the zstd data; remove them, or pack the file again"};
    }
    return {Code::kInvalidArgument, "the zstd data are damaged (" +
                                        std::string(::ZSTD_getErrorName(outcome)) +
                                        "); copy or download the file again"};
  }

  const std::unique_ptr<ByteSource> packed_;
  ZSTD_DStream* const stream_;
  std::vector<char> buffer_;
  ZSTD_inBuffer input_{};
  bool packed_ended_ = false;
  bool in_frame_ = false;
  Status failure_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> MakeZstdSource(std::unique_ptr<ByteSource> packed) {
  auto source = std::make_unique<ZstdSource>(std::move(packed));
  if (!source->Start()) return Status(Code::kInternal, "no memory to unpack zstd data");
  return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace embstore
