// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "embstore/export.h"
#include "embstore/vector.h"
#include "engine/base/text.h"
#include "engine/exporter/export_files.h"
#include "engine/exporter/metadata.h"
#include "engine/json/json_writer.h"
#include "engine/npy/npy.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kChunkRows = 4096;  // 12 MiB of 768-dimensional vectors.
constexpr std::size_t kListedMissing = 10;

std::optional<std::int64_t> IntegerLabel(const std::optional<std::string>& label) {
  if (!label || label->empty()) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = label->data() + label->size();
  const auto parsed = std::from_chars(label->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

template <typename Number>
std::string_view AsBytes(std::span<const Number> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// Names the rows: document list, space, state of the vectors, and the options.
std::string ContentId(const Store& store, const SplitRecord& split, SpaceId space,
                      const CoverageRecord& coverage, std::uint32_t dimensions,
                      MissingPolicy missing, bool normalize) {
  std::string facts = store.Id() + "/" + HexString(split.list_sha256) + "/" + ToHex(space);
  for (const std::uint64_t fact : {std::uint64_t{dimensions}, store.CommitNumber(),
                                   static_cast<std::uint64_t>(coverage.updated_micros),
                                   static_cast<std::uint64_t>(missing), std::uint64_t{normalize}}) {
    facts += "/" + std::to_string(fact);
  }
  return ToHex(HashBytes(facts));
}

std::uint64_t SizeOf(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  return error ? 0 : bytes;
}

/// Whether the files have the sizes that their metadata names.
bool HasFiles(const ExportPaths& paths, const ExistingExport& existing) {
  return SizeOf(paths.npy) == existing.npy.bytes &&
         SizeOf(paths.documents) == existing.documents.bytes &&
         (!existing.labels || SizeOf(paths.labels) == existing.labels->bytes);
}

/// The coverage of one space.
Result<CoverageRecord> FindCoverage(const Store& store, const std::string& split, SpaceId space) {
  const auto coverages = store.Coverages(split);
  if (!coverages.ok()) return coverages.status();
  for (const auto& [id, coverage] : *coverages) {
    if (id == space) return coverage;
  }
  return CoverageRecord();
}

/// One call of ExportSplit.
class Exporter {
 public:
  Exporter(const Store& store, const ExportOptions& options)
      : store_(store),
        options_(options),
        paths_(options.output_dir.empty() ? store.directory() : options.output_dir, options.split) {
  }

  Result<ExportReport> Run() {
    if (Status found = FindSource(); !found.ok()) return found;
    report_.npy_path = paths_.npy;
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
    if (Status counted = CountMissing(); !counted.ok()) return counted;
    if (Status written = WriteParts(); !written.ok()) return written;
    if (Status replaced = ReplaceSet(); !replaced.ok()) return replaced;
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
    existing_ = ReadMetadata(paths_.metadata);
    if (!existing_ || existing_->content_id != content_id_) return false;
    return HasFiles(paths_, *existing_);
  }

  Status VerifyExisting() const {
    if (Status ok = VerifyFile(paths_.npy, existing_->npy); !ok.ok()) return ok;
    if (Status ok = VerifyFile(paths_.documents, existing_->documents); !ok.ok()) return ok;
    return existing_->labels ? VerifyFile(paths_.labels, *existing_->labels) : Status();
  }

  static Status VerifyFile(const fs::path& path, const FileDigest& expected) {
    auto actual = DigestFile(path);
    if (!actual.ok()) return actual.status();
    if (actual->xxh3_128 == expected.xxh3_128) return {};
    return {Code::kCorruption,
            "'" + path.string() + "' is not what was written; remove it and export again"};
  }

  /// Calls visit(first position, documents) for the whole split in chunks.
  Status ForEachChunk(
      const std::function<Status(std::span<const DocumentInfo>, std::span<const TextKey>)>& visit) {
    std::vector<DocumentInfo> documents;
    std::vector<TextKey> texts;
    for (std::uint64_t first = 0; first < split_.record.documents; first += kChunkRows) {
      documents.clear();
      texts.clear();
      Status read = store_.ForEachDocument(split_, first, kChunkRows, [&](const DocumentInfo& d) {
        documents.push_back(d);
        texts.push_back(d.record.text);
        return Status();
      });
      if (!read.ok()) return read;
      if (Status visited = visit(documents, texts); !visited.ok()) return visited;
    }
    return {};
  }

  /// Before anything is written: the header needs the number of rows, and kFail an answer.
  Status CountMissing() {
    all_labels_ = true;
    Status counted = ForEachChunk(
        [&](std::span<const DocumentInfo> documents, std::span<const TextKey> texts) -> Status {
          auto found = store_.Contains(options_.space, texts);
          if (!found.ok()) return found.status();
          for (std::size_t i = 0; i < documents.size(); ++i) {
            all_labels_ = all_labels_ && IntegerLabel(documents[i].record.label).has_value();
            if ((*found)[i]) continue;
            if (report_.missing_ids.size() < kListedMissing) {
              report_.missing_ids.push_back(documents[i].Id());
            }
            ++report_.missing;
          }
          return {};
        });
    if (!counted.ok()) return counted;
    report_.rows =
        split_.record.documents - (options_.missing == MissingPolicy::kSkip ? report_.missing : 0);
    if (report_.missing == 0 || options_.missing != MissingPolicy::kFail) return {};
    std::string ids;
    for (const std::string& id : report_.missing_ids) ids += (ids.empty() ? "" : ", ") + id;
    if (report_.missing > report_.missing_ids.size()) ids += ", ...";
    return {Code::kNotFound, std::to_string(report_.missing) + " of " +
                                 std::to_string(split_.record.documents) + " documents of split '" +
                                 options_.split + "' have no vector (" + ids +
                                 "); nothing was written. Run 'embstore ingest " + options_.split +
                                 "' to embed them, or export with --missing skip or --missing nan"};
  }

  Status CreateParts() {
    const std::array<std::pair<const fs::path*, std::unique_ptr<HashedFile>*>, 3> parts = {
        {{&paths_.npy, &npy_}, {&paths_.documents, &documents_}, {&paths_.labels, &labels_}}};
    for (const auto& [path, file] : parts) {
      if (path == &paths_.labels && !all_labels_) continue;
      auto created = HashedFile::Create(*path);
      if (!created.ok()) return created.status();
      *file = std::move(*created);
    }
    const std::array<std::uint64_t, 2> shape = {report_.rows, dimensions_};
    if (Status head = npy_->Append(NpyHeader(NpyType::kFloat32, shape)); !head.ok()) return head;
    if (!labels_) return {};
    return labels_->Append(NpyHeader(NpyType::kInt64, std::span(shape).first(1)));
  }

  Status WriteParts() {
    if (Status created = CreateParts(); !created.ok()) return created;
    std::uint64_t row = 0;
    Status written =
        ForEachChunk([&](std::span<const DocumentInfo> documents, std::span<const TextKey> texts) {
          return WriteChunk(documents, texts, &row);
        });
    if (!written.ok()) return written;
    if (row != report_.rows) {
      return {Code::kUnavailable,
              "the split changed during the export; nothing was written: "
              "export again"};
    }
    for (HashedFile* part : {npy_.get(), documents_.get(), labels_.get()}) {
      if (part == nullptr) continue;
      if (Status sealed = part->Seal(); !sealed.ok()) return sealed;
      if (!options_.verify) continue;
      Status same = VerifyFile(part->temporary(), {part->Digest(), part->bytes()});
      if (!same.ok()) return same;
    }
    return {};
  }

  Status WriteChunk(std::span<const DocumentInfo> documents, std::span<const TextKey> texts,
                    std::uint64_t* row) {
    rows_.resize(texts.size() * stored_dimensions_);
    auto found = store_.GetVectors(options_.space, texts, rows_);
    if (!found.ok()) return found.status();
    lines_.clear();
    label_values_.clear();
    std::size_t out = 0;  // Floats kept so far; rows only ever move to the front.
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (!(*found)[i] && options_.missing == MissingPolicy::kSkip) continue;
      const std::span<float> kept(rows_.data() + out, dimensions_);
      if ((*found)[i]) {
        std::copy_n(rows_.data() + i * stored_dimensions_, dimensions_, kept.data());
        if (options_.normalize) NormalizeL2(kept);
      } else {
        std::fill(kept.begin(), kept.end(), std::numeric_limits<float>::quiet_NaN());
      }
      out += dimensions_;
      AppendLine(documents[i], (*row)++);
      if (labels_) label_values_.push_back(*IntegerLabel(documents[i].record.label));
    }
    if (Status s = npy_->Append(AsBytes(std::span<const float>(rows_.data(), out))); !s.ok()) {
      return s;
    }
    if (Status s = documents_->Append(lines_); !s.ok()) return s;
    return labels_ ? labels_->Append(AsBytes(std::span<const std::int64_t>(label_values_)))
                   : Status();
  }

  void AppendLine(const DocumentInfo& document, std::uint64_t row) {
    JsonWriter json(&lines_);
    json.BeginObject().Key("row").Uint(row).Key("id").String(document.Id()).Key("label");
    const auto integer = IntegerLabel(document.record.label);
    if (integer) {
      json.Int(*integer);
    } else if (document.record.label) {
      json.String(*document.record.label);
    } else {
      json.Null();
    }
    json.EndObject();
    lines_ += '\n';
  }

  /// The metadata file vouches for the others, so it goes first and comes back last.
  Status ReplaceSet() {
    auto alone = DirectoryGuard::Acquire(paths_.directory);
    if (!alone.ok()) return alone.status();
    auto metadata = HashedFile::Create(paths_.metadata);
    if (!metadata.ok()) return metadata.status();
    if (Status s = (*metadata)->Append(ToJson(MakeMetadata())); !s.ok()) return s;
    if (Status s = (*metadata)->Seal(); !s.ok()) return s;
    std::error_code error;
    fs::remove(paths_.metadata, error);
    if (error) {
      return ErrnoStatus(Code::kWriteFailed, "replace", paths_.metadata, error.value());
    }
    if (Status s = SyncDirectory(paths_.directory); !s.ok()) return s;
    if (Status s = npy_->Rename(); !s.ok()) return s;
    if (Status s = documents_->Rename(); !s.ok()) return s;
    if (labels_) {
      if (Status s = labels_->Rename(); !s.ok()) return s;
    } else {
      fs::remove(paths_.labels, error);
    }
    if (Status s = SyncDirectory(paths_.directory); !s.ok()) return s;
    if (Status s = (*metadata)->Rename(); !s.ok()) return s;
    return SyncDirectory(paths_.directory);
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
    m.npy = {npy_->Digest(), npy_->bytes()};
    m.documents = {documents_->Digest(), documents_->bytes()};
    if (labels_) m.labels = {labels_->Digest(), labels_->bytes()};
    return m;
  }

  const Store& store_;
  const ExportOptions& options_;
  const ExportPaths paths_;
  SplitInfo split_;
  SpaceInfo space_;
  CoverageRecord coverage_;
  std::uint32_t stored_dimensions_ = 0;
  std::uint32_t dimensions_ = 0;
  std::string content_id_;
  bool all_labels_ = false;
  std::optional<ExistingExport> existing_;
  ExportReport report_;

  std::unique_ptr<HashedFile> npy_;
  std::unique_ptr<HashedFile> documents_;
  std::unique_ptr<HashedFile> labels_;

  // One chunk.
  std::vector<float> rows_;
  std::string lines_;
  std::vector<std::int64_t> label_values_;
};

}  // namespace

Result<ExportReport> ExportSplit(const Store& store, const ExportOptions& options) {
  return Exporter(store, options).Run();
}

Result<ExportInfo> FindExport(const Store& store, const std::string& split, SpaceId space,
                              const fs::path& directory) {
  const auto found = store.FindSplit(split);
  if (!found.ok()) return found.status();
  const auto coverage = FindCoverage(store, split, space);
  if (!coverage.ok()) return coverage.status();
  const ExportPaths paths(directory.empty() ? store.directory() : directory, split);
  ExportInfo info;
  for (const fs::path& path : {paths.npy, paths.documents, paths.labels, paths.metadata}) {
    info.bytes += SizeOf(path);
  }
  const auto existing = ReadMetadata(paths.metadata);
  if (!existing) return info;
  info.state = ExportState::kOther;
  for (const auto missing : {MissingPolicy::kFail, MissingPolicy::kSkip, MissingPolicy::kNan}) {
    if (existing->content_id == ContentId(store, found->record, space, *coverage,
                                          existing->dimensions, missing, existing->normalized) &&
        HasFiles(paths, *existing)) {
      info.state = ExportState::kCurrent;
    }
  }
  return info;
}

}  // namespace embstore
