// SPDX-License-Identifier: Apache-2.0
// What lies beside the database: ledger, files of jobs, exports, litter.
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <optional>
#include <system_error>

#include "engine/exporter/export_files.h"
#include "engine/exporter/metadata.h"
#include "engine/ingest/job_files.h"
#include "engine/ingest/quarantine.h"
#include "engine/store/store_ledger.h"
#include "engine/verify/checks.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryMark = ".tmp-";
constexpr const char* kExportAgain =
    "remove it and run 'embstore export' again, which costs nothing";
constexpr const char* kRestoreBoth =
    "'embstore recover' says what it can bring back without paying; or put back the newest copy of "
    "the whole cache directory";

std::uint64_t SizeOf(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

/// What stands before the first semicolon: the error without advice for other moments.
std::string Head(const Status& status) {
  return status.message().substr(0, status.message().find(';'));
}

/// Store and ledger are witnesses of each other: the store was read after `before` and before
/// `after`.
void CompareWithStore(const Ledger& before, const Ledger& after, const std::string& where,
                      Findings* findings) {
  const LedgerPosition position = before.position();
  const CommitRecord& commit = *findings->commit;
  if (position.commit > commit.number || position.charges > commit.charges) {
    const std::uint64_t texts = before.TextsAfterCommit(commit.number);
    findings->AddDamage("ledger", where,
                        "the store is older than its ledger (commit " +
                            std::to_string(commit.number) + " of " +
                            std::to_string(position.commit) + "): " + std::to_string(texts) +
                            " texts that were paid for are missing",
                        kRestoreBoth);
  } else if (after.position().charges + 1 < commit.charges) {
    findings->AddDamage("ledger", where,
                        "the ledger is older than the store: it lacks " +
                            std::to_string(commit.charges - after.position().charges) +
                            " commits that cost money",
                        kRestoreBoth);
  }
}

/// What `ledger` says was bought in `space` and the index lacks.
Result<std::vector<std::uint64_t>> LostTexts(const Ledger& ledger, SpaceId id,
                                             const Findings::Space& space) {
  const auto bought = ledger.AllBought(id);
  if (!bought.ok()) return bought.status();
  std::vector<std::uint64_t> lost;
  std::set_difference(bought->begin(), bought->end(), space.present.begin(), space.present.end(),
                      std::back_inserter(lost));
  return lost;
}

/// Each text that was paid for and stored `before`, and not dropped by gc `after`, has a vector.
void CheckBought(const Ledger& before, const Ledger& after, const std::string& where,
                 Findings* findings) {
  if (!findings->index_is_whole) return;
  for (const auto& [id, space] : findings->spaces) {
    const auto earlier = LostTexts(before, id, space);
    const auto later = LostTexts(after, id, space);
    if (!earlier.ok() || !later.ok()) {
      const Status& failed = earlier.ok() ? later.status() : earlier.status();
      findings->AddDamage("ledger", where, Head(failed), kRestoreBoth);
      return;
    }
    std::vector<std::uint64_t> lost;
    std::set_intersection(earlier->begin(), earlier->end(), later->begin(), later->end(),
                          std::back_inserter(lost));
    if (lost.empty()) continue;
    findings->AddDamage("ledger", where,
                        std::to_string(lost.size()) + " texts were paid for and stored (model " +
                            space.record.identity.model +
                            "), and the store does not have their vectors",
                        kRestoreBoth);
  }
}

void CheckJob(const JobRecord& job, Findings* findings) {
  const fs::path& directory = findings->directory;
  const std::string next =
      "put the file back from a backup, or give the job up with 'embstore "
      "jobs --abandon " +
      std::to_string(job.id) + "', which lets its texts be sent, and paid for, again";
  if (job.batch) {
    const fs::path path = JobInputPath(directory, job);
    const auto input = ReadJobInputBytes(directory, job);
    if (!input.ok()) findings->AddDamage("job", path.string(), Head(input.status()), next);
    findings->report.checked.bytes += SizeOf(path);
    return;
  }
  const auto space = findings->spaces.find(job.space);
  if (job.step != JobStep::kQuarantined || space == findings->spaces.end()) return;
  const fs::path path = QuarantinePath(directory, job.id);
  const auto answer = ReadQuarantine(directory, job.id, space->second.record.identity.dimensions);
  if (!answer.ok()) findings->AddDamage("job", path.string(), Head(answer.status()), next);
  findings->report.checked.bytes += SizeOf(path);
}

void CheckKept(Findings* findings) {
  const auto kept = SummarizeKept(findings->directory);
  if (!kept.ok()) {
    findings->AddDamage("reply", JobsDirectory(findings->directory).string(), Head(kept.status()),
                        kRestoreBoth);
    return;
  }
  findings->report.kept_replies = kept->replies;
  findings->report.checked.bytes += kept->bytes;
  for (const fs::path& path : kept->damaged) {
    findings->AddDamage("reply", path.string(),
                        "answers that were paid for and could not be stored are damaged",
                        "put the file back from a backup before the next ingest, or remove it: its "
                        "texts are in doubt");
  }
}

void CheckJobs(const Ledger& ledger, Findings* findings) {
  std::vector<JobRecord> open = ledger.Jobs();
  std::erase_if(open, [](const JobRecord& job) { return !job.open(); });
  for (const JobRecord& job : open) CheckJob(job, findings);
  CheckKept(findings);
  for (const fs::path& path : StrayJobFiles(findings->directory, open)) {
    findings->report.litter.push_back(path.string() + ": a file of no open job");
  }
}

/// Whether the process that wrote `name` ("...tmp-PID-N") is at work.
bool WriterLives(std::string_view name) {
  const std::size_t at = name.rfind(kTemporaryMark) + kTemporaryMark.size();
  int pid = 0;
  std::from_chars(name.data() + at, name.data() + name.size(), pid);
  return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

void CheckFile(const fs::path& path, const FileDigest& expected, Findings* findings) {
  findings->Progress("exports", expected.bytes);
  const auto actual = DigestFile(path);
  if (!actual.ok()) {
    findings->AddDamage("export", path.string(), actual.status().message(), kExportAgain);
    return;
  }
  findings->report.checked.bytes += actual->bytes;
  if (actual->xxh3_128 == expected.xxh3_128) return;
  findings->AddDamage("export", path.string(),
                      actual->bytes == expected.bytes
                          ? "its content is not what was written"
                          : "it has " + std::to_string(actual->bytes) + " bytes, and " +
                                std::to_string(expected.bytes) + " were written",
                      kExportAgain);
}

void CheckExport(const ExportPaths& paths, Findings* findings) {
  const auto metadata = ReadMetadata(paths);
  if (!metadata) {
    findings->AddDamage("export", paths.metadata.string(),
                        "it cannot be read, so nothing vouches for the files beside it",
                        kExportAgain);
    return;
  }
  ++findings->report.checked.exports;
  for (const auto& [part, digest] : metadata->parts) CheckFile(part.path, digest, findings);
}

/// The export that `name` is the file of vectors or the metadata file of.
std::optional<ExportPaths> ExportOf(const fs::path& directory, const std::string& name) {
  for (const ExportFormat format : {ExportFormat::kNpy, ExportFormat::kArrow}) {
    const ExportPaths unnamed(directory, "", format);
    for (const fs::path& path : {unnamed.parts.front().path, unnamed.metadata}) {
      const std::string suffix = path.filename().string();
      if (!name.ends_with(suffix)) continue;
      return ExportPaths(directory, name.substr(0, name.size() - suffix.size()), format);
    }
  }
  return std::nullopt;
}

}  // namespace

void CheckLedger(const Ledger* before, bool store_was_read, Findings* findings) {
  const fs::path path = LedgerPath(findings->directory);
  const std::string where = path.string();
  const std::string store_id = findings->meta ? findings->meta->store_id : "";
  const auto ledger = Ledger::Open(path, store_id, /*read_only=*/true);
  findings->Progress("ledger", SizeOf(path));
  if (ledger.code() == Code::kNotFound) {
    const bool was_used =
        findings->meta && findings->meta->has_ledger &&
        (!findings->spaces.empty() || (findings->commit && findings->commit->number > 0));
    if (!was_used) return;
    findings->AddDamage(
        "ledger", where, "it is gone, and with it what was spent; vectors do not depend on it",
        "'embstore recover' makes one of what the store knows; or put it back from a backup");
    return;
  }
  if (!ledger.ok()) {
    findings->AddDamage("ledger", where, Head(ledger.status()), kRestoreBoth);
    return;
  }
  findings->report.checked.ledger_entries = (*ledger)->CountEntries();
  findings->report.checked.bytes += SizeOf(path);
  if (store_was_read && findings->commit) {
    const Ledger& earlier = before == nullptr ? **ledger : *before;
    CompareWithStore(earlier, **ledger, where, findings);
    CheckBought(earlier, **ledger, where, findings);
  }
  CheckJobs(**ledger, findings);
}

void CheckExports(const fs::path& directory, Findings* findings) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name.find(kTemporaryMark) != std::string::npos) {
      if (WriterLives(name)) continue;
      findings->report.litter.push_back((directory / name).string() +
                                        ": a file that was never finished");
    } else if (name == "store.new") {
      findings->report.litter.push_back((directory / name).string() +
                                        ": a store that was never finished");
    }
    if (name.starts_with("store.damaged-") || name.starts_with("ledger.damaged-")) {
      findings->report.litter.push_back((directory / name).string() +
                                        ": set aside by 'embstore recover'; may be removed");
    } else if (name.ends_with(".recovering")) {
      findings->report.litter.push_back((directory / name).string() +
                                        ": a recovery that was never finished");
    }
    const auto paths = ExportOf(directory, name);
    if (!paths) continue;
    const bool has_vectors = fs::exists(paths->parts.front().path, error);
    const bool is_metadata = paths->metadata.filename() == name;
    if (is_metadata && (has_vectors || ReadMetadata(*paths))) {  // Others have such files too.
      CheckExport(*paths, findings);
    } else if (!is_metadata && !fs::exists(paths->metadata, error)) {
      findings->report.litter.push_back((directory / name).string() +
                                        ": an export without its metadata file; nothing vouches "
                                        "for it");
    }
  }
}

}  // namespace embstore
