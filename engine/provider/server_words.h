// SPDX-License-Identifier: Apache-2.0
// What servers write for people: made fit for a message, and searched for a wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "embstore/provider.h"

namespace embstore {

/// `text` for a message: without the key, printable, at most `limit` bytes. `key` may be null.
std::string KeylessExcerpt(std::string_view text, const Secret* key, std::size_t limit);

/// "48s", "29.05s", "1h2m3s" or "500ms", at most a day. Nothing when it is anything else.
std::optional<std::chrono::milliseconds> ParseWait(std::string_view text);

/// The wait in "... Please try again in 1.5s." or "... retry in 48.2s."; zero when there is none.
std::chrono::milliseconds WaitInWords(std::string_view message);

}  // namespace embstore
