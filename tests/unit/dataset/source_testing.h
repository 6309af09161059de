// SPDX-License-Identifier: Apache-2.0
// Helpers of the dataset tests: sources in memory that read in chunks, packed bytes, files.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/dataset.h"
#include "engine/dataset/byte_source.h"
#include "engine/dataset/document_readers.h"

namespace embstore {

/// Serves `bytes` in reads of at most `chunk` bytes, then fails with `failure` or ends.
/// Not thread-safe; one thread at a time.
class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string bytes, std::size_t chunk, Status failure = {})
      : bytes_(std::move(bytes)), chunk_(chunk), failure_(std::move(failure)) {}

  Result<std::size_t> Read(std::span<char> buffer) override {
    const std::size_t size = std::min({chunk_, buffer.size(), bytes_.size() - at_});
    if (size == 0 && !failure_.ok()) return failure_;
    std::copy_n(bytes_.data() + at_, size, buffer.data());
    at_ += size;
    return size;
  }

 private:
  const std::string bytes_;
  const std::size_t chunk_;
  const Status failure_;
  std::size_t at_ = 0;
};

inline std::unique_ptr<ByteSource> Chunked(std::string_view bytes, std::size_t chunk) {
  return std::make_unique<MemorySource>(std::string(bytes), chunk);
}

/// 1 to 17, and all at once.
inline const std::vector<std::size_t>& ChunkSizes() {
  static const std::vector<std::size_t> sizes = {1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                 10, 11, 12, 13, 14, 15, 16, 17, 1u << 20};
  return sizes;
}

struct Row {
  std::uint64_t position;
  std::uint64_t line;
  std::string id;
  std::string text;
  std::optional<std::string> label;
  bool operator==(const Row&) const = default;
};

struct Outcome {
  std::vector<Row> rows;
  std::string error;  ///< Message of the error that ended the reading, or "".
  bool operator==(const Outcome&) const = default;
};

/// Reads to the end or the error and checks that it stays there.
inline Outcome Drain(DocumentReader* reader) {
  Outcome outcome;
  Document document;
  for (;;) {
    const Result<bool> more = reader->Next(&document);
    if (!more.ok()) {
      CHECK(more.code() == Code::kInvalidArgument);
      outcome.error = more.status().message();
      CHECK(reader->Next(&document).status().message() == outcome.error);
      return outcome;
    }
    if (!more.value()) {
      CHECK_FALSE(reader->Next(&document).value());
      return outcome;
    }
    std::optional<std::string> label;
    if (document.label) label = std::string(*document.label);
    outcome.rows.push_back({document.position, document.line, std::string(document.id),
                            std::string(document.text), label});
  }
}

/// What reading `content` as the file "f" gives, which must not depend on the chunk size.
inline Outcome ReadDocuments(std::string_view content, FileDatasetOptions options) {
  options.path = "f";
  std::optional<Outcome> first;
  for (const std::size_t chunk : ChunkSizes()) {
    CAPTURE(chunk);
    Outcome outcome = Drain(MakeDocumentReader(Chunked(content, chunk), options).get());
    if (first) {
      CHECK((outcome == *first));
    } else {
      first = std::move(outcome);
    }
  }
  return *first;
}

/// A directory of its own that goes away with the object. Not thread-safe; one thread at a time.
class TestDirectory {
 public:
  TestDirectory() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("embstore-dataset-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  std::filesystem::path Write(const std::string& name, std::string_view content) const {
    std::ofstream out(path_ / name, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    REQUIRE(out.good());
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// One gzip member.
inline std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// One zstd frame with a checksum.
inline std::string Zstd(std::string_view bytes, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log != 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer output{packed.data(), packed.size(), 0};
  // Two steps: a frame made in one has its size as the window.
  REQUIRE_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &output, &input, ZSTD_e_continue)));
  REQUIRE(ZSTD_compressStream2(context, &output, &input, ZSTD_e_end) == 0);
  packed.resize(output.pos);
  ZSTD_freeCCtx(context);
  return packed;
}

}  // namespace embstore
