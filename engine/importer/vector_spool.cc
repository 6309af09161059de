// SPDX-License-Identifier: Apache-2.0
#include "engine/importer/vector_spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/base/file.h"

namespace embstore {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

}  // namespace

Result<std::unique_ptr<VectorSpool>> VectorSpool::Create(const std::filesystem::path& directory,
                                                         std::size_t dimensions) {
  const auto fd = CreateUnnamedFile(directory);
  if (!fd.ok()) return fd.status();
  return std::unique_ptr<VectorSpool>(new VectorSpool(*fd, directory, dimensions));
}

VectorSpool::VectorSpool(int fd, std::filesystem::path directory, std::size_t dimensions)
    : fd_(fd),
      directory_(std::move(directory)),
      dimensions_(dimensions),
      block_rows_(std::max<std::size_t>(kBlockBytes / sizeof(float) / dimensions, 1)) {}

VectorSpool::~VectorSpool() { ::close(fd_); }

Status VectorSpool::Append(std::span<const float> vector) {
  block_.insert(block_.end(), vector.begin(), vector.end());
  ++rows_;
  return rows_ - block_begin_ < block_rows_ ? Status() : Flush();
}

Status VectorSpool::Flush() {
  Status written =
      WriteAll(fd_, {reinterpret_cast<const char*>(block_.data()), block_.size() * sizeof(float)},
               directory_ / "a temporary file");
  block_.clear();
  block_begin_ = rows_;
  return written;
}

Status VectorSpool::Read(std::uint64_t row, std::span<float> out) {
  if (!std::exchange(complete_, true)) {
    if (Status flushed = Flush(); !flushed.ok()) return flushed;
  }
  const std::uint64_t block_end = block_begin_ + block_.size() / dimensions_;
  if (row < block_begin_ || row >= block_end) {
    // Neighbours are read along only where rows seem to be wanted in order.
    const bool in_order = row == 0 || row == block_end;
    const std::uint64_t count = in_order ? std::min<std::uint64_t>(block_rows_, rows_ - row) : 1;
    if (Status loaded = Load(row, count); !loaded.ok()) return loaded;
  }
  const auto at = block_.begin() + static_cast<long>((row - block_begin_) * dimensions_);
  std::copy_n(at, dimensions_, out.begin());
  return {};
}

Status VectorSpool::Load(std::uint64_t first, std::uint64_t count) {
  block_.resize(count * dimensions_);
  block_begin_ = first;
  char* next = reinterpret_cast<char*>(block_.data());
  std::size_t left = block_.size() * sizeof(float);
  auto offset = static_cast<off_t>(first * dimensions_ * sizeof(float));
  while (left > 0) {
    const ssize_t got = ::pread(fd_, next, left, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return ErrnoStatus(Code::kWriteFailed, "read a temporary file in", directory_,
                         got < 0 ? errno : EIO);
    }
    next += got;
    offset += got;
    left -= static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace embstore
