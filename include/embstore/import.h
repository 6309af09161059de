// SPDX-License-Identifier: Apache-2.0
// Vectors that were already paid for elsewhere, brought into the store: what is here is not bought
// again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "embstore/clock.h"
#include "embstore/dataset.h"
#include "embstore/identity.h"
#include "embstore/ingest.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "embstore/visibility.h"

namespace embstore {

/// What is to be said of a source after a pass over all documents.
struct SourceSummary {
  std::uint64_t unmatched_rows = 0;          ///< No document asked for them.
  std::vector<std::string> unmatched_names;  ///< Of the first few.
  /// Texts or ids that come several times with different vectors; the first counts.
  std::uint64_t conflicting = 0;
  std::vector<std::string> remarks;  ///< What else a person should know, one line each.
};

/// Vectors of other tools, found by document. Not thread-safe; one thread at a time.
class EMBSTORE_API VectorSource {
 public:
  virtual ~VectorSource() = default;

  /// What to call it in messages, e.g. its path.
  virtual std::string Name() const = 0;

  /// Reads and checks as much as can be without documents. Called once, before all else.
  /// kInvalidArgument: malformed, or not of vectors of `dimensions` numbers; the message names the
  /// file and the place in it. kCancelled: `stop` was set, which may be null, outlives the source,
  /// and also ends what Summarize may have to read.
  virtual Status Prepare(std::uint32_t dimensions, const StopFlag* stop) = 0;

  /// Not 0: row i belongs to document i, and there are so many rows.
  virtual std::uint64_t ordered_rows() const { return 0; }

  /// Begins a pass over the documents, in order and from the first one.
  virtual Status BeginPass() = 0;

  /// Fills `out`, float32 (D), and answers true, or answers false: it has no vector for
  /// `document`. The same at each pass. kInvalidArgument as above. The caller checks the numbers.
  virtual Result<bool> Find(const Document& document, std::span<float> out) = 0;

  /// REQUIRES: at the end of a pass.
  virtual Result<SourceSummary> Summarize() { return SourceSummary(); }
};

/// A NumPy array (N, D) of float16, float32 or float64 in C order, also packed by gzip or zstd: row
/// i belongs to document i.
EMBSTORE_API Result<std::unique_ptr<VectorSource>> OpenNpyVectors(
    const std::filesystem::path& file);

// The sources below are matched by text or id, in any order. Their vectors go through a temporary
// file without a name in the directory `scratch`, of 4 * D bytes a row. Texts must be the same to
// the byte. kNotFound: no such file.

/// The embeddings database of the tool `llm` (SQLite): by the text where it was stored, else by its
/// MD5, else by id. `collection` may be empty when there is only one.
EMBSTORE_API Result<std::unique_ptr<VectorSource>> OpenLlmVectors(
    const std::filesystem::path& file, const std::string& collection,
    const std::filesystem::path& scratch);

/// One JSON object a line: "embedding", a list of numbers or the base64 of little-endian float32,
/// and "text" or "id".
EMBSTORE_API Result<std::unique_ptr<VectorSource>> OpenJsonlVectors(
    const std::filesystem::path& file, const std::filesystem::path& scratch);

/// The result file of a batch job of Gemini. With `requests`, the job's input file, by the texts
/// there; if that is empty, "key" is the document's id.
EMBSTORE_API Result<std::unique_ptr<VectorSource>> OpenGeminiBatchVectors(
    const std::filesystem::path& file, const std::filesystem::path& requests,
    const std::filesystem::path& scratch);

/// The same of OpenAI, where "custom_id" is the document's id.
EMBSTORE_API Result<std::unique_ptr<VectorSource>> OpenOpenAiBatchVectors(
    const std::filesystem::path& file, const std::filesystem::path& requests,
    const std::filesystem::path& scratch);

/// The folder of a LangChain CacheBackedEmbeddings over a LocalFileStore, with any of its key
/// encoders: by the hash of the text. Without `name_space` it is read off the file names, if there
/// is only one.
EMBSTORE_API Result<std::unique_ptr<VectorSource>> OpenLangchainVectors(
    const std::filesystem::path& folder, const std::optional<std::string>& name_space);

/// The documents of a split as the store has them, for a split whose file is not at hand. Reading
/// ends with kInvalidArgument at a text that the store does not keep. kNotFound: no such split.
/// REQUIRES: the store outlives it, and the split is not ingested anew meanwhile.
EMBSTORE_API Result<std::unique_ptr<Dataset>> OpenStoredDataset(const Store& store,
                                                                const std::string& split);

struct ImportOptions {
  std::string split;           ///< As IngestOptions::split.
  std::string dataset_name;    ///< For the metadata.
  std::uint64_t limit = 0;     ///< Only the first so many documents; 0: all.
  EmbeddingIdentity identity;  ///< What the vectors are; they are stored in its space.
  std::string provider;        ///< Where they came from first, e.g. "gemini".
  bool overwrite = false;      ///< Also texts that have a vector.
  bool check_pairing = true;   ///< Refuse vectors that do not fit their texts.
  /// Set: end after the commit that is under way; before the first one with kCancelled.
  const StopFlag* stop = nullptr;
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
  /// Of the first few that will have none when the import is complete, as far as they were kept.
  std::vector<std::string> missing_ids;
  std::uint64_t unmatched_rows = 0;          ///< Rows of the source for no document.
  std::vector<std::string> unmatched_names;  ///< Of the first few.
  std::vector<std::string> remarks;          ///< What else a person should know.
  std::uint32_t dimensions = 0;
  SpaceId space;
  bool complete = false;  ///< Every document has a vector.

  /// Ok, or why it ended early; what was committed before is stored, and the same import goes on.
  Status outcome;
};

/// Reads and checks everything that ImportVectors would, and writes nothing. `store` may be null
/// (there is none yet) or read-only.
EMBSTORE_API Result<ImportReport> PlanImport(const Store* store, const Dataset& dataset,
                                             VectorSource* source, const ImportOptions& options);

/// Checks everything, makes the documents of `dataset` the list of the split, and stores a vector
/// for each text that has none and that the source has one for. An error says that nothing was
/// stored: kInvalidArgument, when a row is not a finite vector of the right size, when the number
/// of rows is not that of the documents, when no document has a vector in the source, or when
/// vectors do not fit their texts.
EMBSTORE_API Result<ImportReport> ImportVectors(Store* store, const Dataset& dataset,
                                                VectorSource* source, const ImportOptions& options);

}  // namespace embstore
