// SPDX-License-Identifier: Apache-2.0
// How errors in a source file are worded: "FILE:LINE: what; what to do".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// kInvalidArgument with the message "FILE:LINE: what".
Status SourceError(std::string_view file, std::uint64_t line, std::string_view what);

/// OK when `raw`, which starts at the begin of `line`, is valid UTF-8 without NUL. The error
/// names the line and the byte within it.
Status CheckEncoding(std::string_view file, std::uint64_t line, std::string_view raw);

/// As CheckEncoding, for NUL only: `raw` may end inside a UTF-8 sequence.
Status CheckNoNul(std::string_view file, std::uint64_t line, std::string_view raw);

/// How many line feeds `raw` holds.
std::uint64_t CountLineFeeds(std::string_view raw);

/// "; did you mean 'NEAREST'? It has: a, b, c" for a field called `wanted` that is not among
/// `names`. Long lists are cut.
std::string FieldHint(std::string_view wanted, std::span<const std::string_view> names);

}  // namespace embstore
