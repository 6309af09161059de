// SPDX-License-Identifier: Apache-2.0
// Batch jobs that the ledger has lost and whose input files are still there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/ledger/ledger_salvage.h"
#include "engine/recover/salvage.h"
#include "engine/store/store_swap.h"

namespace embstore {

/// Input files and quarantined answers that `entries` do not know: of runs that died before they
/// wrote a job down, or of requests whose entries are lost.
std::vector<std::filesystem::path> FilesOfUnknownJobs(const std::filesystem::path& directory,
                                                      const std::vector<LedgerEntry>& entries);

/// Numbers behind all others for quarantined answers that are not those of the request with their
/// number, or whose number is far from any. kWriteFailed: the directory cannot be read.
Result<AnswerNumbers> NumberAnswers(const std::filesystem::path& directory,
                                    const std::vector<LedgerEntry>& entries);

/// Requests whose answers are in quarantine and whose entries are lost, by what their numbers
/// become: by the files of the answers, of the paid space that fits best. One that cannot be read
/// is of no texts: a person decides about it.
QuarantinedRequests FindLostQuarantine(const std::filesystem::path& directory,
                                       const std::vector<LedgerEntry>& entries,
                                       const AnswerNumbers& numbers, const Salvage& salvage,
                                       std::int64_t micros);

/// Entries, to stand behind `entries`, that make them jobs whose creation got no answer: the next
/// run looks for them on the server, and does not send their texts as long as it may find them: of
/// a damaged file, those that can be read.
std::vector<LedgerEntry> FindLostJobs(const std::filesystem::path& directory,
                                      const std::vector<LedgerEntry>& entries,
                                      const Salvage& salvage, const std::string& store_id,
                                      std::int64_t micros);

/// Entries, to stand behind `entries`, for the open jobs among them, whose later entries may be
/// lost: a job may have been created, and is looked for on the server before it is sent again.
std::vector<LedgerEntry> DoubtOpenJobs(const std::vector<LedgerEntry>& entries,
                                       std::int64_t micros);

}  // namespace embstore
