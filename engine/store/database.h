// SPDX-License-Identifier: Apache-2.0
// Opens the RocksDB database below a store. What its records mean is store_open.cc's business.
#pragma once

#include <filesystem>

#include "engine/store/rocksdb_options.h"
#include "engine/store/store_impl.h"

namespace embstore {

/// Opens the database at `path`, the directory "store" of a store, by `impl->options`, and sets
/// `impl->db` and `impl->families`; a family that a store of an earlier version lacks stays null.
///
/// For reading, also beside a writer in another process: what is seen then is the state of one
/// moment at or after the call. A log whose end was not synced before a loss of power is read up to
/// the hole, where the ledger says that no commit is missing then.
///
/// Thread safety: none. Errors: kIncompatible, not such a database, or one of a newer version;
/// kCorruption; kWriteFailed; kUnavailable, a writer replaced files all the time. REQUIRES: the
/// directory is locked, unless for reading.
Status OpenDatabase(OpenMode mode, const std::filesystem::path& path, Store::Impl* impl);

/// Opens the family `meta` alone for reading, which changes nothing whatever version wrote the
/// rest. False: it cannot be opened.
bool OpenMetaAlone(const std::filesystem::path& path, Store::Impl* impl);

}  // namespace embstore
