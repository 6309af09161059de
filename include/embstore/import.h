// SPDX-License-Identifier: Apache-2.0
// Vectors that were already paid for elsewhere, brought into the store: what is here is not bought
// again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embstore/clock.h"
#include "embstore/dataset.h"
#include "embstore/identity.h"
#include "embstore/ingest.h"
#include "embstore/status.h"
#include "embstore/store.h"

namespace embstore {

/// What a source has that no document asked for.
struct UnmatchedRows {
  std::uint64_t count = 0;
  std::vector<std::string> names;  ///< Of the first few.
};

/// Vectors of other tools, found by document. Not thread-safe; one thread at a time.
class VectorSource {
 public:
  virtual ~VectorSource() = default;

  /// What to call it in messages, e.g. its path.
  virtual std::string Name() const = 0;

  /// Reads and checks as much as can be without documents. Called once, before all else.
  /// kInvalidArgument: malformed, or not of vectors of `dimensions` numbers; the message names the
  /// file and the place in it.
  virtual Status Prepare(std::uint32_t dimensions) = 0;

  /// Not 0: row i belongs to document i, and there are so many rows.
  virtual std::uint64_t ordered_rows() const { return 0; }

  /// Begins a pass over the documents, in order and from the first one.
  virtual Status BeginPass() = 0;

  /// Fills `out`, float32 (D), and answers true, or answers false: it has no vector for
  /// `document`. The same at each pass. kInvalidArgument as above. The caller checks the numbers.
  virtual Result<bool> Find(const Document& document, std::span<float> out) = 0;

  /// REQUIRES: at the end of a pass.
  virtual Result<UnmatchedRows> Unmatched() = 0;

  /// What else a person should know of it, such as rows with an error in the place of a vector.
  virtual std::vector<std::string> Remarks() const { return {}; }
};

/// A NumPy array (N, D) of float16, float32 or float64 in C order, also packed by gzip or zstd: row
/// i belongs to document i.
Result<std::unique_ptr<VectorSource>> OpenNpyVectors(const std::filesystem::path& file);

struct ImportOptions {
  std::string split;                   ///< As IngestOptions::split.
  std::string dataset_name;            ///< For the metadata.
  std::uint64_t limit = 0;             ///< Only the first so many documents; 0: all.
  EmbeddingIdentity identity;          ///< What the vectors are; they are stored in its space.
  std::string provider;                ///< Where they came from first, e.g. "gemini".
  bool overwrite = false;              ///< Also texts that have a vector.
  bool check_pairing = true;           ///< Refuse vectors that do not fit their texts.
  const StopFlag* stop = nullptr;      ///< Set: end after the commit that is under way.
  IngestObserver* observer = nullptr;  ///< Gets warnings, and progress in texts.
  Clock* clock = nullptr;              ///< Null: the machine's.
};

/// What an import found and did. Texts are counted once.
/// matched = imported + cached, unless it ended early.
struct ImportReport {
  std::string source;
  std::uint64_t documents = 0;
  std::uint64_t unique_documents = 0;
  std::uint64_t matched = 0;      ///< Texts that the source has a vector for.
  std::uint64_t imported = 0;     ///< Stored by this import; in a plan: would be.
  std::uint64_t cached = 0;       ///< Of matched: had a vector before, which was left alone.
  std::uint64_t differing = 0;    ///< Of matched: had another vector before.
  std::uint64_t conflicting = 0;  ///< Texts with several vectors in the source: the first counts.
  std::uint64_t missing = 0;      ///< Documents without a vector afterwards.
  std::vector<std::string> missing_ids;  ///< Of the first few.
  UnmatchedRows unmatched;
  std::uint32_t dimensions = 0;
  SpaceId space;
  bool complete = false;  ///< Every document has a vector.

  /// Ok, or why it ended early; what was committed before is stored, and the same import goes on.
  Status outcome;
};

/// Reads and checks everything that ImportVectors would, and writes nothing. `store` may be null
/// (there is none yet) or read-only.
Result<ImportReport> PlanImport(const Store* store, const Dataset& dataset, VectorSource* source,
                                const ImportOptions& options);

/// Checks everything, makes the documents of `dataset` the list of the split, and stores a vector
/// for each text that has none and that the source has one for. An error says that nothing was
/// stored: kInvalidArgument, when a row is not a finite vector of the right size, when the number
/// of rows is not that of the documents, or when vectors do not fit their texts.
Result<ImportReport> ImportVectors(Store* store, const Dataset& dataset, VectorSource* source,
                                   const ImportOptions& options);

}  // namespace embstore
