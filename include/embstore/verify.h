// SPDX-License-Identifier: Apache-2.0
// Reads everything back and names what is damaged: store, ledger, files of jobs, exports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/record.h"
#include "embstore/status.h"
#include "embstore/visibility.h"

namespace embstore {

/// One thing that is not as it was written.
struct Damage {
  std::string kind;   ///< table, block, record, vector, text, list, ledger, job, export, ...
  std::string where;  ///< A file, or a family with the key in hex.
  std::string what;   ///< What is wrong, and whose documents it touches.
  std::string next;   ///< What to do about it.

  bool operator==(const Damage&) const = default;
};

struct VerifyReport {
  struct Counts {
    std::uint64_t vectors = 0;
    std::uint64_t texts = 0;
    std::uint64_t documents = 0;
    std::uint64_t records = 0;  ///< Of all families, vectors and texts included.
    std::uint64_t ledger_entries = 0;
    std::uint64_t exports = 0;
    std::uint64_t bytes = 0;  ///< Of all files that were read.
  };
  Counts checked;
  std::vector<Damage> damaged;      ///< At most VerifyOptions::most_listed of them.
  std::uint64_t total_damaged = 0;  ///< All of them.
  std::vector<std::string> litter;  ///< What unfinished work left behind: no damage.
  std::uint64_t kept_replies = 0;   ///< Paid, whole, and to be stored by the next ingest.

  /// What all vectors of a space would cost to embed again.
  struct Space {
    SpaceRecord record;
    std::uint64_t vectors = 0;
    std::uint64_t tokens = 0;
  };
  std::vector<Space> spaces;

  bool ok() const { return total_damaged == 0; }
};

struct VerifyOptions {
  /// Where exports are looked for beside the cache directory.
  std::vector<std::filesystem::path> export_directories;
  std::size_t most_listed = 1000;
  /// Hears what is being read and how many bytes of it were, now and then. May be empty.
  std::function<void(std::string_view what, std::uint64_t bytes)> on_progress;
};

/// Changes nothing and goes on after the first damage. May run beside a writer: a difference that
/// is not there any more at a second look, at a newer state, is none. Memory: 8 bytes a vector and
/// 16 bytes a document of the longest list. kNotFound: nothing is there. kIncompatible: a newer
/// version's. kInvalidArgument: it may not be read, or a directory is none. Damage is no error.
EMBSTORE_API Result<VerifyReport> VerifyAll(const std::filesystem::path& directory,
                                            const VerifyOptions& options);

}  // namespace embstore
