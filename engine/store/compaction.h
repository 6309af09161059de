// SPDX-License-Identifier: Apache-2.0
// When RocksDB compacts a large store. By itself it begins with what an earlier run left as soon as
// the store is opened, and a run that writes little is done first and cuts it off, again and again.
// So it is told to wait until much was written, or less once many files have gathered, and those
// are waited for on closing.
#pragma once

#include <cstddef>
#include <filesystem>

#include "engine/store/store_impl.h"

namespace embstore {

/// Whether compactions of this database take longer than a short run.
bool IsLargeDatabase(const std::filesystem::path& database);

/// Looks whether many files have gathered, and the disk has room to compact them. REQUIRES: just
/// opened.
void PlanCompaction(Store::Impl* impl);

/// Says that `bytes` are about to be written. Thread-safe.
void CountWrite(Store::Impl* impl, std::size_t bytes);

/// If many files had gathered and something was written, has them compacted and returns when few
/// are left. REQUIRES: all memtables are flushed, and nothing is written any more.
void FinishCompaction(Store::Impl* impl);

}  // namespace embstore
