// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/document_id.h"

#include <charconv>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::size_t kShownBytes = 60;

bool HasControlCharacter(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    // U+0080 to U+009F.
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string IdProblem(std::string_view id) {
  if (id.empty()) return "the id is empty; give every document an id";
  if (id.size() > kMaxIdBytes) {
    return "the id is " + std::to_string(id.size()) + " bytes long; use at most " +
           std::to_string(kMaxIdBytes);
  }
  if (HasControlCharacter(id)) {
    return "the id '" + Printable(id, kShownBytes) +
           "' holds a control character; use printable characters only";
  }
  return "";
}

std::string_view PositionId::Of(std::uint64_t position) {
  const auto outcome = std::to_chars(digits_.data(), digits_.data() + digits_.size(), position);
  return {digits_.data(), static_cast<std::size_t>(outcome.ptr - digits_.data())};
}

}  // namespace embstore
