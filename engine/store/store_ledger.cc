// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_ledger.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "embstore/clock.h"
#include "engine/base/crash_point.h"
#include "engine/base/file.h"
#include "engine/base/seeded_bug.h"
#include "engine/store/kept_files.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

Status Damaged(const Store::Impl& impl, const std::string& what) {
  return {Code::kCorruption, "the ledger '" + LedgerPath(impl.directory).string() + "' " + what +
                                 "; nothing was sent" + kRestoreAdvice};
}

Status LedgerIsMissing(const Store::Impl& impl) {
  return Damaged(impl,
                 "is gone, and with it what was spent. 'embstore recover' makes a new one of "
                 "what the store knows; to go on without that history, run 'embstore ingest' "
                 "once with --new-ledger");
}

/// Whether there are files of batch jobs or of answers.
Result<bool> HasJobFiles(const Store::Impl& impl) {
  const auto files = ListJobsDirectory(impl.directory);
  if (!files.ok()) return files.status();
  return !std::all_of(files->begin(), files->end(), IsReserveFile);
}

/// Whether a store without a ledger must have had one that knew of payments.
Result<bool> LedgerWasUsed(const Store::Impl& impl) {
  const auto has_files = HasJobFiles(impl);
  if (!has_files.ok() || *has_files) return has_files;
  if (!impl.meta.has_ledger) return false;
  bool has_spaces = false;  // A space is made before anything is sent, a commit after it.
  Status scanned = impl.Scan(Family::kSpaces, "", [&](std::string_view, std::string_view) {
    has_spaces = true;
    return Status();
  });
  if (!scanned.ok()) return scanned;
  return has_spaces || impl.last_commit.number > 0;
}

/// Ok when a new ledger may be begun where there is none.
Status CheckMayBegin(const Store::Impl& impl) {
  if (impl.options.new_ledger) {
    const auto has_files = HasJobFiles(impl);
    if (!has_files.ok() || !*has_files) return has_files.status();
    return {Code::kInvalidArgument,
            "there are files of batch jobs or of answers in '" +
                JobsDirectory(impl.directory).string() +
                "': they are paid for and only the old ledger knows them; restore it, or move that "
                "directory away"};
  }
  const auto was_used = LedgerWasUsed(impl);
  if (!was_used.ok()) return was_used.status();
  return *was_used ? LedgerIsMissing(impl) : Status();
}

/// Remembers in the store that it has a ledger, so that a lost one is noticed.
Status MarkLedger(Store::Impl* impl) {
  if (impl->meta.has_ledger) return {};
  impl->meta.has_ledger = true;
  return impl->WriteMeta();
}

Status CreateLedger(Store::Impl* impl) {
  EMBSTORE_CRASH_POINT("ledger-absent");
  Status created = Ledger::Create(LedgerPath(impl->directory), impl->meta.store_id,
                                  {impl->last_commit.number, impl->last_commit.charges});
  EMBSTORE_CRASH_POINT("ledger-created");
  return created.ok() ? MarkLedger(impl) : created;
}

/// The ledger may be one commit behind: the process died between the two.
Status CatchUp(Store::Impl* impl) {
  const CommitRecord& commit = impl->last_commit;
  const LedgerPosition position = impl->ledger->position();
  const bool is_older = position.commit > commit.number || position.charges > commit.charges;
  if (is_older && !EMBSTORE_SEEDED_BUG("commit-number-unchecked")) {
    return StoreIsOlder(*impl);
  }
  if (position.charges + 1 < commit.charges) {
    return Damaged(*impl, "is older than the store: it lacks " +
                              std::to_string(commit.charges - position.charges) +
                              " commits that cost money");
  }
  if (position.charges == commit.charges) return {};
  Status added = impl->ledger->AddCommit(commit.number, commit.shares);
  EMBSTORE_CRASH_POINT("ledger-caught-up");
  if (added.code() != Code::kInternal) return added;
  return Damaged(*impl, "is older than the store: it lacks requests of its last commit");
}

}  // namespace

fs::path LedgerPath(const fs::path& directory) { return directory / "ledger"; }

Status StoreIsOlder(const Store::Impl& impl) {
  const std::uint64_t texts = impl.ledger->TextsAfterCommit(impl.last_commit.number);
  return {Code::kCorruption,
          "the store in '" + impl.directory.string() + "' is older than its ledger: " +
              (texts > 0 ? std::to_string(texts) + " texts that were paid for"
                         : std::string("vectors of its last commits")) +
              " are missing (commit " + std::to_string(impl.last_commit.number) + " of " +
              std::to_string(impl.ledger->position().commit) +
              "); nothing was sent: 'embstore recover' says what it can bring back "
              "without paying. Else put back the newest copy of the whole cache "
              "directory or, to begin anew and pay again, move it away"};
}

Status OpenLedgerForWriting(Store::Impl* impl) {
  const fs::path path = LedgerPath(impl->directory);
  std::error_code error;
  const bool is_there = fs::exists(fs::symlink_status(path, error));
  if (is_there && impl->options.new_ledger) {
    return {Code::kInvalidArgument,
            "there is a ledger: '" + path.string() + "'; move it away to begin a new one"};
  }
  if (!is_there) {
    if (Status allowed = CheckMayBegin(*impl); !allowed.ok()) return allowed;
    if (Status created = CreateLedger(impl); !created.ok()) return created;
  }
  auto ledger = Ledger::Open(path, impl->meta.store_id, /*read_only=*/false);
  if (!ledger.ok()) return ledger.status();
  impl->ledger = std::move(*ledger);
  if (Status marked = MarkLedger(impl); !marked.ok()) return marked;
  return CatchUp(impl);
}

bool LedgerIsAhead(Store::Impl* impl) {
  auto ledger = Ledger::Open(LedgerPath(impl->directory), impl->meta.store_id, /*read_only=*/true);
  if (!ledger.ok()) {
    impl->ledger_status = ledger.status();
    if (ledger.code() != Code::kNotFound) return false;
    const auto was_used = LedgerWasUsed(*impl);
    if (!was_used.ok()) {
      impl->ledger_status = was_used.status();
    } else if (*was_used) {
      impl->ledger_status = LedgerIsMissing(*impl);
    }
    return false;
  }
  impl->ledger = std::move(*ledger);
  const LedgerPosition position = impl->ledger->position();
  return position.commit > impl->last_commit.number || position.charges > impl->last_commit.charges;
}

Status RemoveUnusedLedger(const fs::path& directory) {
  if (Status unused = CheckNoStoreIsLost(directory); !unused.ok()) return unused;
  std::error_code error;
  const bool was_there = fs::remove(LedgerPath(directory), error);
  if (error) {
    return ErrnoStatus(Code::kWriteFailed, "remove", LedgerPath(directory), error.value());
  }
  return was_there ? SyncDirectory(directory) : Status();
}

Status CheckNoStoreIsLost(const fs::path& directory) {
  const fs::path path = LedgerPath(directory);
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) return {};
  auto ledger = Ledger::Open(path, "", /*read_only=*/true);
  if (ledger.code() == Code::kNotFound) return {};
  if (!ledger.ok()) return ledger.status();
  if ((*ledger)->position().commit == 0 && (*ledger)->Spending().empty()) return {};
  return {Code::kCorruption,
          "the store '" + (directory / "store").string() + "' is gone, but its ledger knows of " +
              std::to_string((*ledger)->TextsAfterCommit(0)) +
              " texts that were paid for; nothing was sent: 'embstore recover' brings back what "
              "exports have, or restore the store from a backup. To "
              "begin anew and pay again, move '" +
              path.string() + "' away"};
}

}  // namespace embstore
