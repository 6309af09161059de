// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_swap.h"

#include <array>
#include <cerrno>
#include <sstream>
#include <system_error>

#include "engine/base/crash_point.h"
#include "engine/base/file.h"
#include "engine/store/database.h"
#include "engine/store/kept_files.h"
#include "engine/store/store_builder.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostPlanBytes = 64 << 20;
constexpr std::array kParts = {"store", "ledger"};

/// While this file is there, the swap is not finished.
fs::path PlanPath(const fs::path& directory) { return directory / "recovering"; }

Result<SwapPlan> ReadPlan(const fs::path& directory) {
  const auto text = ReadWholeFile(PlanPath(directory), kMostPlanBytes);
  if (!text.ok()) return text.status();
  std::istringstream words(*text);
  SwapPlan plan;
  words >> plan.store >> plan.ledger >> plan.commit >> plan.charges >> plan.suffix;
  bool is_whole = !words.fail();
  for (std::uint64_t number = 0; is_whole && words >> number;) {
    is_whole = !(words >> plan.renumbered[number]).fail();
  }
  if (is_whole && words.eof()) return plan;
  return Status(Code::kCorruption, "'" + PlanPath(directory).string() +
                                       "' cannot be read; the parts of the store lie beside it "
                                       "and nothing was removed");
}

Status Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  return error ? ErrnoStatus(Code::kWriteFailed, "rename", from, error.value()) : Status();
}

/// `*set_aside` gets where the old part is, if there was one.
Status SwapPart(const fs::path& directory, const char* part, const std::string& suffix,
                std::vector<fs::path>* set_aside) {
  const fs::path old_place = directory / part;
  const fs::path new_part = RecoveringPath(directory, part);
  const fs::path aside = directory / (std::string(part) + ".damaged-" + suffix);
  std::error_code error;
  if (fs::exists(fs::symlink_status(new_part, error))) {
    if (fs::exists(fs::symlink_status(old_place, error))) {
      if (Status moved = Rename(old_place, aside); !moved.ok()) return moved;
      if (Status synced = SyncDirectory(directory); !synced.ok()) return synced;
    }
    EMBSTORE_CRASH_POINT("recover-set-aside");
    if (Status moved = Rename(new_part, old_place); !moved.ok()) return moved;
    if (Status synced = SyncDirectory(directory); !synced.ok()) return synced;
    EMBSTORE_CRASH_POINT("recover-swapped");
  }
  if (fs::exists(fs::symlink_status(aside, error))) set_aside->push_back(aside);
  return {};
}

/// Those that still have their old numbers.
Status RenumberAnswers(const fs::path& directory, const AnswerNumbers& numbers) {
  for (const auto& [number, own] : numbers) {
    const fs::path file = QuarantinePath(directory, number);
    std::error_code error;
    if (!fs::exists(fs::symlink_status(file, error))) continue;
    if (Status moved = Rename(file, QuarantinePath(directory, own)); !moved.ok()) return moved;
  }
  return numbers.empty() ? Status() : SyncDirectory(JobsDirectory(directory));
}

bool Opens(const fs::path& directory) {
  Store::Impl impl;
  return OpenDatabase(OpenMode::kReadOnly, directory / "store", &impl).ok();
}

}  // namespace

fs::path RecoveringPath(const fs::path& directory, const char* part) {
  return directory / (std::string(part) + ".recovering");
}

bool HasPendingSwap(const fs::path& directory) {
  std::error_code error;
  return fs::exists(fs::symlink_status(PlanPath(directory), error));
}

Status CheckNoPendingSwap(const fs::path& directory) {
  if (!HasPendingSwap(directory)) return {};
  return {Code::kCorruption, "the store in '" + directory.string() +
                                 "' was being recovered when the process ended; nothing was sent "
                                 "or removed: run 'embstore recover --yes', which goes on"};
}

Status BeginSwap(const fs::path& directory, const SwapPlan& plan) {
  auto file = AtomicFile::Create(PlanPath(directory));
  if (!file.ok()) return file.status();
  std::ostringstream words;
  words << plan.store << ' ' << plan.ledger << ' ' << plan.commit << ' ' << plan.charges << ' '
        << plan.suffix << '\n';
  for (const auto& [number, own] : plan.renumbered) words << number << ' ' << own << '\n';
  if (Status written = (*file)->Append(words.str()); !written.ok()) return written;
  Status begun = (*file)->Commit();
  EMBSTORE_CRASH_POINT("recover-planned");
  return begun;
}

Result<std::vector<fs::path>> FinishSwap(const fs::path& directory) {
  const auto plan = ReadPlan(directory);
  if (!plan.ok()) return plan.status();
  if (Status named = RenumberAnswers(directory, plan->renumbered); !named.ok()) return named;
  std::vector<fs::path> set_aside;
  for (const char* part : kParts) {
    const bool is_new = part == std::string_view("store") ? plan->store : plan->ledger;
    if (!is_new) continue;
    if (Status swapped = SwapPart(directory, part, plan->suffix, &set_aside); !swapped.ok()) {
      return swapped;
    }
  }
  if (!plan->store) {
    const Status written = WriteCommitRecord(directory, {plan->commit, plan->charges, {}});
    // A store that does not open at all got damaged since the plan was made. A recovery that goes
    // on here, or the next one, makes a new one, which agrees with the ledger.
    if (!written.ok() && Opens(directory)) return written;
  }
  std::error_code error;
  fs::remove(PlanPath(directory), error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "remove", PlanPath(directory), error.value());
  if (Status synced = SyncDirectory(directory); !synced.ok()) return synced;
  return set_aside;
}

void RemoveUnfinishedParts(const fs::path& directory) {
  std::error_code error;
  for (const char* part : kParts) fs::remove_all(RecoveringPath(directory, part), error);
}

}  // namespace embstore
