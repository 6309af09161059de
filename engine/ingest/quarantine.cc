// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/quarantine.h"

#include <utility>

#include "engine/base/file.h"
#include "engine/json/json_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

constexpr std::uint64_t kMaxBytes = 1U << 30;
Status Damaged(const std::filesystem::path& path) {
  return {Code::kCorruption, "the quarantined answer '" + path.string() +
                                 "' is damaged; nothing was stored. Abandoning it lets its texts "
                                 "be sent, and paid for, again"};
}

}  // namespace

Status WriteQuarantine(ReplyReserve* reserve, std::uint64_t request,
                       std::span<const std::string_view> texts, const EmbedReply& reply,
                       std::uint32_t dimensions) {
  std::string content;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    AppendReplyRow(texts[i], reply.text_tokens.empty() ? 0 : reply.text_tokens[i],
                   std::span(reply.vectors).subspan(i * dimensions, dimensions), &content);
  }
  SealReply(&content);
  return reserve->Keep(QuarantinePath(reserve->directory(), request), content);
}

Result<QuarantinedAnswer> ReadQuarantine(const std::filesystem::path& directory,
                                         std::uint64_t request, std::uint32_t dimensions) {
  const std::filesystem::path path = QuarantinePath(directory, request);
  const auto content = ReadWholeFile(path, kMaxBytes);
  if (!content.ok()) return content.status();
  const auto lines = UnsealReply(*content);
  if (!lines) return Damaged(path);
  QuarantinedAnswer answer;
  JsonParser parser;
  for (std::string_view rest = *lines; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return Damaged(path);
    const auto line = parser.Parse(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    ReplyRow row;
    const std::size_t before = answer.vectors.size();
    if (!line.ok() || !ReadReplyRow(*line, &row, &answer.vectors)) return Damaged(path);
    answer.texts.push_back(std::move(row.text));
    const auto vector = std::span(answer.vectors).subspan(before);
    if (!VectorFault(vector, dimensions).empty()) return Damaged(path);
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
