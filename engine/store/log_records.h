// SPDX-License-Identifier: Apache-2.0
// The records in a write-ahead log of RocksDB, without the database: for logs that it refuses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// Hears the number of a column family, a key and a value, valid until it returns.
using TakeLogRecord =
    std::function<void(std::uint32_t family, std::string_view key, std::string_view value)>;

/// Hands out every put of the log that can be made out, also behind damage. Nothing of it is
/// proved: the checksums of RocksDB are not looked at, for whatever lies around a flipped bit is
/// still good, and each of our records has a checksum of its own. Holds one write batch at a time.
Status ForEachLogRecord(const std::filesystem::path& path, const TakeLogRecord& take);

/// The same for the bytes of one write batch.
void ForEachBatchRecord(std::string_view batch, const TakeLogRecord& take);

}  // namespace embstore
