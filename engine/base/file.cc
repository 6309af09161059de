// SPDX-License-Identifier: Apache-2.0
#include "engine/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/seeded_bug.h"

namespace embstore {
namespace {

constexpr std::size_t kBufferBytes = 1u << 20;
constexpr mode_t kMode = 0666;  // The user's umask decides, as for any file a tool writes.

std::filesystem::path ParentOf(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

/// Removes temporary files of `target` whose process is gone.
void SweepLitter(const std::filesystem::path& target) {
  const std::string prefix = target.filename().string() + ".tmp-";
  std::error_code ignored;
  // Step by step, because a directory that cannot be read any more must not throw.
  std::filesystem::directory_iterator entry(ParentOf(target), ignored);
  for (; !ignored && entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const long pid = std::strtol(name.c_str() + prefix.size(), nullptr, 10);
    if (pid > 0 && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
      ::unlink(entry->path().c_str());
    }
  }
}

}  // namespace

Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(Code::kWriteFailed, "write", path, errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<int> CreateUnnamedFile(const std::filesystem::path& directory) {
  const int unnamed = ::open(directory.c_str(), O_TMPFILE | O_CLOEXEC | O_RDWR, 0600);
  if (unnamed >= 0) return unnamed;
  if (errno != EOPNOTSUPP && errno != EISDIR)
    return ErrnoStatus(Code::kWriteFailed, "create a file in", directory, errno);
  // A file system without them: a process that dies between the two calls leaves a name behind.
  std::string name = (directory / ".rows-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(Code::kWriteFailed, "create", name, errno);
  ::unlink(name.c_str());
  return fd;
}

Status ErrnoStatus(Code code, std::string_view operation, const std::filesystem::path& path,
                   int error) {
  return {code, "cannot " + std::string(operation) + " '" + path.string() +
                    "': " + std::generic_category().message(error)};
}

AtomicFile::AtomicFile(std::filesystem::path target, std::filesystem::path temporary, int fd)
    : target_(std::move(target)), temporary_(std::move(temporary)), fd_(fd) {
  buffer_.reserve(kBufferBytes);
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::filesystem::path& target) {
  struct stat info {};
  if (::lstat(target.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return Status(Code::kInvalidArgument,
                  "'" + target.string() + "' exists and is not a regular file; remove it first");
  }
  SweepLitter(target);
  // Process id and count keep two writers apart, in one process too; what is there under such a
  // name is the leftover of a dead process.
  static std::atomic<std::uint64_t> count{0};
  std::filesystem::path temporary = target;
  temporary += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  ::unlink(temporary.c_str());
  const int fd =
      ::open(temporary.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_RDWR, kMode);
  if (fd < 0) return ErrnoStatus(Code::kWriteFailed, "create", temporary, errno);
  return std::unique_ptr<AtomicFile>(new AtomicFile(target, std::move(temporary), fd));
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!renamed_) ::unlink(temporary_.c_str());
}

Status AtomicFile::Append(std::span<const std::byte> bytes) {
  return Append(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Status AtomicFile::Append(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) {
    if (Status flushed = Flush(); !flushed.ok()) return flushed;
  }
  if (bytes.size() < kBufferBytes) {
    buffer_ += bytes;
    return {};
  }
  Status written = WriteAll(fd_, bytes, temporary_);
  // The disk begins at once, so that Seal has less to wait for.
  if (written.ok()) ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
  return written;
}

Status AtomicFile::Flush() {
  Status written = WriteAll(fd_, buffer_, temporary_);
  buffer_.clear();
  return written;
}

Status AtomicFile::Seal() {
  if (Status flushed = Flush(); !flushed.ok()) return flushed;
  if (!EMBSTORE_SEEDED_BUG("unsynced-rename") && ::fsync(fd_) != 0)
    return ErrnoStatus(Code::kWriteFailed, "sync", temporary_, errno);
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) return ErrnoStatus(Code::kWriteFailed, "close", temporary_, errno);
  return {};
}

Status AtomicFile::Rename() {
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    return ErrnoStatus(Code::kWriteFailed, "rename", temporary_, errno);
  }
  renamed_ = true;
  return {};
}

Status AtomicFile::Commit() {
  if (Status sealed = Seal(); !sealed.ok()) return sealed;
  if (Status renamed = Rename(); !renamed.ok()) return renamed;
  return SyncDirectory(ParentOf(target_));
}

Status SyncDirectory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(Code::kWriteFailed, "open", directory, errno);
  const int error = EMBSTORE_SEEDED_BUG("unsynced-directory") || ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return ErrnoStatus(Code::kWriteFailed, "sync", directory, error);
  return {};
}

Status CreateDirectories(const std::filesystem::path& directory) {
  std::error_code error;
  // The last one as well if it is there: who made it may have died before it was durable.
  std::vector<std::filesystem::path> parents = {
      ParentOf(directory.has_filename() ? directory : directory.parent_path())};
  while (!std::filesystem::exists(parents.back(), error)) {
    std::filesystem::path above = ParentOf(parents.back());
    if (above == parents.back()) break;
    parents.push_back(std::move(above));
  }
  std::filesystem::create_directories(directory, error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "create", directory, error.value());
  for (const auto& parent : parents) {
    // What may not be read cannot be synced.
    if (::access(parent.c_str(), R_OK) != 0) continue;
    if (Status synced = SyncDirectory(parent); !synced.ok()) return synced;
  }
  return {};
}

Status ReplaceFile(const std::filesystem::path& path, std::string_view content) {
  auto file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  if (Status appended = (*file)->Append(content); !appended.ok()) return appended;
  if (Status flushed = (*file)->Flush(); !flushed.ok()) return flushed;
  return (*file)->Rename();
}

Result<std::string> ReadWholeFile(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const bool absent = errno == ENOENT || errno == ENAMETOOLONG;
    return ErrnoStatus(absent ? Code::kNotFound : Code::kInvalidArgument, "open", path, errno);
  }
  struct stat info {};
  Status problem;
  std::string content;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    problem = {Code::kInvalidArgument, "'" + path.string() + "' is not a regular file"};
  }
  char chunk[65536];
  while (problem.ok()) {
    if (content.size() > max_bytes) {
      problem = {Code::kInvalidArgument,
                 "'" + path.string() + "' is larger than " + std::to_string(max_bytes) + " bytes"};
      break;
    }
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) problem = ErrnoStatus(Code::kInvalidArgument, "read", path, errno);
    if (got <= 0) break;
    content.append(chunk, static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (!problem.ok()) return problem;
  return content;
}

}  // namespace embstore
