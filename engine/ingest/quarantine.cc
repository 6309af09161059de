// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/quarantine.h"

#include "engine/provider/embedding_values.h"

namespace embstore {

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
  auto answer = ReadAnswer(path);
  for (std::size_t i = 0; answer.ok() && i < answer->texts.size(); ++i) {
    const auto vector =
        std::span(answer->vectors).subspan(i * answer->dimensions, answer->dimensions);
    if (!VectorFault(vector, dimensions).empty()) return DamagedAnswer(path);
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
