// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "embstore/export.h"
#include "embstore/vector.h"
#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"
#include "engine/exporter/chunk_reader.h"
#include "engine/exporter/export_files.h"
#include "engine/exporter/export_state.h"
#include "engine/exporter/metadata.h"
#include "engine/exporter/row_writer.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kListedMissing = 10;

/// One call of ExportSplit.
class Exporter {
 public:
  Exporter(const Store& store, const ExportOptions& options)
      : store_(store),
        options_(options),
        paths_(options.output_dir.empty() ? store.directory() : options.output_dir, options.split,
               options.format) {}

  Result<ExportReport> Run() {
    if (Status found = FindSource(); !found.ok()) return found;
    report_.path = paths_.parts.front().path;
    report_.dimensions = dimensions_;
    // Before any row is read: what comes later makes another one.
    content_id_ = ContentId(store_, split_.record, options_.space, coverage_, dimensions_,
                            options_.missing, options_.normalize);
    if (IsUnchanged()) {
      report_.unchanged = true;
      report_.rows = existing_->rows;
      report_.missing = existing_->missing;
      if (options_.verify) {
        if (Status verified = VerifyExisting(); !verified.ok()) return verified;
      }
      return report_;
    }
    if (Status counted = CountMissing(/*trusting=*/true); !counted.ok()) return counted;
    if (Status written = WriteParts(); !written.ok()) return written;
    if (Status s = files_.Replace(ToJson(MakeMetadata())); !s.ok()) return s;
    return report_;
  }

 private:
  Status FindSource() {
    std::error_code error;
    if (!fs::is_directory(paths_.directory, error)) {
      return {Code::kInvalidArgument, "there is no directory '" + paths_.directory.string() +
                                          "' to export to; make it first"};
    }
    auto split = store_.FindSplit(options_.split);
    if (!split.ok()) return split.status();
    split_ = std::move(*split);
    auto spaces = store_.Spaces();
    if (!spaces.ok()) return spaces.status();
    const auto space = std::find_if(spaces->begin(), spaces->end(),
                                    [&](const SpaceInfo& s) { return s.id == options_.space; });
    if (space == spaces->end()) {
      return {Code::kNotFound, "no vectors of this model, size and task are in the store"};
    }
    space_ = *space;
    auto coverage = FindCoverage(store_, options_.split, options_.space);
    if (!coverage.ok()) return coverage.status();
    coverage_ = std::move(*coverage);
    stored_dimensions_ = space_.record.identity.dimensions;
    dimensions_ = options_.dimensions == 0 ? stored_dimensions_ : options_.dimensions;
    if (dimensions_ > stored_dimensions_) {
      return {Code::kInvalidArgument, "the vectors have " + std::to_string(stored_dimensions_) +
                                          " dimensions; an export cannot have " +
                                          std::to_string(dimensions_)};
    }
    return {};
  }

  bool IsUnchanged() {
    existing_ = ReadMetadata(paths_);
    if (!existing_ || existing_->content_id != content_id_) return false;
    return HasFiles(*existing_);
  }

  Status VerifyExisting() const {
    for (const auto& [part, digest] : existing_->parts) {
      if (Status ok = VerifyFile(part.path, digest); !ok.ok()) return ok;
    }
    return {};
  }

  /// Before anything is written: the header needs the number of rows, and kFail an answer. With
  /// `trusting`, a split of which every document has a vector by its own record is not looked
  /// through; WriteChunk finds out if that is wrong.
  Status CountMissing(bool trusting) {
    const bool is_complete = coverage_.complete && trusting &&
                             coverage_.generation == split_.record.generation &&
                             options_.missing == MissingPolicy::kFail;
    if (Status counted = CountAll(is_complete); !counted.ok()) return counted;
    report_.rows =
        split_.record.documents - (options_.missing == MissingPolicy::kSkip ? report_.missing : 0);
    if (report_.missing == 0 || options_.missing != MissingPolicy::kFail ||
        EMBSTORE_SEEDED_BUG("missing-exported"))
      return {};
    std::string ids;
    for (const std::string& id : report_.missing_ids) ids += (ids.empty() ? "" : ", ") + id;
    if (report_.missing > report_.missing_ids.size()) ids += ", ...";
    return {Code::kNotFound, std::to_string(report_.missing) + " of " +
                                 std::to_string(split_.record.documents) + " documents of split '" +
                                 options_.split + "' have no vector (" + ids +
                                 "); nothing was written. Run 'embstore ingest " + options_.split +
                                 "' to embed them, or export with --missing skip or --missing nan"};
  }

  /// Looks through the split, chunk by chunk, as long as there is something to find out.
  Status CountAll(bool is_complete) {
    const std::uint64_t rows = ChunkRows(stored_dimensions_);
    std::vector<DocumentInfo> documents;
    std::vector<TextKey> texts;
    table_.integer_labels = true;
    for (std::uint64_t first = 0; first < split_.record.documents; first += rows) {
      if (is_complete && !table_.integer_labels) break;
      documents.clear();
      texts.clear();
      Status read = store_.ForEachDocument(split_, first, rows, [&](const DocumentInfo& document) {
        documents.push_back(document);
        texts.push_back(document.record.text);
        if (!IntegerLabel(document.record.label)) table_.integer_labels = false;
        return Status();
      });
      if (!read.ok()) return read;
      if (is_complete) continue;
      if (Status counted = CountMissingOf(documents, texts); !counted.ok()) return counted;
    }
    return {};
  }

  Status CountMissingOf(std::span<const DocumentInfo> documents, std::span<const TextKey> texts) {
    const auto found = store_.Contains(options_.space, texts);
    if (!found.ok()) return found.status();
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if ((*found)[i]) continue;
      if (report_.missing_ids.size() < kListedMissing) {
        report_.missing_ids.push_back(documents[i].Id());
      }
      ++report_.missing;
    }
    return {};
  }

  std::unique_ptr<RowWriter> MakeWriter() const {
    switch (options_.format) {
      case ExportFormat::kArrow:
        return MakeArrowWriter(store_, table_, files_);
      case ExportFormat::kNpy:
        break;
    }
    return MakeNpyWriter(table_, files_);
  }

  Status WriteParts() {
    if (Status created = files_.Create(table_.integer_labels); !created.ok()) return created;
    table_ = {options_.split,     split_.record.dataset, space_, report_.rows, dimensions_,
              options_.normalize, table_.integer_labels};
    const std::unique_ptr<RowWriter> writer = MakeWriter();
    if (Status begun = writer->Begin(); !begun.ok()) return begun;
    std::uint64_t row = 0;
    ChunkReader reader(store_, split_, space_);
    Chunk chunk;
    for (;;) {
      if (Status read = reader.Next(&chunk); !read.ok()) return read;
      if (chunk.documents.empty()) break;
      if (Status written = WriteChunk(&chunk, *writer, &row); !written.ok()) return written;
    }
    if (row != report_.rows) return SplitChanged();
    if (Status ended = writer->End(); !ended.ok()) return ended;
    return files_.Seal(options_.verify);
  }

  static Status SplitChanged() {
    return {Code::kUnavailable,
            "the split changed during the export; nothing was written: export again"};
  }

  Status WriteChunk(Chunk* chunk, RowWriter& writer, std::uint64_t* row) {
    std::vector<float>& vectors = chunk->vectors;
    std::size_t kept = 0;  // Rows and documents only ever move to the front.
    for (std::size_t i = 0; i < chunk->found.size(); ++i) {
      if (!chunk->found[i] && options_.missing == MissingPolicy::kSkip) continue;
      if (!chunk->found[i] && options_.missing == MissingPolicy::kFail &&
          !EMBSTORE_SEEDED_BUG("missing-exported")) {
        Status counted = CountMissing(/*trusting=*/false);
        return counted.ok() ? SplitChanged() : counted;
      }
      const std::span<float> out(vectors.data() + kept * dimensions_, dimensions_);
      if (chunk->found[i]) {
        if (options_.normalize && EMBSTORE_SEEDED_BUG("normalised-before-cut"))
          NormalizeL2(std::span(vectors).subspan(i * stored_dimensions_, stored_dimensions_));
        std::copy_n(vectors.data() + i * stored_dimensions_, dimensions_, out.data());
        if (options_.normalize && !EMBSTORE_SEEDED_BUG("normalised-before-cut")) NormalizeL2(out);
      } else {
        std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
      }
      if (kept != i) chunk->documents[kept] = std::move(chunk->documents[i]);
      ++kept;
    }
    const ExportRows rows = {*row, std::span(chunk->documents).first(kept),
                             std::span(vectors).first(kept * dimensions_)};
    *row += kept;
    return writer.Write(rows);
  }

  ExportMetadata MakeMetadata() const {
    ExportMetadata m;
    m.split = options_.split;
    m.split_record = split_.record;
    m.space_id = options_.space;
    m.space = space_.record;
    m.coverage = coverage_;
    m.rows = report_.rows;
    m.missing = report_.missing;
    m.dimensions = dimensions_;
    m.normalized = options_.normalize;
    Clock& clock = options_.clock != nullptr ? *options_.clock : SystemClock();
    m.timestamp_micros = clock.WallMicros();
    m.content_id = content_id_;
    m.parts = files_.Digests();
    return m;
  }

  const Store& store_;
  const ExportOptions& options_;
  const ExportPaths paths_;
  PartFiles files_{paths_};
  SplitInfo split_;
  SpaceInfo space_;
  CoverageRecord coverage_;
  std::uint32_t stored_dimensions_ = 0;
  std::uint32_t dimensions_ = 0;
  std::string content_id_;
  std::optional<ExistingExport> existing_;
  ExportTable table_;
  ExportReport report_;
};

}  // namespace

Result<ExportReport> ExportSplit(const Store& store, const ExportOptions& options) {
  return Exporter(store, options).Run();
}

}  // namespace embstore
