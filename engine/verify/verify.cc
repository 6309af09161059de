// SPDX-License-Identifier: Apache-2.0
#include "embstore/verify.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "engine/ingest/job_files.h"
#include "engine/store/kept_files.h"
#include "engine/store/store_ledger.h"
#include "engine/verify/checks.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

// Looks at a cache directory that a writer keeps changing.
constexpr int kMostLooks = 4;

/// Whatever a writer changes, it changes this: names, sizes and times of all files.
std::set<std::string> StateOf(std::span<const fs::path> directories) {
  std::set<std::string> state;
  std::error_code error;
  for (const fs::path& directory : directories) {
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      std::error_code ignored;
      const auto size = entry.is_regular_file(ignored) ? entry.file_size(ignored) : 0;
      const auto time = entry.last_write_time(ignored).time_since_epoch().count();
      state.insert(entry.path().string() + '\0' + std::to_string(size) + '\0' +
                   std::to_string(time));
    }
  }
  return state;
}

void CheckStore(const RawStore& store, Findings* findings) {
  CheckSmallRecords(store, findings);
  CheckTables(&store, findings);
  CheckVectors(store, findings);
  CheckTexts(store, findings);
  CheckLists(store, findings);
}

/// One look at everything.
Result<VerifyReport> Look(const fs::path& directory, const VerifyOptions& options) {
  Findings findings(directory, options);
  const auto ledger = Ledger::Open(LedgerPath(directory), "", /*read_only=*/true);
  const auto store = RawStore::Open(directory);
  const RawStore* const opened = store.ok() ? store->get() : nullptr;
  std::error_code error;
  const bool has_ledger = fs::exists(LedgerPath(directory), error);
  if (store.code() == Code::kNotFound && has_ledger) {
    findings.AddDamage("store", (directory / "store").string(),
                       "the store is gone, its ledger is there", kRestoreStore);
  } else if (store.code() == Code::kIncompatible || store.code() == Code::kInvalidArgument ||
             store.code() == Code::kNotFound) {
    return store.status();
  } else if (!store.ok()) {
    findings.AddDamage("store", (directory / "store").string(),
                       store.status().message() + "; what follows was checked without it",
                       kRestoreStore);
  }
  if (opened != nullptr) {
    CheckStore(*opened, &findings);
  } else {
    CheckTables(nullptr, &findings);
  }
  if (findings.meta && findings.meta->format_version > kFormatVersion) {
    return Status(Code::kIncompatible, "the store in '" + directory.string() +
                                           "' was written by a newer embstore: use that one");
  }
  CheckLedger(ledger.ok() ? ledger->get() : nullptr, opened != nullptr, &findings);
  CheckExports(directory, &findings);
  for (const fs::path& other : options.export_directories) {
    if (!fs::equivalent(other, directory, error)) CheckExports(other, &findings);
  }
  for (auto& [id, space] : findings.spaces) {
    findings.report.spaces.push_back({space.record, space.vectors, space.tokens});
  }
  return std::move(findings.report);
}

/// Leaves what both looks found, though the numbers in its words may have gone on.
void KeepCommon(const VerifyReport& before, VerifyReport* report) {
  const auto was_there = [&](const Damage& damage) {
    return std::any_of(before.damaged.begin(), before.damaged.end(), [&](const Damage& other) {
      return other.kind == damage.kind && other.where == damage.where;
    });
  };
  report->total_damaged -=
      std::erase_if(report->damaged, [&](const Damage& damage) { return !was_there(damage); });
}

}  // namespace

Result<VerifyReport> VerifyAll(const fs::path& directory, const VerifyOptions& options) {
  std::vector<fs::path> watched = {directory, directory / "store", JobsDirectory(directory)};
  for (const fs::path& other : options.export_directories) {
    std::error_code error;
    if (!fs::is_directory(other, error)) {
      return Status(Code::kInvalidArgument, "there is no directory '" + other.string() + "'");
    }
    watched.push_back(other);
  }
  std::optional<VerifyReport> before;
  for (int look = 1;; ++look) {
    const auto state = StateOf(watched);
    auto report = Look(directory, options);
    if (!report.ok() || report->ok() || StateOf(watched) == state) return report;
    // Something was written meanwhile, so a difference may be a race; damage will be there again.
    if (look == kMostLooks) {
      KeepCommon(*before, &*report);
      return report;
    }
    before = std::move(*report);
  }
}

}  // namespace embstore
