// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/billing_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace embstore::simulator {

BillingLog::BillingLog(const std::filesystem::path& path)
    : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot open " + path.string());
  }
}

BillingLog::~BillingLog() { close(fd_); }

void BillingLog::Append(std::string_view lines) {
  const ssize_t written = write(fd_, lines.data(), lines.size());
  if (written == static_cast<ssize_t>(lines.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  throw std::system_error(error, std::generic_category(), "cannot write the billing log");
}

}  // namespace embstore::simulator
