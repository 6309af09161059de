// SPDX-License-Identifier: Apache-2.0
// How the files of an export stand to the store.
#pragma once

#include <string>

#include "embstore/export.h"
#include "engine/exporter/metadata.h"

namespace embstore {

/// Names the rows: document list, space, state of the vectors, and the options.
std::string ContentId(const Store& store, const SplitRecord& split, SpaceId space,
                      const CoverageRecord& coverage, std::uint32_t dimensions,
                      MissingPolicy missing, bool normalize);

/// Whether all files are there with the sizes that their metadata names.
bool HasFiles(const ExistingExport& existing);

/// How far `space` covers the split; all zero when it was never embedded there.
Result<CoverageRecord> FindCoverage(const Store& store, const std::string& split, SpaceId space);

}  // namespace embstore
