// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_ledger.h"

#include <rocksdb/write_batch.h>

#include <string>
#include <system_error>

#include "embstore/clock.h"
#include "engine/base/file.h"
#include "engine/store/rocksdb_options.h"
#include "engine/store/rocksdb_status.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

Status Damaged(const Store::Impl& impl, const std::string& what) {
  return {Code::kCorruption, "the ledger '" + LedgerPath(impl.directory).string() + "' " + what +
                                 "; nothing was sent: restore the cache directory from a backup "
                                 "as a whole"};
}

Status LedgerIsMissing(const Store::Impl& impl) {
  return Damaged(impl,
                 "is gone, and with it what was spent. To go on without that history, run "
                 "'embstore ingest' once with --new-ledger");
}

/// Remembers in the store that it has a ledger, so that a lost one is noticed.
Status MarkLedger(Store::Impl* impl) {
  if (impl->meta.has_ledger) return {};
  impl->meta.has_ledger = true;
  const rocksdb::Status written =
      impl->db->Put(SyncedWrite(), impl->family(Family::kMeta), rocksdb::Slice(kMetaStoreKey),
                    EncodeRecord(kMetaStoreKey, impl->meta));
  if (!written.ok()) return FromRocks(written, "write to the store");
  return {};
}

Status CreateLedger(Store::Impl* impl) {
  Status created = Ledger::Create(LedgerPath(impl->directory), impl->meta.store_id,
                                  {impl->last_commit.number, impl->last_commit.charges});
  return created.ok() ? MarkLedger(impl) : created;
}

/// The ledger may be one commit behind: the process died between the two.
Status CatchUp(Store::Impl* impl) {
  const CommitRecord& commit = impl->last_commit;
  const LedgerPosition position = impl->ledger->position();
  if (position.commit > commit.number || position.charges > commit.charges) {
    return StoreIsOlder(*impl);
  }
  if (position.charges + 1 < commit.charges) {
    return Damaged(*impl, "is older than the store: it lacks " +
                              std::to_string(commit.charges - position.charges) +
                              " commits that cost money");
  }
  if (position.charges == commit.charges) return {};
  Status added = impl->ledger->AddCommit(commit.number, commit.shares);
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
              "); nothing was sent or changed: put back the newest copy of the whole cache "
              "directory"};
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
    const bool was_lost = impl->meta.has_ledger && impl->last_commit.number > 0;
    if (was_lost && !impl->options.new_ledger) return LedgerIsMissing(*impl);
    if (Status created = CreateLedger(impl); !created.ok()) return created;
  }
  auto ledger = Ledger::Open(path, impl->meta.store_id, /*read_only=*/false);
  if (!ledger.ok()) return ledger.status();
  impl->ledger = std::move(*ledger);
  if (Status marked = MarkLedger(impl); !marked.ok()) return marked;
  if (Status caught_up = CatchUp(impl); !caught_up.ok()) return caught_up;
  return impl->ledger->EndOrphans(SystemClock().WallMicros());
}

bool LedgerIsAhead(Store::Impl* impl) {
  auto ledger = Ledger::Open(LedgerPath(impl->directory), impl->meta.store_id, /*read_only=*/true);
  if (!ledger.ok()) {
    impl->ledger_status =
        ledger.code() == Code::kNotFound && impl->meta.has_ledger && impl->last_commit.number > 0
            ? LedgerIsMissing(*impl)
            : ledger.status();
    return false;
  }
  impl->ledger = std::move(*ledger);
  const LedgerPosition position = impl->ledger->position();
  return position.commit > impl->last_commit.number || position.charges > impl->last_commit.charges;
}

Status CheckNoLedgerLeft(const fs::path& directory) {
  const fs::path path = LedgerPath(directory);
  auto ledger = Ledger::Open(path, "", /*read_only=*/true);
  if (ledger.code() == Code::kNotFound) return {};
  if (ledger.ok() && (*ledger)->position().commit == 0 && (*ledger)->Spending().empty()) {
    std::error_code error;
    fs::remove(path, error);
    if (error) return ErrnoStatus(Code::kWriteFailed, "remove", path, error.value());
    return SyncDirectory(directory);
  }
  if (!ledger.ok()) return ledger.status();
  return {Code::kCorruption,
          "the store '" + (directory / "store").string() + "' is gone, but its ledger knows of " +
              std::to_string((*ledger)->TextsAfterCommit(0)) +
              " texts that were paid for; nothing was sent: restore the store from a backup. To "
              "begin anew and pay again, move '" +
              path.string() + "' away"};
}

}  // namespace embstore
