// SPDX-License-Identifier: Apache-2.0
#include "engine/ingest/split_list.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"
#include "engine/base/text.h"

namespace embstore {
namespace {

// A file written this shortly before it was read could change again without a new time stamp.
constexpr std::int64_t kStampTrustMicros = 100'000;
constexpr std::int64_t kCoarseStampTrustMicros = 3'000'000;  // Where stamps are whole seconds.

std::string LayoutOf(const Dataset& dataset, std::uint64_t limit) {
  std::string layout = dataset.Layout();
  if (limit > 0) layout += " limit=" + std::to_string(limit);
  return layout;
}

/// Whether a change after `wall_micros` must have left another stamp.
bool IsOlderThan(const SourceStamp& stamp, std::int64_t wall_micros) {
  const std::int64_t newest = std::max(stamp.modified_nanos, stamp.changed_nanos);
  const bool coarse = newest % 1'000'000'000 == 0;
  return newest / 1000 + (coarse ? kCoarseStampTrustMicros : kStampTrustMicros) < wall_micros;
}

}  // namespace

SplitList::SplitList(Store* store, StoreWriter* writer, const Dataset& dataset, Clock& clock,
                     const SplitListOptions& options)
    : store_(*store),
      writer_(*writer),
      dataset_(dataset),
      clock_(clock),
      options_(options),
      stamp_(dataset.Stamp()),
      layout_(LayoutOf(dataset, options.limit)) {}

SplitList::~SplitList() { Drop(); }

Status SplitList::FindEarlier() {
  if (options_.split.empty()) return {};
  auto split = store_.FindSplit(options_.split);
  if (!split.ok()) return split.code() == Code::kNotFound ? Status() : split.status();
  record_ = split->record;
  return {};
}

bool SplitList::SourceUnchanged() const {
  if (stamp_distrusted_ || record_.id == 0 || !stamp_ || record_.layout != layout_) return false;
  return *stamp_ == SourceStamp{record_.source_bytes, record_.source_modified_nanos,
                                record_.source_changed_nanos, record_.source_inode};
}

Result<ScanResult> SplitList::Scan(const Provider& provider, SpaceId space, bool refresh) {
  scan_started_ = clock_.WallMicros();
  DocumentSink sink;
  const bool has_split = !options_.split.empty();
  if (has_split && !SourceUnchanged()) {
    auto begun = writer_.BeginDocuments(options_.split);
    if (!begun.ok()) return begun.status();
    next_ = *begun;
    sink = [this](std::uint64_t first, std::span<const DocumentRecord> documents) {
      return writer_.AppendDocuments(*next_, first, documents);
    };
  }
  auto scanned = ScanDataset(&store_, dataset_, provider, {space, options_.limit, refresh}, sink);
  if (scanned.ok() && !(dataset_.Stamp() == stamp_)) {
    scanned = Status(Code::kInvalidArgument, dataset_.Name() +
                                                 " changed while it was read; nothing was "
                                                 "sent: run again when it is complete");
  }
  if (!scanned.ok()) {
    if (EMBSTORE_SEEDED_BUG("broken-list-published")) Publish({}).IgnoreError();
    Drop();
  } else if (has_split && !next_ && scanned->list_sha256 != record_.list_sha256) {
    stamp_distrusted_ = true;
    return Scan(provider, space, refresh);
  }
  return scanned;
}

Status SplitList::Publish(const ScanResult& scan) {
  if (!next_) return {};
  EMBSTORE_CRASH_POINT("list-written");
  SplitRecord next = *next_;
  const bool same_list = record_.id != 0 && record_.list_sha256 == scan.list_sha256 &&
                         record_.documents == scan.documents;
  if (same_list) {
    if (Status dropped = writer_.DropDocuments(next); !dropped.ok()) return dropped;
    next = record_;
  }
  next_.reset();
  next.documents = scan.documents;
  next.unique_documents = scan.unique_documents;
  next.dataset = options_.dataset_name;
  next.source = dataset_.Name();
  next.layout = layout_;
  next.has_ids = dataset_.HasIds();
  next.list_sha256 = scan.list_sha256;
  next.created_micros = clock_.WallMicros();
  const bool trusted = stamp_ && IsOlderThan(*stamp_, scan_started_);
  const SourceStamp stamp = trusted ? *stamp_ : SourceStamp{};
  next.source_bytes = stamp.size_bytes;
  next.source_modified_nanos = stamp.modified_nanos;
  next.source_changed_nanos = stamp.changed_nanos;
  next.source_inode = stamp.inode;
  const Status written = same_list ? writer_.UpdateSplit(options_.split, next)
                                   : writer_.PublishDocuments(options_.split, next);
  if (written.ok()) record_ = next;
  return written;
}

void SplitList::Drop() {
  if (next_) writer_.DropDocuments(*next_).IgnoreError();
  next_.reset();
}

}  // namespace embstore
