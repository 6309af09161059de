// SPDX-License-Identifier: Apache-2.0
// The local side of batch jobs: `<cache_dir>/jobs` keeps each job's input until its result is
// stored, and its result until it is settled. A job is collected from these files alone, whatever
// has become of the dataset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/batch.h"
#include "embstore/identity.h"
#include "embstore/spending.h"
#include "embstore/status.h"

namespace embstore {

/// A job's name for the server, unique per job: "embstore-<store id>-<token>", where the token
/// depends on the input, the time and the run. The token also names the job's files.
std::string JobDisplayName(std::string_view store_id, std::uint64_t input_digest,
                           std::int64_t micros, std::uint32_t run);

/// So many hex digits has a token.
inline constexpr std::size_t kTokenDigits = 16;

struct JobInputFile {
  std::string display_name;
  std::uint64_t bytes = 0;
  std::uint64_t digest = 0;
};

/// Writes the input of a job, durably. The keys are hex content hashes; REQUIRES: all different.
Result<JobInputFile> WriteJobInput(const std::filesystem::path& directory,
                                   std::string_view store_id, const BatchApi& api,
                                   std::span<const std::string> texts,
                                   std::span<const TextKey> keys, std::int64_t micros,
                                   std::uint32_t run);

/// The input as it was uploaded. kCorruption: it is not the file that the ledger knows, or it is
/// gone.
Result<std::string> ReadJobInputBytes(const std::filesystem::path& directory, const JobRecord& job);

struct JobText {
  TextKey key;
  std::string text;
};
/// The same as texts. Errors as above.
Result<std::vector<JobText>> ReadJobInput(const std::filesystem::path& directory,
                                          const BatchApi& api, const JobRecord& job);

std::filesystem::path JobInputPath(const std::filesystem::path& directory, const JobRecord& job);
std::filesystem::path JobResultPath(const std::filesystem::path& directory, const JobRecord& job);

/// Calls `visit` for each line of a file that is not empty. kNotFound: no such file.
Status ForEachLine(const std::filesystem::path& path,
                   const std::function<Status(std::string_view)>& visit);

/// The display name of the job whose input or result file this is. Nothing: it is none.
std::optional<std::string> DisplayNameOfFile(const std::filesystem::path& file,
                                             std::string_view store_id);

bool IsResultFile(const std::filesystem::path& file);

/// Removes the files of a job that has ended.
void RemoveJobFiles(const std::filesystem::path& directory, const JobRecord& job);

/// Files that belong to none of `open`: of jobs that were never written down, or that ended just
/// before their process did.
std::vector<std::filesystem::path> StrayJobFiles(const std::filesystem::path& directory,
                                                 std::span<const JobRecord> open);
/// Removes them.
void RemoveStrayJobFiles(const std::filesystem::path& directory, std::span<const JobRecord> open);

}  // namespace embstore
