// SPDX-License-Identifier: Apache-2.0
// Members of the Gemini API's JSON, as proto3 writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/json/json_reader.h"

namespace embstore {

/// The member called `key`, or "" when it is missing or no string.
std::string FindString(const JsonValue& object, std::string_view key);

/// `value` as a count: a number, or a string of digits as 64-bit numbers are written. 0 when it is
/// neither, or negative.
std::uint64_t CountOf(const JsonValue& value);

/// The member called `key` as a count; 0 when it is missing, for zeros are left out.
std::uint64_t FindCount(const JsonValue& object, std::string_view key);

}  // namespace embstore
