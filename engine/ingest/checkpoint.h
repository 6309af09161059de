// SPDX-License-Identifier: Apache-2.0
// .checkpoint_{split}.json: the progress of a running ingest, for people and scripts to look at.
// Nothing in embstore ever reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "embstore/record.h"
#include "embstore/status.h"

namespace embstore {

std::filesystem::path CheckpointPath(const std::filesystem::path& directory,
                                     const std::string& split);

/// Replaces the file at once.
Status WriteCheckpoint(const std::filesystem::path& directory, const std::string& split,
                       std::uint64_t documents, const CoverageRecord& coverage);

/// Removes it; an absent file is fine.
void RemoveCheckpoint(const std::filesystem::path& directory, const std::string& split);

}  // namespace embstore
