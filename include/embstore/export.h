// SPDX-License-Identifier: Apache-2.0
// A split's vectors as files: {split}_embeddings.npy, float32 (N, D), C order, rows in document
// order; {split}_documents.jsonl, one line a row; {split}_labels.npy, int64 (N), when every
// document has an integer label; {split}_metadata.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "embstore/clock.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

enum class MissingPolicy {
  kFail,  ///< Write nothing.
  kSkip,  ///< Leave the row out; documents.jsonl says which rows there are.
  kNan,   ///< A row of NaN.
};

struct ExportOptions {
  std::string split;
  SpaceId space;
  std::filesystem::path output_dir;  ///< Empty: the store's directory. Must exist otherwise.
  MissingPolicy missing = MissingPolicy::kFail;
  std::uint32_t dimensions = 0;  ///< Keep only the first so many of each vector; 0: all.
  bool normalize = true;         ///< Scale rows to unit length (after the cut).
  bool verify = false;           ///< Read the finished files back and compare.
  Clock* clock = nullptr;        ///< Null: the machine's.
};

struct ExportReport {
  std::filesystem::path npy_path;
  std::uint64_t rows = 0;
  std::uint32_t dimensions = 0;
  std::uint64_t missing = 0;
  std::vector<std::string> missing_ids;  ///< The first few.
  bool unchanged = false;                ///< The files were there already and were left alone.
};

/// Writes the set. A reader sees the old set, the new set, or, for the moment of the change, no
/// metadata file, never a metadata file that belongs to other data. Memory does not grow with N.
/// kNotFound: no such split, or documents without vectors under kFail; the message lists some.
/// kWriteFailed: the old set is as it was, or its metadata file is gone and the next export writes
/// a new one. kInvalidArgument: a target is no regular file, or more
/// dimensions than there are.
EMBSTORE_API Result<ExportReport> ExportSplit(const Store& store, const ExportOptions& options);

}  // namespace embstore
