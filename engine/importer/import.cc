// SPDX-License-Identifier: Apache-2.0
#include "embstore/import.h"

#include <algorithm>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/split_name.h"
#include "engine/importer/document_matcher.h"
#include "engine/ingest/scan.h"
#include "engine/ingest/split_list.h"
#include "engine/store/store_writer.h"
#include "engine/store/write_run.h"

namespace embstore {
namespace {

constexpr std::size_t kCommitBytes = 4 << 20;
constexpr std::string_view kNothing = "; nothing was stored";

/// What a scan has to know of a provider that is never asked.
class NamedSpace final : public Provider {
 public:
  explicit NamedSpace(const ImportOptions& options) : options_(options) {}
  std::string_view name() const override { return options_.provider; }
  const EmbeddingIdentity& identity() const override { return options_.identity; }
  ProviderLimits limits() const override { return {}; }
  Result<EmbedReply> Embed(std::span<const std::string_view> /*texts*/) override {
    return Status(Code::kInternal, "an import embeds nothing");
  }

 private:
  const ImportOptions& options_;
};

Status CheckOptions(const ImportOptions& options) {
  if (Status checked = CheckSplitName(options.split); !checked.ok()) return checked;
  if (options.identity.dimensions > 0 && !options.identity.model.empty()) return {};
  return {Code::kInvalidArgument, "the identity has no model or no dimensions"};
}

Status CheckCount(const VectorSource& source, const Dataset& dataset, std::uint64_t documents) {
  const std::uint64_t rows = source.ordered_rows();
  if (rows == 0 || rows == documents) return {};
  return {Code::kInvalidArgument, source.Name() + " has " + std::to_string(rows) + " rows, but " +
                                      dataset.Name() + " has " + std::to_string(documents) +
                                      " documents: row i belongs to document i, so that one of "
                                      "them is not the right file"};
}

Status NothingStored(const Status& status) {
  if (status.code() != Code::kInvalidArgument) return status;
  return {status.code(), status.message() + std::string(kNothing)};
}

/// Checks source and documents against each other. Answers what the import will do.
Result<ImportReport> Match(DocumentMatcher* matcher, VectorSource* source, const Dataset& dataset,
                           std::uint64_t documents, const ImportOptions& options) {
  Status matched = CheckCount(*source, dataset, documents);
  if (matched.ok()) matched = matcher->Run();
  if (!matched.ok()) return NothingStored(matched);
  auto summary = source->Summarize();
  if (!summary.ok()) return NothingStored(summary.status());
  ImportReport report = matcher->Judge();
  if (report.matched == 0) {
    return NothingStored({Code::kInvalidArgument,
                          source->Name() +
                              ": none of its vectors belongs to a document; texts must be the "
                              "same to the byte, so look at the fields they are made of"});
  }
  report.source = source->Name();
  report.unmatched_rows = summary->unmatched_rows;
  report.unmatched_names = std::move(summary->unmatched_names);
  report.conflicting += summary->conflicting;
  report.remarks = std::move(summary->remarks);
  if (matcher->PairingIsOpen()) {
    report.remarks.emplace_back(
        "could not tell whether the vectors fit their texts; compare a few with 'embstore "
        "similar'");
  }
  report.dimensions = options.identity.dimensions;
  report.space = MakeSpaceId(options.identity);
  return report;
}

/// From the check on. Not thread-safe; one thread at a time.
class ImportRun {
 public:
  ImportRun(Store* store, const Dataset& dataset, VectorSource* source,
            const ImportOptions& options)
      : store_(*store),
        writer_(store),
        dataset_(dataset),
        source_(*source),
        options_(options),
        clock_(options.clock != nullptr ? *options.clock : SystemClock()),
        observer_(options.observer != nullptr ? *options.observer : silent_),
        space_(options),
        space_id_(MakeSpaceId(options.identity)),
        dimensions_(options.identity.dimensions),
        list_(store, &writer_, dataset, clock_,
              {options.split, options.dataset_name, options.limit}),
        matcher_(store, dataset, source, options) {}

  Result<ImportReport> Run() {
    if (Status found = list_.FindEarlier(); !found.ok()) return found;
    auto scan = list_.Scan(space_, space_id_, /*refresh=*/false);
    if (!scan.ok()) return scan.status();
    auto report = Match(&matcher_, &source_, dataset_, scan->documents, options_);
    if (!report.ok()) return report.status();
    report_ = std::move(*report);
    EMBSTORE_CRASH_POINT("import-checked");
    if (Status published = list_.Publish(*scan); !published.ok()) return published;
    EMBSTORE_CRASH_POINT("import-listed");
    if (Status begun = Begin(*scan); !begun.ok()) return begun;
    expected_ = std::exchange(report_.imported, 0);
    End(StoreTexts());
    EMBSTORE_CRASH_POINT("import-stored");
    return Finish();
  }

 private:
  Status Begin(const ScanResult& scan) {
    const SpaceRecord space{options_.identity, options_.provider, clock_.WallMicros()};
    if (Status added = writer_.AddSpace(space); !added.ok()) return added;
    auto coverages = store_.Coverages(options_.split);
    if (!coverages.ok()) return coverages.status();
    for (const auto& [id, coverage] : *coverages) {
      if (id == space_id_) coverage_ = coverage;
    }
    coverage_.generation = list_.record().generation;
    coverage_.embedded = scan.stored_documents;
    coverage_.complete = false;  // Until Finish has counted.
    auto number = writer_.NextRunNumber();
    if (!number.ok()) return number.status();
    run_number_ = *number;
    run_.split = options_.split;
    run_.space = space_id_;
    run_.started_micros = clock_.WallMicros();
    run_.outcome = "running";
    run_.source = source_.Name();
    return {};
  }

  /// Reads documents and source once more and stores what the check found to be stored.
  Status StoreTexts() {
    if (matcher_.texts().empty()) return {};
    if (Status begun = source_.BeginPass(); !begun.ok()) return begun;
    auto reader = dataset_.Open();
    if (!reader.ok()) return reader.status();
    const std::size_t rows =
        std::clamp<std::size_t>(kCommitBytes / sizeof(float) / dimensions_, 64, 1024);
    Document document;
    for (const MatchedText& text : matcher_.texts()) {
      do {
        const auto more = (*reader)->Next(&document);
        if (!more.ok()) return more.status();
        if (!*more) return Changed(dataset_.Name());
      } while (document.position < text.position);
      if (Status added = AddRow(document, text); !added.ok()) return added;
      if (keys_.size() < rows) continue;
      if (Status written = CommitRows(); !written.ok()) return written;
      if (options_.stop != nullptr && options_.stop->load()) {
        return {Code::kCancelled, "interrupted; what was stored stays"};
      }
    }
    return CommitRows();
  }

  Status AddRow(const Document& document, const MatchedText& text) {
    if (!text.stored) ++coverage_.embedded;
    keys_.push_back(MakeTextKey(document.text));
    texts_.emplace_back(document.text);
    vectors_.resize(keys_.size() * dimensions_);
    const auto row = std::span(vectors_).last(dimensions_);
    if (keys_.back().fingerprint != text.text) return Changed(dataset_.Name());
    const auto found = source_.Find(document, row);
    if (!found.ok()) return found.status();
    return *found && DigestOf(row) == text.digest ? Status() : Changed(source_.Name());
  }

  static Status Changed(const std::string& name) {
    return {Code::kInvalidArgument,
            name + " changed while it was read; run the same command again when it is complete"};
  }

  Status CommitRows() {
    Commit commit = NewCommit();
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      commit.embedded.push_back({keys_[i], texts_[i],
                                 static_cast<std::uint32_t>(space_.EstimateTokens(texts_[i])),
                                 std::span(vectors_).subspan(i * dimensions_, dimensions_)});
    }
    run_.embedded += keys_.size();
    coverage_.imported += keys_.size();
    if (Status written = Write(std::move(commit)); !written.ok()) return written;
    report_.imported += keys_.size();
    observer_.OnProgress({report_.imported, expected_, 0, 0, {}});
    keys_.clear();
    texts_.clear();
    vectors_.clear();
    return {};
  }

  Commit NewCommit() const {
    Commit commit;
    commit.space = space_id_;
    commit.micros = clock_.WallMicros();
    commit.run_number = run_number_;
    return commit;
  }

  Status Write(Commit commit) {
    run_.updated_micros = commit.micros;
    coverage_.updated_micros = commit.micros;
    commit.run = run_;
    commit.coverage = coverage_;
    Status written = writer_.Write(commit);
    write_failed_ = !written.ok();
    return written;
  }

  void End(const Status& status) {
    if (report_.outcome.ok()) report_.outcome = status;
  }

  Result<ImportReport> Finish() {
    if (write_failed_) return report_;
    const SplitInfo split{options_.split, list_.record()};
    const auto embedded = store_.CountEmbedded(split, space_id_);
    if (!embedded.ok()) return embedded.status();
    coverage_.embedded = *embedded;
    coverage_.complete = *embedded == split.record.documents;
    report_.missing = split.record.documents - *embedded;
    report_.complete = coverage_.complete;
    run_.outcome =
        report_.outcome.ok() ? "imported" : std::string(CodeName(report_.outcome.code()));
    End(Write(NewCommit()));
    return report_;
  }

  // Constant after construction.
  Store& store_;
  StoreWriter writer_;
  const Dataset& dataset_;
  VectorSource& source_;
  const ImportOptions& options_;
  Clock& clock_;
  IngestObserver silent_;
  IngestObserver& observer_;
  const NamedSpace space_;
  const SpaceId space_id_;
  const std::size_t dimensions_;

  SplitList list_;
  DocumentMatcher matcher_;
  ImportReport report_;
  std::uint64_t expected_ = 0;
  std::uint32_t run_number_ = 0;
  RunRecord run_;
  CoverageRecord coverage_;
  bool write_failed_ = false;

  // One commit.
  std::vector<TextKey> keys_;
  std::vector<std::string> texts_;
  std::vector<float> vectors_;
};

}  // namespace

Result<ImportReport> PlanImport(const Store* store, const Dataset& dataset, VectorSource* source,
                                const ImportOptions& options) {
  Status checked = CheckOptions(options);
  if (checked.ok()) checked = source->Prepare(options.identity.dimensions, options.stop);
  if (!checked.ok()) return NothingStored(checked);
  const NamedSpace space(options);
  const auto scan =
      ScanDataset(store, dataset, space, {MakeSpaceId(options.identity), options.limit, false}, {});
  if (!scan.ok()) return scan.status();
  DocumentMatcher matcher(store, dataset, source, options);
  return Match(&matcher, source, dataset, scan->documents, options);
}

Result<ImportReport> ImportVectors(Store* store, const Dataset& dataset, VectorSource* source,
                                   const ImportOptions& options) {
  Status checked = CheckOptions(options);
  if (checked.ok()) checked = source->Prepare(options.identity.dimensions, options.stop);
  if (!checked.ok()) return NothingStored(checked);
  const auto turn = WriteRun::Begin(store, options.stop);
  if (!turn.ok()) return turn.status();
  return ImportRun(store, dataset, source, options).Run();
}

}  // namespace embstore
