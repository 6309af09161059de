// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/base/file.h"

namespace embstore {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(int fd) : fd_(fd) {}
  ~FileSource() override { ::close(fd_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Result<std::size_t> Read(std::span<char> buffer) override {
    if (!failure_.ok()) return failure_;
    if (ended_) return std::size_t{0};
    ssize_t got = 0;
    do {
      got = ::read(fd_, buffer.data(), buffer.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      failure_ = Status(Code::kInvalidArgument,
                        "cannot read the file: " + std::generic_category().message(errno) +
                            "; check the disk, or copy the file to another one");
      return failure_;
    }
    ended_ = got == 0;
    return static_cast<std::size_t>(got);
  }

  /// The first bytes of the file, without moving the place where Read() is.
  Result<std::string> Head(std::size_t size) const {
    std::string head(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = ::pread(fd_, head.data() + have, size - have, static_cast<off_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Status(Code::kInvalidArgument, std::generic_category().message(errno));
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    head.resize(have);
    return head;
  }

 private:
  const int fd_;
  bool ended_ = false;
  Status failure_;
};

Result<std::unique_ptr<FileSource>> OpenFile(const std::filesystem::path& path) {
  // O_NONBLOCK: a fifo must be refused, not waited for.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return ErrnoStatus(missing ? Code::kNotFound : Code::kInvalidArgument, "open", path, errno);
  }
  auto file = std::make_unique<FileSource>(fd);
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    return ErrnoStatus(Code::kInvalidArgument, "inspect", path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Status(Code::kInvalidArgument, "'" + path.string() +
                                              "' is not a regular file; name a file, not a "
                                              "directory, pipe or device");
  }
  return file;
}

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::size_t kHeadBytes = 8;

bool IsZstd(std::string_view head) {
  if (head.starts_with("\x28\xb5\x2f\xfd")) return true;
  // A frame to be skipped: some tools put one first.
  return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
         head.substr(1, 3) == "\x2a\x4d\x18";
}

/// What the file is when its first bytes say that it is neither text nor readable, else "".
std::string_view ForeignFormat(std::string_view head) {
  using namespace std::string_view_literals;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kFormats = {{
      {"\xfd"
       "7zXZ\0"sv,
       "xz"},
      {"PK\x03\x04"sv, "zip"},
      {"7z\xbc\xaf\x27\x1c"sv, "7z"},
      {"\x04\x22\x4d\x18"sv, "lz4"},
      {"PAR1"sv, "Parquet"},
  }};
  for (const auto& [magic, name] : kFormats) {
    if (head.starts_with(magic)) return name;
  }
  const bool bzip2 = head.size() >= 8 && head.starts_with("BZh") && head.substr(4, 4) == "1AY&";
  return bzip2 ? "bzip2" : "";
}

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::filesystem::path& path) {
  Result<std::unique_ptr<FileSource>> file = OpenFile(path);
  if (!file.ok()) return file.status();
  const Result<std::string> head = file.value()->Head(kHeadBytes);
  if (!head.ok()) return head.status().Prefixed("cannot read '" + path.string() + "'");
  if (const std::string_view format = ForeignFormat(head.value()); !format.empty()) {
    return Status(Code::kInvalidArgument,
                  "'" + path.string() + "' is a " + std::string(format) +
                      " file, which cannot be read; unpack or convert it to CSV or JSONL");
  }
  std::unique_ptr<ByteSource> source = std::move(file).value();
  if (head.value().starts_with(kGzipMagic)) return MakeGzipSource(std::move(source));
  if (IsZstd(head.value())) return MakeZstdSource(std::move(source));
  return source;
}

}  // namespace embstore
