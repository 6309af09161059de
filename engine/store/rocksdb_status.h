// SPDX-License-Identifier: Apache-2.0
// The one place where RocksDB's errors become ours.
#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// What to do about damage: the end of a message.
inline constexpr const char* kRestoreAdvice =
    "; 'embstore recover' says what it can bring back without paying. Else restore the cache "
    "directory from a backup as a whole or, to begin anew and pay again, move it away";

/// `doing` says what was tried, e.g. "read from the store". REQUIRES: !status.ok().
Status FromRocks(const rocksdb::Status& status, std::string_view doing);

}  // namespace embstore
