// SPDX-License-Identifier: Apache-2.0
#include "embstore/provider.h"

#include <algorithm>
#include <utility>

namespace embstore {

EmbeddingIdentity QueryIdentity(EmbeddingIdentity documents) {
  if (documents.task_type == "RETRIEVAL_DOCUMENT") documents.task_type = "RETRIEVAL_QUERY";
  return documents;
}

std::uint64_t Provider::EstimateTokens(std::string_view text) const {
  std::uint64_t ascii = 0;
  std::uint64_t others = 0;  // Code points; their continuation bytes do not count.
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    ascii += byte < 0x80 ? 1 : 0;
    others += byte >= 0xC0 ? 1 : 0;
  }
  return std::max<std::uint64_t>((ascii + 3) / 4 + others, 1);
}

}  // namespace embstore
