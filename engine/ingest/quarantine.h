// SPDX-License-Identifier: Apache-2.0
// Synchronous answers that were paid for and do not fit their texts: kept in a file of their own
// until a person accepts or abandons them. Format: docs/format.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "embstore/provider.h"
#include "embstore/status.h"
#include "engine/store/kept_files.h"
#include "engine/store/reply_reserve.h"

namespace embstore {

/// Durable when it returns.
Status WriteQuarantine(ReplyReserve* reserve, std::uint64_t request,
                       std::span<const std::string_view> texts, const EmbedReply& reply,
                       std::uint32_t dimensions);

/// kNotFound: no such file. kCorruption: damaged, or not of so many dimensions.
Result<QuarantinedAnswer> ReadQuarantine(const std::filesystem::path& directory,
                                         std::uint64_t request, std::uint32_t dimensions);

/// What to tell the user about it.
std::string QuarantineMessage(std::uint64_t request, std::uint64_t texts);

}  // namespace embstore
