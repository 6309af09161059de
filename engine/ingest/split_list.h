// SPDX-License-Identifier: Apache-2.0
// The document list of a split: read and checked as a whole, then made the split's own at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "embstore/clock.h"
#include "embstore/dataset.h"
#include "embstore/provider.h"
#include "embstore/record.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "engine/ingest/scan.h"
#include "engine/store/store_writer.h"

namespace embstore {

struct SplitListOptions {
  std::string split;         ///< Empty: the documents are only read, no list is made.
  std::string dataset_name;  ///< For the split's record.
  std::uint64_t limit = 0;   ///< Only the first so many documents; 0: all.
};

/// Not thread-safe; one thread at a time. Everything given to it outlives it.
class SplitList {
 public:
  SplitList(Store* store, StoreWriter* writer, const Dataset& dataset, Clock& clock,
            const SplitListOptions& options);
  /// Removes what Scan wrote and Publish did not take.
  ~SplitList();
  SplitList(const SplitList&) = delete;
  SplitList& operator=(const SplitList&) = delete;

  /// Reads the record of the split, if there is one.
  Status FindEarlier();

  /// As far as size, time stamps and inode tell.
  bool SourceUnchanged() const;

  /// Reads the whole source. A list that is not the split's already is written beside it, where
  /// nobody sees it. kInvalidArgument: the input is bad, or changed while it was read.
  Result<ScanResult> Scan(const Provider& provider, SpaceId space, bool refresh);

  /// Makes the list of the last Scan, which answered `scan`, the split's own.
  Status Publish(const ScanResult& scan);

  /// As published; `id` 0: never.
  const SplitRecord& record() const { return record_; }
  /// Of the source as it was when this was made.
  const std::optional<SourceStamp>& stamp() const { return stamp_; }

 private:
  void Drop();

  Store& store_;
  StoreWriter& writer_;
  const Dataset& dataset_;
  Clock& clock_;
  const SplitListOptions options_;
  const std::optional<SourceStamp> stamp_;
  const std::string layout_;

  SplitRecord record_;
  std::optional<SplitRecord> next_;  // Written and not published.
  std::int64_t scan_started_ = 0;
  bool stamp_distrusted_ = false;  // The source has the old stamp and another content.
};

}  // namespace embstore
