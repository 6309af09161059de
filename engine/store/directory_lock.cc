// SPDX-License-Identifier: Apache-2.0
#include "engine/store/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "engine/base/file.h"
#include "engine/base/seeded_bug.h"

namespace embstore {
namespace {

/// The process id in a lock file, for the message only.
std::string HolderOf(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size() - 1, 0);
  const std::string holder(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return holder.substr(0, holder.find('\n'));
}

/// Whether the file is one of ours, or new; a power cut may have left zeros in it. What else is
/// there must not be written over: by a hard link it may be somebody's document.
bool IsLockFile(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  return got == info.st_size && std::all_of(text.begin(), text.begin() + got, [](char c) {
           return (c >= '0' && c <= '9') || c == '\n' || c == '\0';
         });
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(
    const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return ErrnoStatus(Code::kWriteFailed, "open", path, errno);
  if (!EMBSTORE_SEEDED_BUG("unlocked") && ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string holder = HolderOf(fd);
    ::close(fd);
    if (error != EWOULDBLOCK) return ErrnoStatus(Code::kWriteFailed, "lock", path, error);
    return Status(Code::kLocked, "the store in '" + directory.string() +
                                     "' is in use by another process (pid " + holder +
                                     "); nothing was sent: wait for it, then run again");
  }
  if (!IsLockFile(fd)) {
    ::close(fd);
    return Status(Code::kInvalidArgument, "'" + path.string() +
                                              "' is not a lock of embstore; it was left as it is "
                                              "and nothing was sent: move it away");
  }
  const std::string holder = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    const Status failed = ErrnoStatus(Code::kWriteFailed, "write", path, errno);
    ::close(fd);
    return failed;
  }
  return std::unique_ptr<DirectoryLock>(new DirectoryLock(fd));
}

bool DirectoryLock::IsHeld(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "lock";
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return errno != ENOENT;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0;
  ::close(fd);
  return held;
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

}  // namespace embstore
