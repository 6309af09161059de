// SPDX-License-Identifier: Apache-2.0
// A split's vectors as files, rows in document order.
//
// npy: {split}_embeddings.npy, float32 (N, D), C order; {split}_documents.jsonl, one line a row;
// {split}_labels.npy, int64 (N), when every document has an integer label; {split}_metadata.json.
//
// arrow: {split}_embeddings.arrow, an Arrow IPC file (Feather version 2) with the columns id
// (utf8), label (int64 when every document has an integer label, else utf8), text (utf8, null where
// the store has none) and embedding (D float32 a row); {split}_embeddings.arrow.json. Equal rows
// make equal bytes, whatever order their vectors came in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/clock.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

enum class MissingPolicy {
  kFail,  ///< Write nothing.
  kSkip,  ///< Leave the row out; documents.jsonl, or the ids, say which rows there are.
  kNan,   ///< A row of NaN.
};

/// Each format is a set of files of its own; one does not touch the other's.
enum class ExportFormat { kNpy, kArrow };

struct ExportOptions {
  std::string split;
  SpaceId space;
  ExportFormat format = ExportFormat::kNpy;
  std::filesystem::path output_dir;  ///< Empty: the store's directory. Must exist otherwise.
  MissingPolicy missing = MissingPolicy::kFail;
  /// Keep only the first so many of each vector; 0: all. Makes sense for models that are trained
  /// for it (Matryoshka), such as gemini-embedding-001 and text-embedding-3.
  std::uint32_t dimensions = 0;
  bool normalize = true;   ///< Scale rows to unit length (after the cut).
  bool verify = false;     ///< Read the finished files back and compare.
  Clock* clock = nullptr;  ///< Null: the machine's.
};

struct ExportReport {
  std::filesystem::path path;  ///< Of the file with the vectors.
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

/// How the files of an export stand to the vectors of a space.
enum class ExportState {
  kNone,     ///< There are none.
  kOther,    ///< Those of a format are of another space or an older state, or of the wrong size.
  kCurrent,  ///< All that are there: what an export would write now.
};

/// "none", "older" or "current".
EMBSTORE_API std::string_view ExportStateName(ExportState state);

struct ExportInfo {
  ExportState state = ExportState::kNone;
  std::vector<ExportFormat> older;  ///< kOther: in these formats.
  std::uint64_t bytes = 0;          ///< Of all its files.
};

/// By the metadata file and the sizes of the others; their contents are not read.
/// `directory` empty: the store's.
EMBSTORE_API Result<ExportInfo> FindExport(const Store& store, const std::string& split,
                                           SpaceId space,
                                           const std::filesystem::path& directory = {});

}  // namespace embstore
