// SPDX-License-Identifier: Apache-2.0
#include "watched_files.h"

#include <array>
#include <climits>
#include <string_view>
#include <utility>
#include <vector>

#include "system_calls.h"

namespace failing_disk {
namespace {

/// Where a relative path begins.
std::string BaseOf(int directory) {
  std::array<char, PATH_MAX> text{};
  const std::string link =
      directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(directory);
  const long got = ::syscall(SYS_readlinkat, AT_FDCWD, link.c_str(), text.data(), text.size() - 1);
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

/// Without ".", ".." and doubled slashes. Symbolic links are taken for directories.
std::string Normal(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string normal;
  for (const std::string_view part : parts) normal.append("/").append(part);
  return normal;
}

}  // namespace

WatchedFiles::WatchedFiles(std::string directory) : directory_(Normal(directory)) {}

std::optional<std::string> WatchedFiles::Find(int directory, const char* path) const {
  if (directory_.empty() || path == nullptr) return std::nullopt;
  const std::string whole =
      Normal(*path == '/' ? std::string(path) : BaseOf(directory) + "/" + path);
  if (!whole.starts_with(directory_)) return std::nullopt;
  if (whole.size() == directory_.size()) return "";
  if (whole[directory_.size()] != '/') return std::nullopt;
  return whole.substr(directory_.size() + 1);
}

const OpenFile* WatchedFiles::Add(int fd, std::string path, int flags) {
  struct stat info {};
  if (!kernel::Status(fd, &info)) return nullptr;
  const int access = flags & O_ACCMODE;
  OpenFile& file = open_[fd];
  file = {++last_handle_,     std::move(path),         S_ISDIR(info.st_mode),
          access != O_RDONLY, (flags & O_APPEND) != 0, info.st_dev,
          info.st_ino};
  return &file;
}

const OpenFile* WatchedFiles::Find(int fd) const {
  const auto found = open_.find(fd);
  if (found == open_.end()) return nullptr;
  // A descriptor may have been closed within libc and now be something else.
  struct stat info {};
  if (!kernel::Status(fd, &info)) return nullptr;
  const OpenFile& file = found->second;
  return info.st_dev == file.device && info.st_ino == file.inode ? &file : nullptr;
}

}  // namespace failing_disk
