// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/quarantine.h"

#include <system_error>

#include "engine/base/file.h"
#include "engine/hash/hash.h"
#include "engine/ingest/job_files.h"
#include "engine/json/json_reader.h"
#include "engine/json/json_writer.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

constexpr std::uint64_t kMaxBytes = 1U << 30;
constexpr std::string_view kDigestMember = "{\"xxh3_128\":\"";

std::string DigestLine(std::string_view content) {
  return std::string(kDigestMember) + ToHex(HashBytes(content)) + "\"}\n";
}

Status Damaged(const std::filesystem::path& path) {
  return {Code::kCorruption, "the quarantined answer '" + path.string() +
                                 "' is damaged; nothing was stored. Abandoning it lets its texts "
                                 "be sent, and paid for, again"};
}

}  // namespace

std::filesystem::path QuarantinePath(const std::filesystem::path& directory,
                                     std::uint64_t request) {
  return JobsDirectory(directory) / ("request-" + std::to_string(request) + ".jsonl");
}

Status WriteQuarantine(const std::filesystem::path& directory, std::uint64_t request,
                       std::span<const std::string_view> texts, const EmbedReply& reply,
                       std::uint32_t dimensions) {
  if (Status made = MakeJobsDirectory(directory); !made.ok()) return made;
  std::string content;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    JsonWriter json(&content);
    json.BeginObject();
    json.Key("text").String(texts[i]);
    json.Key("vector").Floats(std::span(reply.vectors).subspan(i * dimensions, dimensions));
    json.EndObject();
    content += '\n';
  }
  content += DigestLine(content);
  auto file = AtomicFile::Create(QuarantinePath(directory, request));
  if (!file.ok()) return file.status();
  if (Status written = (*file)->Append(content); !written.ok()) return written;
  return (*file)->Commit();
}

Result<QuarantinedAnswer> ReadQuarantine(const std::filesystem::path& directory,
                                         std::uint64_t request, std::uint32_t dimensions) {
  const std::filesystem::path path = QuarantinePath(directory, request);
  auto content = ReadWholeFile(path, kMaxBytes);
  if (!content.ok()) return content.status();
  const std::size_t end = content->rfind(kDigestMember);
  if (end == std::string::npos || content->substr(end) != DigestLine(content->substr(0, end))) {
    return Damaged(path);
  }
  QuarantinedAnswer answer;
  JsonParser parser;
  std::string_view rest = std::string_view(*content).substr(0, end);
  while (!rest.empty()) {
    const std::size_t line_end = rest.find('\n');
    if (line_end == std::string_view::npos) return Damaged(path);
    auto line = parser.Parse(rest.substr(0, line_end));
    rest.remove_prefix(line_end + 1);
    if (!line.ok()) return Damaged(path);
    const auto text = line->Find("text");
    const auto vector = line->Find("vector");
    if (!text || !vector || !text->AsString()) return Damaged(path);
    answer.texts.emplace_back(*text->AsString());
    const std::size_t before = answer.vectors.size();
    if (!vector->AppendFloats(&answer.vectors) ||
        !VectorFault(std::span(answer.vectors).subspan(before), dimensions).empty()) {
      return Damaged(path);
    }
  }
  return answer;
}

std::string QuarantineMessage(std::uint64_t request, std::uint64_t texts) {
  const std::string id = std::to_string(request);
  return "the answer to request " + id + " (" + std::to_string(texts) +
         " texts) gave vectors that do not fit their texts, as when a server returns them in "
         "another order. It was paid for; nothing of it was stored and nothing more was sent. "
         "'embstore jobs --accept " +
         id + "' stores it as it came, '--abandon " + id + "' lets its texts be sent again";
}

}  // namespace embstore
