// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/job_files.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>

#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/hash/hash.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInputSuffix = ".jsonl";
constexpr std::string_view kResultSuffix = ".result.jsonl";
constexpr std::size_t kReadBuffer = 1U << 20;

std::uint64_t First8(const ContentHash& hash) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | hash.bytes[i];
  return value;
}

std::string NameOf(std::string_view store_id, const std::string& token) {
  return "embstore-" + std::string(store_id) + "-" + token;
}

std::string TokenOf(const JobRecord& job) {
  const std::string& name = job.display_name;
  return name.substr(name.size() - std::min(name.size(), kTokenDigits));
}

Status InputDamaged(const fs::path& path, const JobRecord& job, const char* what) {
  return {Code::kCorruption,
          "the input file '" + path.string() + "' of job " + std::to_string(job.id) + " " + what +
              "; its result was not stored and nothing was sent: put the file back from a backup, "
              "or give the job up with 'embstore jobs --abandon " +
              std::to_string(job.id) + "'"};
}

}  // namespace

std::string JobDisplayName(std::string_view store_id, std::uint64_t input_digest,
                           std::int64_t micros, std::uint32_t run) {
  const std::string facts =
      std::to_string(input_digest) + "/" + std::to_string(micros) + "/" + std::to_string(run);
  return NameOf(store_id, ToHex(HashBytes(facts)).substr(0, kTokenDigits));
}

std::optional<std::string> DisplayNameOfFile(const fs::path& file, std::string_view store_id) {
  const std::string name = file.filename().string();
  const std::string token = name.substr(0, name.find('.'));
  const bool is_token = token.size() == kTokenDigits &&
                        token.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_token ? std::optional(NameOf(store_id, token)) : std::nullopt;
}

bool IsResultFile(const fs::path& file) {
  return file.filename().string().ends_with(kResultSuffix);
}

fs::path JobInputPath(const fs::path& directory, const JobRecord& job) {
  return JobsDirectory(directory) / (TokenOf(job) + std::string(kInputSuffix));
}

fs::path JobResultPath(const fs::path& directory, const JobRecord& job) {
  return JobsDirectory(directory) / (TokenOf(job) + std::string(kResultSuffix));
}

Result<JobInputFile> WriteJobInput(const fs::path& directory, std::string_view store_id,
                                   const BatchApi& api, std::span<const std::string> texts,
                                   std::span<const TextKey> keys, std::int64_t micros,
                                   std::uint32_t run) {
  if (Status made = MakeJobsDirectory(directory); !made.ok()) return made;
  std::string content;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    api.AppendInputRow(ToHex(keys[i].hash), texts[i], &content);
  }
  JobInputFile input;
  input.bytes = content.size();
  input.digest = First8(HashBytes(content));
  input.display_name = JobDisplayName(store_id, input.digest, micros, run);
  JobRecord job;
  job.display_name = input.display_name;
  auto file = AtomicFile::Create(JobInputPath(directory, job));
  if (!file.ok()) return file.status();
  if (Status written = (*file)->Append(content); !written.ok()) return written;
  if (Status committed = (*file)->Commit(); !committed.ok()) return committed;
  return input;
}

Result<std::string> ReadJobInputBytes(const fs::path& directory, const JobRecord& job) {
  const fs::path path = JobInputPath(directory, job);
  auto content = ReadWholeFile(path, job.input_bytes);
  if (content.code() == Code::kNotFound) return InputDamaged(path, job, "is gone");
  if (!content.ok() && content.code() != Code::kInvalidArgument) return content.status();
  if (!content.ok() || content->size() != job.input_bytes ||
      First8(HashBytes(*content)) != job.input_digest) {
    return InputDamaged(path, job, "is damaged");
  }
  return content;
}

Result<std::vector<JobText>> ReadJobInput(const fs::path& directory, const BatchApi& api,
                                          const JobRecord& job) {
  const fs::path path = JobInputPath(directory, job);
  auto content = ReadJobInputBytes(directory, job);
  if (!content.ok()) return content.status();
  std::vector<JobText> texts;
  std::string_view rest = *content;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    auto row = api.ReadInputRow(rest.substr(0, end));
    if (!row.ok()) return row.status().Prefixed(path.string());
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    texts.push_back({MakeTextKey(row->text), std::move(row->text)});
  }
  return texts;
}

Status ForEachLine(const fs::path& path, const std::function<Status(std::string_view)>& visit) {
  std::vector<char> buffer(kReadBuffer);
  std::ifstream file;
  file.rdbuf()->pubsetbuf(buffer.data(), static_cast<std::streamsize>(buffer.size()));
  file.open(path, std::ios::binary);
  if (!file) return ErrnoStatus(Code::kNotFound, "read", path, errno);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    if (Status visited = visit(line); !visited.ok()) return visited;
  }
  if (file.bad()) return ErrnoStatus(Code::kCorruption, "read", path, errno);
  return {};
}

void RemoveJobFiles(const fs::path& directory, const JobRecord& job) {
  std::error_code ignored;
  if (job.batch) {
    fs::remove(JobInputPath(directory, job), ignored);
    fs::remove(JobResultPath(directory, job), ignored);
  } else {
    fs::remove(QuarantinePath(directory, job.id), ignored);
  }
  RemoveJobsDirectory(directory);
}

std::vector<fs::path> StrayJobFiles(const fs::path& directory, std::span<const JobRecord> open) {
  std::set<fs::path> known;
  for (const JobRecord& job : open) {
    if (job.batch) {
      known.insert(JobInputPath(directory, job));
      known.insert(JobResultPath(directory, job));
    } else {
      known.insert(QuarantinePath(directory, job.id));
    }
  }
  std::vector<fs::path> stray;
  const auto files = ListJobsDirectory(directory);
  if (!files.ok()) return stray;
  for (const fs::path& path : *files) {
    // Kept answers are never stray: they are stored, or a person looks at them.
    const bool ours =
        path.filename().string().find(kInputSuffix) != std::string::npos && !IsKeptFile(path);
    if (ours && !known.contains(path)) stray.push_back(path);
  }
  return stray;
}

void RemoveStrayJobFiles(const fs::path& directory, std::span<const JobRecord> open) {
  std::error_code ignored;
  for (const fs::path& path : StrayJobFiles(directory, open)) fs::remove(path, ignored);
  RemoveJobsDirectory(directory);
}

}  // namespace embstore
