// SPDX-License-Identifier: Apache-2.0
#include "engine/store/kept_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <system_error>
#include <utility>

#include "engine/base/file.h"
#include "engine/base/text.h"
#include "engine/hash/hash.h"
#include "engine/json/json_writer.h"
#include "engine/store/store_writer.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;
constexpr std::string_view kDigestMember = "{\"xxh3_128\":\"";
constexpr std::string_view kKept = "kept-";
constexpr std::string_view kQuarantined = "request-";
constexpr std::string_view kReserve = "reserve-";
constexpr std::string_view kSuffix = ".jsonl";

// "-1.17549435e-38," is the longest a number can be.
constexpr std::uint64_t kNumberBytes = 16;
constexpr std::uint64_t kRowBytes = 64;
constexpr std::uint64_t kHeadBytes = 512;
constexpr std::uint64_t kShareBytes = 192;
constexpr std::uint64_t kMostShares = 64;

std::optional<std::uint64_t> NumberIn(const fs::path& path, std::string_view prefix) {
  const std::string name = path.filename().string();
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return std::nullopt;
  if (name.size() <= prefix.size() + kSuffix.size()) return std::nullopt;
  const char* const end = name.data() + name.size() - kSuffix.size();
  std::uint64_t number = 0;
  const auto read = std::from_chars(name.data() + prefix.size(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

fs::path Numbered(const fs::path& directory, std::string_view prefix, std::uint64_t number) {
  return JobsDirectory(directory) /
         (std::string(prefix) + std::to_string(number) + std::string(kSuffix));
}

std::string DigestLine(std::string_view content) {
  return std::string(kDigestMember) + ToHex(HashBytes(content)) + "\"}\n";
}

Status Damaged(const fs::path& path) {
  return {Code::kCorruption,
          "the kept answers '" + path.string() + "' are damaged; nothing of them was stored"};
}

/// False: one is no line of JSON, or `take` refuses it.
bool ForEachLine(std::string_view lines, const std::function<bool(const JsonValue&)>& take) {
  JsonParser parser;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) return false;
    const auto line = parser.Parse(lines.substr(0, end));
    lines.remove_prefix(end + 1);
    if (!line.ok() || !take(*line)) return false;
  }
  return true;
}

/// The member as a number that is not negative and fits.
template <typename T>
bool ReadUint(const JsonValue& object, std::string_view key, T* out) {
  const auto member = object.Find(key);
  const auto number = member ? member->AsInt() : std::nullopt;
  if (!number || *number < 0) return false;
  if (static_cast<std::uint64_t>(*number) > std::numeric_limits<T>::max()) return false;
  *out = static_cast<T>(*number);
  return true;
}

bool ReadSpace(const JsonValue& head, SpaceId* space) {
  const auto member = head.Find("space");
  const auto hex = member ? member->AsString() : std::nullopt;
  if (!hex || hex->size() != 16) return false;
  const auto read = std::from_chars(hex->data(), hex->data() + hex->size(), space->value, 16);
  return read.ec == std::errc() && read.ptr == hex->data() + hex->size();
}

bool ReadShare(const JsonValue& value, CommitShare* share) {
  const auto reported = value.Find("reported");
  if (!reported || !reported->AsBool()) return false;
  share->reported = *reported->AsBool();
  share->last = true;
  return ReadUint(value, "request", &share->request) && ReadUint(value, "texts", &share->texts) &&
         ReadUint(value, "tokens", &share->tokens) &&
         ReadUint(value, "estimated_tokens", &share->estimated_tokens);
}

bool ReadHead(const JsonValue& head, KeptReply* kept) {
  std::uint64_t price = 0;
  const auto shares = head.Find("shares");
  if (!shares || !ReadSpace(head, &kept->space) || !ReadUint(head, "run", &kept->run) ||
      !ReadUint(head, "dimensions", &kept->dimensions) ||
      !ReadUint(head, "micro_usd_per_million_tokens", &price)) {
    return false;
  }
  const auto split = head.Find("split");
  if (!split || !split->AsString()) return false;
  kept->split = *split->AsString();
  kept->price.micro_usd_per_million_tokens = static_cast<std::int64_t>(price);
  return shares->ForEachElement(
      [&](const JsonValue& share) { return ReadShare(share, &kept->shares.emplace_back()); });
}

/// Whether the parts fit each other, and every vector is one.
bool IsWhole(const KeptReply& kept) {
  std::uint64_t texts = 0;
  for (const CommitShare& share : kept.shares) texts += share.texts;
  return texts > 0 && texts == kept.rows.size() && kept.dimensions > 0 &&
         kept.vectors.size() == kept.rows.size() * kept.dimensions &&
         std::all_of(kept.vectors.begin(), kept.vectors.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace

fs::path JobsDirectory(const fs::path& directory) { return directory / "jobs"; }

bool HasJobsDirectory(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_directory(fs::symlink_status(JobsDirectory(directory), ignored));
}

void RemoveJobsDirectory(const fs::path& directory) { ::rmdir(JobsDirectory(directory).c_str()); }

Status MakeJobsDirectory(const fs::path& directory) {
  const fs::path jobs = JobsDirectory(directory);
  const int error = ::mkdir(jobs.c_str(), 0700) == 0 ? 0 : errno;
  if (error != 0 && (error != EEXIST || !HasJobsDirectory(directory))) {
    return ErrnoStatus(Code::kWriteFailed, "create", jobs, error);
  }
  // Also where it was there: who made it may have died before it was durable.
  return SyncDirectory(directory);
}

fs::path KeptPath(const fs::path& directory, std::uint64_t request) {
  return Numbered(directory, kKept, request);
}

fs::path QuarantinePath(const fs::path& directory, std::uint64_t request) {
  return Numbered(directory, kQuarantined, request);
}

fs::path ReservePath(const fs::path& directory, std::size_t number) {
  return JobsDirectory(directory) / (std::string(kReserve) + std::to_string(number));
}

bool IsKeptFile(const fs::path& path) { return NumberIn(path, kKept).has_value(); }

bool IsReserveFile(const fs::path& path) { return path.filename().string().starts_with(kReserve); }

std::optional<std::uint64_t> RequestOfQuarantine(const fs::path& path) {
  return NumberIn(path, kQuarantined);
}

Result<std::vector<fs::path>> ListJobsDirectory(const fs::path& directory) {
  const fs::path jobs = JobsDirectory(directory);
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(jobs, error))) return files;
  error.clear();
  for (fs::directory_iterator entry(jobs, error), end; !error && entry != end;
       entry.increment(error)) {
    files.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return ErrnoStatus(Code::kWriteFailed, "read", jobs, error.value());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void AppendReplyRow(std::string_view text, std::uint32_t tokens, std::span<const float> vector,
                    std::string* content) {
  JsonWriter json(content);
  json.BeginObject();
  json.Key("text").String(text);
  if (tokens > 0) json.Key("tokens").Uint(tokens);
  json.Key("vector").Floats(vector);
  json.EndObject();
  *content += '\n';
}

bool ReadReplyRow(const JsonValue& line, ReplyRow* row, std::vector<float>* vectors) {
  const auto text = line.Find("text");
  const auto vector = line.Find("vector");
  if (!text || !vector || !text->AsString()) return false;
  row->text = *text->AsString();
  if (line.Find("tokens") && !ReadUint(line, "tokens", &row->tokens)) return false;
  return vector->AppendFloats(vectors);
}

void SealReply(std::string* content) { *content += DigestLine(*content); }

std::optional<std::string_view> UnsealReply(std::string_view content) {
  const std::size_t end = content.rfind(kDigestMember);
  if (end == std::string_view::npos) return std::nullopt;
  if (content.substr(end) != DigestLine(content.substr(0, end))) return std::nullopt;
  return content.substr(0, end);
}

Status DamagedAnswer(const fs::path& path) {
  return {Code::kCorruption, "the quarantined answer '" + path.string() +
                                 "' is damaged; nothing was stored. Abandoning it lets its texts "
                                 "be sent, and paid for, again"};
}

Result<QuarantinedAnswer> ReadAnswer(const fs::path& path) {
  const auto content = ReadWholeFile(path, kMaxBytes);
  if (!content.ok()) return content.status();
  QuarantinedAnswer answer;
  const auto take = [&](const JsonValue& line) {
    ReplyRow row;
    const std::size_t before = answer.vectors.size();
    if (!ReadReplyRow(line, &row, &answer.vectors)) return false;
    const std::size_t values = answer.vectors.size() - before;
    if (answer.texts.empty()) answer.dimensions = static_cast<std::uint32_t>(values);
    answer.texts.push_back(std::move(row.text));
    return values > 0 && values == answer.dimensions;
  };
  const auto lines = UnsealReply(*content);
  if (!lines || !ForEachLine(*lines, take)) return DamagedAnswer(path);
  return answer;
}

std::vector<std::uint64_t> LedgerKeysOf(std::span<const std::string> texts) {
  std::vector<std::uint64_t> keys;
  for (const std::string& text : texts) keys.push_back(LedgerKey(MakeTextKey(text)));
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::uint64_t MostKeptBytes(std::uint64_t texts, std::uint64_t text_bytes,
                            std::uint32_t dimensions) {
  return kHeadBytes + std::min(texts, kMostShares) * kShareBytes + text_bytes +
         texts * (kRowBytes + kNumberBytes * dimensions);
}

std::string EncodeKept(const Commit& commit, Price price) {
  std::string content;
  JsonWriter json(&content);
  json.BeginObject();
  json.Key("space").String(ToHex(commit.space));
  json.Key("dimensions").Uint(commit.embedded.front().vector.size());
  json.Key("run").Uint(commit.run_number);
  json.Key("split").String(commit.run->split);
  json.Key("micro_usd_per_million_tokens").Int(price.micro_usd_per_million_tokens);
  json.Key("shares").BeginArray();
  for (const CommitShare& share : commit.shares) {
    json.BeginObject();
    json.Key("request").Uint(share.request);
    json.Key("texts").Uint(share.texts);
    json.Key("tokens").Uint(share.tokens);
    json.Key("estimated_tokens").Uint(share.estimated_tokens);
    json.Key("reported").Bool(share.reported);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  content += '\n';
  for (const EmbeddedText& text : commit.embedded) {
    AppendReplyRow(text.text, text.tokens, text.vector, &content);
  }
  SealReply(&content);
  return content;
}

Result<KeptReply> ReadKept(const fs::path& path) {
  const auto content = ReadWholeFile(path, kMaxBytes);
  if (content.code() == Code::kInvalidArgument) {
    return Status(Code::kWriteFailed, content.status().message());
  }
  if (!content.ok()) return content.status();
  KeptReply kept;
  bool is_head = true;
  const auto take = [&](const JsonValue& line) {
    return std::exchange(is_head, false)
               ? ReadHead(line, &kept)
               : ReadReplyRow(line, &kept.rows.emplace_back(), &kept.vectors);
  };
  const auto lines = UnsealReply(*content);
  if (!lines || !ForEachLine(*lines, take) || !IsWhole(kept)) return Damaged(path);
  return kept;
}

Result<KeptSummary> SummarizeKept(const fs::path& directory) {
  KeptSummary summary;
  const auto files = ListJobsDirectory(directory);
  if (!files.ok()) return files.status();
  for (const fs::path& path : *files) {
    if (!IsKeptFile(path)) continue;
    const auto kept = ReadKept(path);
    if (kept.code() == Code::kNotFound) continue;  // Stored in this moment.
    if (kept.code() == Code::kCorruption) {
      summary.damaged.push_back(path);
      continue;
    }
    if (!kept.ok()) return kept.status();
    summary.replies += kept->shares.size();
    summary.texts += kept->rows.size();
    std::error_code ignored;
    summary.bytes += fs::file_size(path, ignored);
  }
  return summary;
}

}  // namespace embstore
