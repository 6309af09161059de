// SPDX-License-Identifier: Apache-2.0
// The records in a table file of RocksDB, without the database and past what cannot be read.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "embstore/status.h"
#include "engine/record/keys.h"

namespace embstore {

using TakeTableRecord = std::function<void(std::string_view key, std::string_view value)>;

/// The name of the family that the table file says it belongs to; empty: it does not say so
/// readably.
std::string FamilyNameOfTable(const std::filesystem::path& path);

/// Hands out every record in blocks that match their checksums. False: there are others.
bool ForEachTableRecord(const std::filesystem::path& path, Family family,
                        const TakeTableRecord& take);

/// Hands out every vector in the bytes of a file that proves itself, wherever it lies: blocks of
/// vectors are not compressed, so that a flipped bit costs one vector and not a block, and a lost
/// index of blocks nothing.
Status ForEachVectorInBytes(const std::filesystem::path& path, const TakeTableRecord& take);

}  // namespace embstore
