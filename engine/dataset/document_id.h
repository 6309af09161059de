// SPDX-License-Identifier: Apache-2.0
// What a document's id may be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embstore {

inline constexpr std::size_t kMaxIdBytes = 512;

/// Why `id` cannot be a document's id and what to do, e.g. "the id is empty; ..."; "" when it
/// can: 1 to kMaxIdBytes bytes without control characters. REQUIRES: valid UTF-8.
std::string IdProblem(std::string_view id);

/// The id of a document whose source has no ids. Not thread-safe; one thread at a time.
class PositionId {
 public:
  /// `position` in decimal. Valid until the next call.
  std::string_view Of(std::uint64_t position);

 private:
  std::array<char, 20> digits_;
};

}  // namespace embstore
