// SPDX-License-Identifier: Apache-2.0
#include "embstore/overview.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/store/kept_files.h"

namespace embstore {
namespace {

Status CollectSplits(const Store& store, const std::string& only, Overview* overview) {
  auto splits = store.Splits();
  if (!splits.ok()) return splits.status();
  for (const SplitInfo& split : *splits) {
    if (!only.empty() && split.name != only) continue;
    auto coverages = store.Coverages(split.name);
    if (!coverages.ok()) return coverages.status();
    if (coverages->empty()) overview->splits.push_back({split, std::nullopt, {}, {}});
    for (auto& [space, coverage] : *coverages) {
      if (coverage.generation != split.record.generation) {
        // The numbers are about an earlier list of documents.
        auto embedded = store.CountEmbedded(split, space);
        if (!embedded.ok()) return embedded.status();
        coverage.embedded = *embedded;
      }
      auto exported = FindExport(store, split.name, space);
      if (!exported.ok()) return exported.status();
      overview->splits.push_back({split, space, coverage, *exported});
    }
    if (!coverages->empty()) overview->export_bytes += overview->splits.back().exported.bytes;
  }
  return {};
}

Status CollectSpaces(const Store& store, Overview* overview) {
  auto spaces = store.Spaces();
  if (!spaces.ok()) return spaces.status();
  for (SpaceInfo& space : *spaces) {
    auto vectors = store.CountVectors(space.id);
    if (!vectors.ok()) return vectors.status();
    overview->spaces.push_back({std::move(space), *vectors});
  }
  return {};
}

template <typename Record>
Status Take(Result<std::vector<Record>> records, const std::string& only,
            std::vector<Record>* taken) {
  if (!records.ok()) return records.status();
  *taken = std::move(*records);
  std::erase_if(*taken, [&](const Record& r) { return !only.empty() && r.split != only; });
  return {};
}

Status CollectRecords(const Store& store, const std::string& only, Overview* overview) {
  if (Status s = Take(store.Failures(), only, &overview->failures); !s.ok()) return s;
  if (Status s = Take(store.Jobs(), only, &overview->jobs); !s.ok()) return s;
  std::erase_if(overview->jobs, [](const JobRecord& job) { return !job.open(); });
  if (Status s = Take(store.Spending(), only, &overview->spending); !s.ok()) return s;
  return Take(store.Doubts(), only, &overview->doubts);
}

}  // namespace

Result<Overview::Kept> FindKept(const Store& store) {
  const auto summary = SummarizeKept(store.directory());
  if (!summary.ok()) return summary.status();
  return Overview::Kept{summary->replies, summary->texts, summary->damaged.size()};
}

std::string KeptText(const Overview::Kept& kept) {
  std::string text;
  if (kept.replies > 0) {
    text += std::to_string(kept.replies) + " paid replies (" + std::to_string(kept.texts) +
            " texts) wait to be stored by the next ingest\n";
  }
  if (kept.damaged_files > 0) {
    text += std::to_string(kept.damaged_files) +
            " files of paid replies are damaged and cannot be stored: see 'embstore verify'\n";
  }
  return text;
}

Result<Overview> MakeOverview(const Store& store, const std::string& only_split) {
  if (!only_split.empty()) {
    auto split = store.FindSplit(only_split);
    if (!split.ok()) return split.status();
  }
  Overview overview;
  if (Status s = CollectSplits(store, only_split, &overview); !s.ok()) return s;
  if (Status s = CollectSpaces(store, &overview); !s.ok()) return s;
  if (Status s = CollectRecords(store, only_split, &overview); !s.ok()) return s;
  auto kept = FindKept(store);
  if (!kept.ok()) return kept.status();
  overview.kept = *kept;
  auto bytes = store.DiskBytes();
  if (!bytes.ok()) return bytes.status();
  overview.store_bytes = *bytes;
  std::error_code error;
  const auto ledger = std::filesystem::file_size(store.directory() / "ledger", error);
  overview.ledger_bytes = error ? 0 : ledger;
  return overview;
}

}  // namespace embstore
