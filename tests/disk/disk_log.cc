// SPDX-License-Identifier: Apache-2.0
#include "disk_log.h"

#include <cstring>

#include "system_calls.h"

namespace failing_disk {
namespace {

void Put(std::string* out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
}

}  // namespace

DiskLog::DiskLog(const std::string& path, bool records) : records_(records) {
  if (path.empty()) return;
  fd_ = kernel::OpenAt(AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  // Out of the way of the program, which may have few descriptors.
  const int high = static_cast<int>(::syscall(SYS_fcntl, fd_, F_DUPFD_CLOEXEC, 900));
  if (high < 0) return;
  kernel::Close(fd_);
  fd_ = high;
}

void DiskLog::Add(Entry entry, std::uint64_t number, std::uint64_t at, std::string_view data) {
  const bool always = entry == Entry::kFault || entry == Entry::kCount || entry == Entry::kSent;
  if (fd_ < 0 || (!records_ && !always)) return;
  std::string line;
  line.push_back(static_cast<char>(entry));
  Put(&line, number, 8);
  Put(&line, at, 8);
  Put(&line, data.size(), 8);
  line += data;
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = kernel::Write(fd_, rest.data(), rest.size());
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace failing_disk
