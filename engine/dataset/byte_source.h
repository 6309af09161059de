// SPDX-License-Identifier: Apache-2.0
// Streams of bytes: a plain, gzip or zstd file, read through fixed buffers.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "embstore/status.h"

namespace embstore {

/// Bytes that are read once, in order. Not thread-safe; one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Reads 1 to `buffer.size()` bytes and answers how many; 0 at the end. Every byte before an
  /// error is delivered before the error. After an error or the end, every further call answers
  /// the same. Messages name no file and no line: the caller adds both.
  /// REQUIRES: `buffer` is not empty.
  virtual Result<std::size_t> Read(std::span<char> buffer) = 0;
};

/// The unpacked bytes of a regular file; gzip and zstd are told by their first bytes.
/// kNotFound: no such file. kInvalidArgument: it cannot be opened, is not a regular file, or is
/// packed in a way that cannot be read; the message names the file.
Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::filesystem::path& path);

/// Unpacks gzip data of one or more members.
Result<std::unique_ptr<ByteSource>> MakeGzipSource(std::unique_ptr<ByteSource> packed);

/// Unpacks zstd data of one or more frames.
Result<std::unique_ptr<ByteSource>> MakeZstdSource(std::unique_ptr<ByteSource> packed);

}  // namespace embstore
