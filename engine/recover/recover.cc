// SPDX-License-Identifier: Apache-2.0
#include "embstore/recover.h"

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/text.h"
#include "engine/ledger/ledger_salvage.h"
#include "engine/recover/export_vectors.h"
#include "engine/recover/ledger_plan.h"
#include "engine/recover/lost_jobs.h"
#include "engine/recover/new_store.h"
#include "engine/recover/restore.h"
#include "engine/recover/salvage.h"
#include "engine/store/directory_lock.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_ledger.h"
#include "engine/store/store_swap.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostListed = 1000;
constexpr std::size_t kRemovalKeys = 10'000;

/// "20261127T092834Z".
std::string CompactUtc(std::int64_t micros) {
  std::string text = FormatUtc(micros);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

/// Whether it is about the database itself.
bool IsOfStore(const Damage& damage) {
  return damage.kind != "ledger" && damage.kind != "job" && damage.kind != "export";
}

/// The identities that a space may have been made of, tried until one has its id.
void NameSpaces(const LedgerPlan& ledger,
                const std::vector<std::unique_ptr<ExportVectors>>& exports,
                const std::map<SpaceId, std::uint32_t>& dimensions, Salvage* salvage) {
  constexpr std::array kTaskTypes = {"",
                                     "CLUSTERING",
                                     "SEMANTIC_SIMILARITY",
                                     "RETRIEVAL_DOCUMENT",
                                     "CLASSIFICATION",
                                     "RETRIEVAL_QUERY",
                                     "QUESTION_ANSWERING",
                                     "FACT_VERIFICATION",
                                     "CODE_RETRIEVAL_QUERY"};
  for (const auto& from : exports) salvage->spaces.try_emplace(from->space, from->space_record);
  for (const auto& [id, size] : dimensions) {
    const auto model = ledger.models.find(id);
    if (salvage->spaces.contains(id) || model == ledger.models.end()) continue;
    for (const char* task : kTaskTypes) {
      const EmbeddingIdentity identity{model->second.first, size, task, 1};
      if (MakeSpaceId(identity) == id) salvage->spaces[id] = {identity, model->second.second, 0};
    }
  }
}

/// Not thread-safe; one thread at a time.
class Recovery {
 public:
  Recovery(const fs::path& directory, const RecoverOptions& options)
      : directory_(directory),
        options_(options),
        micros_((options.clock != nullptr ? *options.clock : SystemClock()).WallMicros()) {}

  Result<RecoverReport> Run() {
    if (HasPendingSwap(directory_)) {
      if (options_.dry_run) return PendingReport();
      auto set_aside = FinishSwap(directory_);
      if (!set_aside.ok()) return set_aside.status();
      report_.set_aside = *std::move(set_aside);
    }
    if (!options_.dry_run) RemoveUnfinishedParts(directory_);
    Say("everything, for damage");
    if (Status looked = Look(&report_.damaged, &report_.total_damaged); !looked.ok()) return looked;
    if (Status added = AddUnknownJobs(); !added.ok()) return added;
    if (report_.total_damaged == 0) return std::move(report_);
    if (Status planned = Plan(); !planned.ok()) return planned;
    if (options_.dry_run) return std::move(report_);
    if (Status done = Do(); !done.ok()) return done;
    Say("everything once more");
    if (Status looked = Look(&report_.left, &report_.total_left); !looked.ok()) return looked;
    return std::move(report_);
  }

 private:
  void Say(std::string_view what) const {
    if (options_.on_progress) options_.on_progress(what);
  }

  RecoverReport PendingReport() {
    report_.new_store = true;
    report_.remarks.emplace_back(
        "an earlier recovery was cut off while it put the new store in its place; with --yes this "
        "one goes on there");
    return std::move(report_);
  }

  Status Look(std::vector<Damage>* damaged, std::uint64_t* total) const {
    VerifyOptions verify;
    verify.most_listed = kMostListed;
    auto found = VerifyAll(directory_, verify);
    if (!found.ok() && found.code() != Code::kIncompatible) return found.status();
    if (!found.ok()) {  // StoreFiles judges by the files whether it is really foreign.
      damaged->push_back({"store", (directory_ / "store").string(), found.status().message(), ""});
      *total = 1;
      return {};
    }
    *damaged = std::move(found->damaged);
    *total = found->total_damaged;
    return {};
  }

  /// A ledger that was cut between two entries looks whole. The files of jobs tell.
  Status AddUnknownJobs() {
    const auto ledger = SalvageLedger(LedgerPath(directory_));
    if (!ledger.ok()) return ledger.status();
    for (const fs::path& file : FilesOfUnknownJobs(directory_, ledger->entries)) {
      ++report_.total_damaged;
      report_.damaged.push_back(
          {"job", file.string(),
           "is of a request that the ledger does not know: it was never "
           "written down, or the ledger has lost it",
           "the next ingest looks for a job on the server; an answer is taken "
           "over"});
    }
    return {};
  }

  Status Plan() {
    Say("what is left of the store");
    auto files = StoreFiles::Open(directory_);
    if (!files.ok()) return files.status();
    files_ = *std::move(files);
    std::vector<SalvagedList> inputs;
    for (const Dataset* dataset : options_.inputs) {
      auto input = ReadInput(*dataset);
      if (!input.ok()) return input.status();
      inputs.push_back(*std::move(input));
    }
    salvage_ = SalvageStore(*files_, everything_, inputs);
    auto ledger = PlanLedger(directory_, salvage_, options_.price_of, micros_);
    if (!ledger.ok()) return ledger.status();
    if (ledger->store_is_behind) {
      // It has lost its newest records: they may lie in files that it does not know any more.
      everything_ = true;
      salvage_ = SalvageStore(*files_, everything_, inputs);
      ledger = PlanLedger(directory_, salvage_, options_.price_of, micros_);
      if (!ledger.ok()) return ledger.status();
    }
    ledger_ = *std::move(ledger);
    if (salvage_.meta && salvage_.meta->format_version > kFormatVersion) {
      return {Code::kIncompatible, "the store in '" + directory_.string() +
                                       "' was written by a newer embstore: use that one"};
    }
    if (Status restored = Restore(); !restored.ok()) return restored;
    lost_ = FindLost(salvage_, ledger_, &report_);
    Describe();
    return {};
  }

  Status Restore() {
    Say("exports");
    std::vector<fs::path> directories = {directory_};
    for (const fs::path& other : options_.export_directories) {
      std::error_code error;
      if (!fs::is_directory(other, error)) {
        return {Code::kInvalidArgument, "there is no directory '" + other.string() + "'"};
      }
      if (!fs::equivalent(other, directory_, error)) directories.push_back(other);
    }
    for (const auto& [key, text] : salvage_.texts) {
      report_.kept_vectors += text.whole() ? 1 : 0;
      report_.rebuilt_index += text.whole() && text.index_is_new ? 1 : 0;
    }
    exports_ = FindExports(directories, salvage_, ledger_.header.store_id, &report_.remarks);
    NameSpaces(ledger_, exports_, salvage_.dimensions, &salvage_);
    return TakeFromExports(exports_, ledger_, micros_, &salvage_, &report_);
  }

  void Describe() {
    report_.kept_texts = salvage_.stored_texts;
    for (const auto& [name, list] : salvage_.lists) {
      if (list.whole) ++report_.kept_lists;
      if (!list.whole) report_.dropped_lists.push_back(name);
    }
    std::uint64_t unknown = 0;
    for (const auto& [key, text] : salvage_.texts) {
      unknown += text.has_vector && !text.has_index ? 1 : 0;
    }
    if (unknown > 0) {
      report_.remarks.push_back(std::to_string(unknown) +
                                " good vectors are of texts that nothing here knows any more: give "
                                "the documents with --input");
    }
    if (ledger_.found_jobs > 0) {
      report_.remarks.push_back(
          std::to_string(ledger_.found_jobs) +
          " batch jobs or quarantined answers are known by their files alone: "
          "the next ingest looks for the jobs on the server, and 'embstore "
          "jobs' shows all of them");
    }
    report_.new_ledger = ledger_.is_new;
    report_.new_store = std::any_of(report_.damaged.begin(), report_.damaged.end(), IsOfStore) ||
                        report_.total_damaged > report_.damaged.size() || everything_ ||
                        !report_.sources.empty();
    report_.ledger_entries = ledger_.read_entries;
    report_.ledger_unread = ledger_.is_new ? ledger_.unread_bytes : 0;
    report_.ledger_requests = ledger_.lost_requests;
    report_.witnessed = ledger_.witnessed;
    report_.witnessed_cost = ledger_.witnessed_cost;
    report_.witnessed_estimated = ledger_.estimated;
    report_.witnessed_unpriced = ledger_.unpriced;
  }

  Status Do() {
    if (report_.new_store || report_.new_ledger) {
      Status swapped = Build();
      if (swapped.ok()) {
        EMBSTORE_CRASH_POINT("recover-built");
        swapped = Swap();
      }
      if (!swapped.ok()) {
        if (!HasPendingSwap(directory_)) RemoveUnfinishedParts(directory_);
        return swapped;
      }
    }
    if (!options_.give_up || lost_.empty()) return {};
    return GiveUp();
  }

  Status Build() {
    if (Status enough = CheckSpace(); !enough.ok()) return enough;
    if (report_.new_ledger) {
      const Status written =
          WriteLedger(RecoveringPath(directory_, "ledger"), ledger_.header, ledger_.entries);
      if (!written.ok()) return written;
    }
    if (!report_.new_store) return {};
    Say("and writing the new store");
    MetaRecord meta = salvage_.meta.value_or(MetaRecord());
    if (!salvage_.meta) {
      meta.store_id = ledger_.header.store_id.empty() ? NewStoreId() : ledger_.header.store_id;
      meta.created_micros = micros_;
      meta.has_ledger = true;
    }
    meta.has_sketches = true;
    const NewStore store{*files_,
                         salvage_,
                         exports_,
                         everything_,
                         options_.store_texts ? options_.inputs : std::vector<const Dataset*>(),
                         meta,
                         ledger_.commit};
    return WriteNewStore(store, RecoveringPath(directory_, "store"));
  }

  Status CheckSpace() const {
    std::error_code error;
    const auto space = fs::space(directory_, error);
    const std::uint64_t needed = report_.new_store ? files_->bytes() : 0;
    if (error || space.available >= needed) return {};
    return {Code::kWriteFailed, "the new store needs about " + std::to_string(needed) +
                                    " bytes beside the damaged one, and '" + directory_.string() +
                                    "' has " + std::to_string(space.available) +
                                    "; nothing was changed: free some space, then run again"};
  }

  Status Swap() {
    SwapPlan plan{report_.new_store,     report_.new_ledger,     CompactUtc(micros_),
                  ledger_.commit.number, ledger_.commit.charges, ledger_.renumbered};
    std::error_code error;
    for (int i = 2; fs::exists(directory_ / ("store.damaged-" + plan.suffix), error) ||
                    fs::exists(directory_ / ("ledger.damaged-" + plan.suffix), error);
         ++i) {
      plan.suffix = CompactUtc(micros_) + "-" + std::to_string(i);
    }
    if (Status begun = BeginSwap(directory_, plan); !begun.ok()) return begun;
    files_.reset();
    auto set_aside = FinishSwap(directory_);
    if (!set_aside.ok()) return set_aside.status();
    report_.set_aside.insert(report_.set_aside.end(), set_aside->begin(), set_aside->end());
    return {};
  }

  /// Afterwards the ledger does not ask for what is lost.
  Status GiveUp() {
    auto ledger = Ledger::Open(LedgerPath(directory_), "", /*read_only=*/false);
    if (!ledger.ok()) return ledger.status();
    for (const auto& [space, keys] : lost_) {
      for (std::size_t at = 0; at < keys.size(); at += kRemovalKeys) {
        const std::size_t count = std::min(kRemovalKeys, keys.size() - at);
        const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(at);
        const Status removed = (*ledger)->Remove(
            {space, {begin, begin + static_cast<std::ptrdiff_t>(count)}, micros_});
        if (!removed.ok()) return removed;
        EMBSTORE_CRASH_POINT("recover-given-up");
      }
    }
    report_.given_up = true;
    return {};
  }

  const fs::path& directory_;
  const RecoverOptions& options_;
  const std::int64_t micros_;
  RecoverReport report_;
  bool everything_ = false;
  std::unique_ptr<StoreFiles> files_;
  Salvage salvage_;
  LedgerPlan ledger_;
  std::vector<std::unique_ptr<ExportVectors>> exports_;
  LostKeys lost_;
};

}  // namespace

Result<RecoverReport> Recover(const fs::path& directory, const RecoverOptions& options) {
  std::error_code error;
  if (!fs::exists(directory / "store", error) && !fs::exists(LedgerPath(directory), error) &&
      !HasPendingSwap(directory)) {
    return Status(Code::kNotFound, "there is no store in '" + directory.string() +
                                       "'; run 'embstore ingest' first, or give --store DIR");
  }
  auto lock = DirectoryLock::Acquire(directory);
  if (!lock.ok()) return lock.status();
  return Recovery(directory, options).Run();
}

}  // namespace embstore
