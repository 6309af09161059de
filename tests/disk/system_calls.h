// SPDX-License-Identifier: Apache-2.0
// The kernel's calls themselves. The library stands before the functions of libc, also for its own
// files, so it goes around them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace failing_disk::kernel {

inline int OpenAt(int directory, const char* path, int flags, mode_t mode) {
  return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
}
inline int Close(int fd) { return static_cast<int>(::syscall(SYS_close, fd)); }
inline ssize_t Read(int fd, void* data, std::size_t bytes) {
  return ::syscall(SYS_read, fd, data, bytes);
}
inline ssize_t Write(int fd, const void* data, std::size_t bytes) {
  return ::syscall(SYS_write, fd, data, bytes);
}
inline ssize_t ReadAt(int fd, void* data, std::size_t bytes, off_t at) {
  return ::syscall(SYS_pread64, fd, data, bytes, at);
}
inline ssize_t WriteAt(int fd, const void* data, std::size_t bytes, off_t at) {
  return ::syscall(SYS_pwrite64, fd, data, bytes, at);
}
inline int Truncate(int fd, off_t bytes) {
  return static_cast<int>(::syscall(SYS_ftruncate, fd, bytes));
}
inline int Allocate(int fd, int mode, off_t at, off_t bytes) {
  return static_cast<int>(::syscall(SYS_fallocate, fd, mode, at, bytes));
}
inline int RenameAt(int from, const char* old_path, int to, const char* new_path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_renameat2, from, old_path, to, new_path, flags));
}
inline int LinkAt(int from, const char* old_path, int to, const char* new_path, int flags) {
  return static_cast<int>(::syscall(SYS_linkat, from, old_path, to, new_path, flags));
}
inline int UnlinkAt(int directory, const char* path, int flags) {
  return static_cast<int>(::syscall(SYS_unlinkat, directory, path, flags));
}
inline int MakeDirectoryAt(int directory, const char* path, mode_t mode) {
  return static_cast<int>(::syscall(SYS_mkdirat, directory, path, mode));
}
inline bool Status(int fd, struct stat* info) {
  return ::syscall(SYS_newfstatat, fd, "", info, AT_EMPTY_PATH) == 0;
}
inline bool StatusAt(int directory, const char* path, struct stat* info) {
  return ::syscall(SYS_newfstatat, directory, path, info, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace failing_disk::kernel
