// SPDX-License-Identifier: Apache-2.0
// Preloaded, it stands between a program, with all its libraries, and the files below one
// directory. It lets chosen operations fail, and writes down what was done and in which order.
//
//   FAILING_DISK_DIRECTORY  the directory, absolute
//   FAILING_DISK_LOG        where to write; disk_log.h has the form
//   FAILING_DISK_RECORD     1: every operation with its bytes; otherwise faults and calls only
//   FAILING_DISK_KIND       eio, enospc, short, sync, emfile, read (faults.h)
//   FAILING_DISK_FIRST      number of the operation of that kind that fails
//   FAILING_DISK_FOR_EVER   1: all behind it as well
#include <dlfcn.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

#include "disk_log.h"
#include "faults.h"
#include "system_calls.h"
#include "watched_files.h"

namespace failing_disk {
namespace {

std::string Setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Disk {
  // Held over each operation, so that the log has the order in which things happened.
  std::mutex mutex;
  WatchedFiles files{Setting("FAILING_DISK_DIRECTORY")};
  DiskLog log{Setting("FAILING_DISK_LOG"), Setting("FAILING_DISK_RECORD") == "1"};
  Faults faults{Setting("FAILING_DISK_KIND"),
                std::strtoull(Setting("FAILING_DISK_FIRST").c_str(), nullptr, 10),
                Setting("FAILING_DISK_FOR_EVER") == "1"};

  /// True when the operation fails, with errno set, or is cut to half of `*bytes`.
  bool Fails(Operation operation, const std::string& path, std::size_t* bytes = nullptr) {
    const auto fault = faults.Next(operation);
    if (!fault) return false;
    log.Add(Entry::kFault, 0, static_cast<std::uint64_t>(fault->error),
            std::string(Name(operation)) + (fault->half ? " half of " : " ") + path);
    if (fault->half && *bytes > 1) {
      *bytes /= 2;
      return false;
    }
    errno = fault->error != 0 ? fault->error : ENOSPC;
    return true;
  }
};

/// Never destroyed: threads may write until the very end.
Disk& TheDisk() {
  static Disk* disk = new Disk;
  return *disk;
}

using Guard = std::lock_guard<std::mutex>;

[[gnu::destructor]] void LogCount() {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  disk.log.Add(Entry::kCount, 0, disk.faults.counted(), "");
}

int Open(int directory, const char* path, int flags, mode_t mode) {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  auto place = disk.files.Find(directory, path);
  if (!place) return kernel::OpenAt(directory, path, flags, mode);
  struct stat info {};
  const bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
  const bool creates =
      unnamed || ((flags & O_CREAT) != 0 && !kernel::StatusAt(directory, path, &info));
  const bool empties = (flags & O_TRUNC) != 0;
  if (disk.Fails(creates || empties ? Operation::kCreate : Operation::kOpen, *place)) return -1;
  const int fd = kernel::OpenAt(directory, path, flags, mode);
  if (fd < 0) return fd;
  const OpenFile* file = disk.files.Add(fd, *place, flags);
  if (file == nullptr) return fd;
  if (unnamed) *place += "/unnamed-" + std::to_string(file->handle);
  disk.log.Add(Entry::kOpen, file->handle, empties ? 1 : 0, *place);
  return fd;
}

int MakeTemporary(char* pattern, int flags) {
  std::random_device random;
  char* end = pattern + std::string_view(pattern).size() - 6;
  for (;;) {
    for (char* at = end; at < end + 6; ++at) *at = static_cast<char>('a' + random() % 26);
    const int fd = Open(AT_FDCWD, pattern, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
}

/// Where a write without a place of its own will go.
off_t PlaceOf(int fd, const OpenFile& file) {
  struct stat info {};
  if (file.append && kernel::Status(fd, &info)) return info.st_size;
  return ::lseek(fd, 0, SEEK_CUR);
}

ssize_t Write(int fd, const void* data, std::size_t bytes, const off_t* given) {
  Disk& disk = TheDisk();
  {
    const Guard guard(disk.mutex);
    if (const OpenFile* file = disk.files.Find(fd); file != nullptr) {
      if (disk.Fails(Operation::kWrite, file->path, &bytes)) return -1;
      const off_t at = given != nullptr ? *given : PlaceOf(fd, *file);
      const ssize_t written =
          given != nullptr ? kernel::WriteAt(fd, data, bytes, at) : kernel::Write(fd, data, bytes);
      if (written > 0) {
        disk.log.Add(Entry::kWrite, file->handle, static_cast<std::uint64_t>(at),
                     {static_cast<const char*>(data), static_cast<std::size_t>(written)});
      }
      return written;
    }
    if (fd == 1 || fd == 2) {
      disk.log.Add(Entry::kSaid, static_cast<std::uint64_t>(fd), 0,
                   {static_cast<const char*>(data), bytes});
    }
  }
  // Without the lock: it may be a pipe that another thread has to read.
  return given != nullptr ? kernel::WriteAt(fd, data, bytes, *given)
                          : kernel::Write(fd, data, bytes);
}

ssize_t Read(int fd, void* data, std::size_t bytes, const off_t* given) {
  Disk& disk = TheDisk();
  {
    const Guard guard(disk.mutex);
    const OpenFile* file = disk.files.Find(fd);
    if (file != nullptr && disk.Fails(Operation::kRead, file->path)) return -1;
  }
  return given != nullptr ? kernel::ReadAt(fd, data, bytes, *given) : kernel::Read(fd, data, bytes);
}

/// `kept`: whether what was written is on the disk afterwards.
template <typename Call>
int Sync(int fd, bool kept, const Call& call) {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  const OpenFile* file = disk.files.Find(fd);
  if (file == nullptr) return call();
  if (disk.Fails(Operation::kSync, file->path)) return -1;
  const int done = call();
  if (done == 0 && kept) disk.log.Add(Entry::kSync, file->handle, 0, "");
  return done;
}

template <typename Call>
int Resize(int fd, Operation operation, const Call& call) {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  const OpenFile* file = disk.files.Find(fd);
  if (file == nullptr) return call();
  if (disk.Fails(operation, file->path)) return -1;
  const int done = call();
  struct stat info {};
  if (done == 0 && kernel::Status(fd, &info)) {
    disk.log.Add(Entry::kTruncate, file->handle, static_cast<std::uint64_t>(info.st_size), "");
  }
  return done;
}

int Allocate(int fd, int mode, off_t at, off_t bytes) {
  return Resize(fd, Operation::kAllocate, [&] { return kernel::Allocate(fd, mode, at, bytes); });
}

template <typename Call>
int ChangeName(Operation operation, Entry entry, int directory, const char* path,
               const Call& call) {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  const auto place = disk.files.Find(directory, path);
  if (!place) return call();
  if (disk.Fails(operation, *place)) return -1;
  const int done = call();
  if (done == 0) disk.log.Add(entry, 0, 0, *place);
  return done;
}

template <typename Call>
int ChangeNames(Operation operation, Entry entry, int from, const char* old_path, int to,
                const char* new_path, const Call& call) {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  const auto old_place = disk.files.Find(from, old_path);
  const auto new_place = disk.files.Find(to, new_path);
  if (!old_place || !new_place) return call();
  if (disk.Fails(operation, *new_place)) return -1;
  const int done = call();
  if (done == 0) disk.log.Add(entry, 0, 0, *old_place + '\0' + *new_place);
  return done;
}

int Rename(int from, const char* old_path, int to, const char* new_path, unsigned flags) {
  return ChangeNames(Operation::kRename, Entry::kRename, from, old_path, to, new_path,
                     [&] { return kernel::RenameAt(from, old_path, to, new_path, flags); });
}

int Link(int from, const char* old_path, int to, const char* new_path, int flags) {
  return ChangeNames(Operation::kLink, Entry::kLink, from, old_path, to, new_path,
                     [&] { return kernel::LinkAt(from, old_path, to, new_path, flags); });
}

int Unlink(int directory, const char* path, int flags) {
  const bool is_directory = (flags & AT_REMOVEDIR) != 0;
  return ChangeName(Operation::kUnlink, is_directory ? Entry::kRemoveDirectory : Entry::kUnlink,
                    directory, path, [&] { return kernel::UnlinkAt(directory, path, flags); });
}

int MakeDirectory(int directory, const char* path, mode_t mode) {
  return ChangeName(Operation::kMakeDirectory, Entry::kMakeDirectory, directory, path,
                    [&] { return kernel::MakeDirectoryAt(directory, path, mode); });
}

int Close(int fd) {
  Disk& disk = TheDisk();
  const Guard guard(disk.mutex);
  const OpenFile* file = disk.files.Find(fd);
  const bool fails = file != nullptr && file->writable && disk.Fails(Operation::kClose, file->path);
  const int error = errno;
  disk.files.Remove(fd);
  const int done = kernel::Close(fd);  // It is closed, whatever it says.
  if (!fails) return done;
  errno = error;
  return -1;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace failing_disk

// What follows stands in the place of libc's functions.

namespace fd = failing_disk;

namespace {

mode_t ModeOf(int flags, std::va_list arguments) {
  const bool given = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return given ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define WITH_MODE(call)                         \
  std::va_list arguments;                       \
  va_start(arguments, flags);                   \
  const mode_t mode = ModeOf(flags, arguments); \
  va_end(arguments);                            \
  return call

extern "C" {

int open(const char* path, int flags, ...) { WITH_MODE(fd::Open(AT_FDCWD, path, flags, mode)); }
int open64(const char* path, int flags, ...) { WITH_MODE(fd::Open(AT_FDCWD, path, flags, mode)); }
int openat(int at, const char* path, int flags, ...) { WITH_MODE(fd::Open(at, path, flags, mode)); }
int openat64(int at, const char* path, int flags, ...) {
  WITH_MODE(fd::Open(at, path, flags, mode));
}
int __open_2(const char* path, int flags) { return fd::Open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return fd::Open(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char* path, int flags) { return fd::Open(at, path, flags, 0); }
int creat(const char* path, mode_t mode) {
  return fd::Open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int mkostemp(char* pattern, int flags) { return fd::MakeTemporary(pattern, flags); }
int mkostemp64(char* pattern, int flags) { return fd::MakeTemporary(pattern, flags); }
int close(int file) { return fd::Close(file); }

ssize_t read(int file, void* data, size_t bytes) { return fd::Read(file, data, bytes, nullptr); }
ssize_t pread(int file, void* data, size_t bytes, off_t at) {
  return fd::Read(file, data, bytes, &at);
}
ssize_t pread64(int file, void* data, size_t bytes, off_t at) {
  return fd::Read(file, data, bytes, &at);
}
ssize_t write(int file, const void* data, size_t bytes) {
  return fd::Write(file, data, bytes, nullptr);
}
ssize_t pwrite(int file, const void* data, size_t bytes, off_t at) {
  return fd::Write(file, data, bytes, &at);
}
ssize_t pwrite64(int file, const void* data, size_t bytes, off_t at) {
  return fd::Write(file, data, bytes, &at);
}

int fsync(int file) {
  return fd::Sync(file, true, [&] { return static_cast<int>(::syscall(SYS_fsync, file)); });
}
int fdatasync(int file) {
  return fd::Sync(file, true, [&] { return static_cast<int>(::syscall(SYS_fdatasync, file)); });
}
int sync_file_range(int file, off_t at, off_t bytes, unsigned flags) {
  if (flags == 0) return 0;  // Asks only whether there is such a call.
  return fd::Sync(file, false, [&] {
    return static_cast<int>(::syscall(SYS_sync_file_range, file, at, bytes, flags));
  });
}
int ftruncate(int file, off_t bytes) {
  return fd::Resize(file, fd::Operation::kTruncate,
                    [&] { return fd::kernel::Truncate(file, bytes); });
}
int ftruncate64(int file, off_t bytes) { return ftruncate(file, bytes); }
int fallocate(int file, int mode, off_t at, off_t bytes) {
  return fd::Allocate(file, mode, at, bytes);
}
int posix_fallocate(int file, off_t at, off_t bytes) {
  return fd::Allocate(file, 0, at, bytes) == 0 ? 0 : errno;
}

int rename(const char* from, const char* to) { return fd::Rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char* from, int to_at, const char* to) {
  return fd::Rename(from_at, from, to_at, to, 0);
}
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  return fd::Rename(from_at, from, to_at, to, flags);
}
int link(const char* from, const char* to) { return fd::Link(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
  return fd::Link(from_at, from, to_at, to, flags);
}
int unlink(const char* path) { return fd::Unlink(AT_FDCWD, path, 0); }
int unlinkat(int at, const char* path, int flags) { return fd::Unlink(at, path, flags); }
int rmdir(const char* path) { return fd::Unlink(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) {
  struct stat info {};
  const bool found = fd::kernel::StatusAt(AT_FDCWD, path, &info);
  return found && S_ISDIR(info.st_mode) ? rmdir(path) : unlink(path);
}
int mkdir(const char* path, mode_t mode) { return fd::MakeDirectory(AT_FDCWD, path, mode); }

// The marks: what the user was told, and what went to a server.

size_t fwrite(const void* data, size_t size, size_t count, FILE* stream) {
  static auto* const real = fd::Next<size_t(const void*, size_t, size_t, FILE*)>("fwrite");
  if (stream == stdout || stream == stderr) {
    fd::Disk& disk = fd::TheDisk();
    const fd::Guard guard(disk.mutex);
    disk.log.Add(fd::Entry::kSaid, stream == stdout ? 1 : 2, 0,
                 {static_cast<const char*>(data), size * count});
  }
  return real(data, size, count, stream);
}

ssize_t sendto(int socket, const void* data, size_t bytes, int flags, const sockaddr* address,
               socklen_t length) {
  {
    fd::Disk& disk = fd::TheDisk();
    const fd::Guard guard(disk.mutex);
    disk.log.Add(fd::Entry::kSent, static_cast<std::uint64_t>(socket), 0,
                 {static_cast<const char*>(data), bytes});
  }
  return ::syscall(SYS_sendto, socket, data, bytes, flags, address, length);
}
ssize_t send(int socket, const void* data, size_t bytes, int flags) {
  return sendto(socket, data, bytes, flags, nullptr, 0);
}

}  // extern "C"
