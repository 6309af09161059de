// SPDX-License-Identifier: Apache-2.0
// A record of every text the simulated service would charge for.
#pragma once

#include <filesystem>
#include <string_view>

namespace embstore::simulator {

/// Appends to a file that other processes may read or append to at the same time. Safe for
/// concurrent use.
class BillingLog {
 public:
  /// Throws std::system_error when `path` cannot be opened.
  explicit BillingLog(const std::filesystem::path& path);
  ~BillingLog();
  BillingLog(const BillingLog&) = delete;
  BillingLog& operator=(const BillingLog&) = delete;

  /// Appends `lines` with one write, so lines of two calls never mix. Throws std::system_error
  /// when not all of it was written.
  void Append(std::string_view lines);

 private:
  int fd_;
};

}  // namespace embstore::simulator
