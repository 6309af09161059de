// SPDX-License-Identifier: Apache-2.0
// Reads texts and vectors back from an Arrow file of ours: the last two columns of docs/format.md,
// "Exports".
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// Hears each row that has a text, with its vector, both valid until it returns.
using TakeArrowText = std::function<void(std::string_view text, std::span<const float> vector)>;

/// Holds one record batch at a time. kInvalidArgument: no such file of ours.
Status ForEachArrowText(const std::filesystem::path& path, std::uint32_t dimensions,
                        const TakeArrowText& take);

}  // namespace embstore
