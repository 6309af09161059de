// SPDX-License-Identifier: Apache-2.0
#include "engine/store/kept_replies.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "embstore/clock.h"
#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"
#include "engine/hash/hash.h"
#include "engine/store/kept_files.h"
#include "engine/store/reply_reserve.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_writer.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNoted =
    "found when the store was opened: the process ended before it was noted";

/// The rows of one request among those of a kept file.
struct RowRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// One opening of a store.
class KeptReplyKeeper {
 public:
  KeptReplyKeeper(Store* store, Store::Impl* impl)
      : store_(*store), impl_(*impl), writer_(store), ledger_(*impl_.ledger) {}

  Status Settle() {
    ReplyReserve::GiveBackLeftovers(impl_.directory);
    const auto files = ListJobsDirectory(impl_.directory);
    if (!files.ok()) return files.status();
    if (Status stored = StoreAll(*files); !stored.ok()) return stored;
    if (Status adopted = AdoptQuarantined(*files); !adopted.ok()) return adopted;
    if (EMBSTORE_SEEDED_BUG("orphans-forgotten")) return {};
    return ledger_.EndOrphans(Now());
  }

 private:
  static std::int64_t Now() { return SystemClock().WallMicros(); }

  Status StoreAll(const std::vector<fs::path>& files) {
    for (const fs::path& path : files) {
      if (!IsKeptFile(path)) continue;
      unfit_ = false;
      Status stored = StoreFile(path);
      if (unfit_) {
        impl_.kept.damaged.push_back(stored.message());
        continue;
      }
      if (!stored.ok()) return Waiting(path, stored);
    }
    RemoveJobsDirectory(impl_.directory);
    for (const auto& [split, space] : covered_) {
      Status counted = writer_.RefreshCoverage(&store_, split, space, Now());
      if (!counted.ok()) return counted;
    }
    return {};
  }

  /// Those that the ledger could not be told of.
  Status AdoptQuarantined(const std::vector<fs::path>& files) {
    std::set<std::uint64_t> known;
    for (const JobRecord& job : ledger_.Jobs()) known.insert(job.id);
    for (const fs::path& path : files) {
      const auto request = RequestOfQuarantine(path);
      if (!request || known.contains(*request)) continue;
      std::vector<std::uint64_t> expected = ledger_.KeysOf(*request);
      if (expected.empty()) continue;
      std::sort(expected.begin(), expected.end());
      const auto answer = ReadAnswer(path);
      if (answer.ok() && LedgerKeysOf(answer->texts) != expected) {
        impl_.kept.damaged.push_back("the answer '" + path.string() + "' is not to request " +
                                     std::to_string(*request) +
                                     ", whose number it has: it was left there and nothing of it "
                                     "was stored");
        continue;
      }
      JobChange change;
      change.request = *request;
      change.step = JobStep::kQuarantined;
      change.note = kNoted;
      change.micros = Now();
      if (Status changed = ledger_.ChangeJob(change); !changed.ok()) return changed;
    }
    return {};
  }

  /// The file is not what can be stored; it stays.
  Status Unfit(const fs::path& path, const std::string& why) {
    unfit_ = true;
    return {Code::kCorruption, "the kept answers '" + path.string() + "' " + why +
                                   "; nothing of them was stored, and the file was left there: its "
                                   "texts are in doubt"};
  }

  static Status Waiting(const fs::path& path, const Status& problem) {
    return {problem.code(), "answers that are paid for wait in '" + path.parent_path().string() +
                                "' and could not be stored now; they stay there, and nothing was "
                                "sent: " +
                                problem.message()};
  }

  Status StoreFile(const fs::path& path) {
    const auto kept = ReadKept(path);
    if (kept.code() == Code::kCorruption) return Unfit(path, "are damaged");
    if (!kept.ok()) return kept.code() == Code::kNotFound ? Status() : kept.status();
    Commit commit;
    if (Status made = MakeCommit(path, *kept, &commit); !made.ok()) return made;
    if (!commit.embedded.empty()) {
      Status written = writer_.Write(commit);
      if (written.code() == Code::kInvalidArgument) return Unfit(path, written.message());
      if (!written.ok()) return written;
      impl_.kept.texts += commit.embedded.size();
      if (!kept->split.empty()) covered_.insert({kept->split, kept->space});
    }
    EMBSTORE_CRASH_POINT("kept-stored");
    ::unlink(path.c_str());  // If it stays, it is found to be stored the next time.
    EMBSTORE_CRASH_POINT("kept-removed");
    return {};
  }

  Status MakeCommit(const fs::path& path, const KeptReply& kept, Commit* commit) {
    const auto space = impl_.ReadRecord<SpaceRecord>(Family::kSpaces, SpaceKey(kept.space));
    if (!space.ok() && space.code() != Code::kNotFound) return space.status();
    if (!space.ok() || space->identity.dimensions != kept.dimensions) {
      return Unfit(path, "belong to no model of this store");
    }
    commit->space = kept.space;
    commit->micros = Now();
    commit->run_number = kept.run;
    RowRange rows;
    for (const CommitShare& share : kept.shares) {
      rows.end = rows.begin + share.texts;
      if (Status added = AddShare(path, kept, share, rows, commit); !added.ok()) return added;
      rows.begin = rows.end;
    }
    return commit->shares.empty() ? Status() : AddBill(kept, commit);
  }

  Status AddShare(const fs::path& path, const KeptReply& kept, const CommitShare& share,
                  RowRange rows, Commit* commit) {
    std::vector<std::uint64_t> expected = ledger_.KeysOf(share.request);
    const bool is_open = !expected.empty();
    std::vector<std::uint64_t> actual;
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      const std::string& text = kept.rows[i].text;
      const TextKey key = MakeTextKey(text);
      actual.push_back(LedgerKey(key));
      if (!is_open) {
        // Its commit got through after all, or the answer counts as lost: nothing is booked.
        const auto slot = impl_.FindSlot(kept.space, key);
        if (!slot.ok()) return slot.status();
        if (slot->occupied) continue;
      }
      commit->embedded.push_back(
          {key, text, kept.rows[i].tokens,
           std::span(kept.vectors).subspan(i * kept.dimensions, kept.dimensions)});
    }
    if (!is_open) return {};
    std::sort(expected.begin(), expected.end());
    std::sort(actual.begin(), actual.end());
    if (actual != expected) {
      return Unfit(path, "are not those to request " + std::to_string(share.request));
    }
    commit->shares.push_back(share);
    return {};
  }

  /// The bill of the run that paid, and of its split.
  Status AddBill(const KeptReply& kept, Commit* commit) {
    auto run = impl_.ReadRecord<RunRecord>(Family::kRuns, RunKey(kept.run));
    if (!run.ok() && run.code() != Code::kNotFound) return run.status();
    commit->run = run.ok() ? *run : NewRun(kept);
    for (const CommitShare& share : commit->shares) {
      Charge(share, kept.price, &*commit->run);
      commit->run->embedded += share.texts;
    }
    commit->run->updated_micros = Now();
    if (commit->run->outcome == "running") commit->run->outcome = CodeName(Code::kWriteFailed);
    if (kept.split.empty()) return {};  // A question.
    const auto split = store_.FindSplit(kept.split);
    if (split.code() == Code::kNotFound) return {};  // It was forgotten.
    if (!split.ok()) return split.status();
    auto coverage =
        impl_.ReadRecord<CoverageRecord>(Family::kSplits, CoverageKey(split->name, kept.space));
    if (!coverage.ok() && coverage.code() != Code::kNotFound) return coverage.status();
    commit->coverage = coverage.ok() ? *coverage : CoverageRecord();
    for (const CommitShare& share : commit->shares) {
      Charge(share, kept.price, &*commit->coverage);
    }
    return {};
  }

  /// Of a run that could not even write its own record.
  static RunRecord NewRun(const KeptReply& kept) {
    RunRecord run;
    run.split = kept.split;
    run.space = kept.space;
    run.started_micros = Now();
    run.outcome = "running";
    return run;
  }

  template <typename Bill>
  static void Charge(const CommitShare& share, Price price, Bill* bill) {
    bill->api_calls += 1;
    bill->tokens += share.tokens;
    bill->tokens_estimated = bill->tokens_estimated || !share.reported;
    bill->cost += CostOf(share.tokens, price);
  }

  Store& store_;
  Store::Impl& impl_;
  StoreWriter writer_;
  Ledger& ledger_;
  bool unfit_ = false;  // The file at hand.
  std::set<std::pair<std::string, SpaceId>> covered_;
};

}  // namespace

Status SettleEarlierRuns(Store* store, Store::Impl* impl) {
  return KeptReplyKeeper(store, impl).Settle();
}

}  // namespace embstore
