// SPDX-License-Identifier: Apache-2.0
#include "engine/store/live_texts.h"

#include <algorithm>

namespace embstore {
namespace {

std::uint64_t KeyOf(const Fingerprint& fingerprint) { return LedgerKey({{}, fingerprint, 0}); }

}  // namespace

Result<LiveTexts> LiveTexts::Load(const Store& store, const std::vector<std::string>& forgotten,
                                  const std::vector<JobRecord>& open_jobs, const Ledger* ledger) {
  LiveTexts live;
  const auto splits = store.Splits();
  if (!splits.ok()) return splits.status();
  for (const SplitInfo& split : *splits) {
    if (std::find(forgotten.begin(), forgotten.end(), split.name) != forgotten.end()) continue;
    live.texts_.reserve(live.texts_.size() + split.record.documents);
    Status read =
        store.ForEachDocument(split, 0, split.record.documents, [&](const DocumentInfo& document) {
          const TextKey& text = document.record.text;
          live.texts_.push_back({text.hash, text.fingerprint});
          return Status();
        });
    if (!read.ok()) return read;
  }
  std::sort(live.texts_.begin(), live.texts_.end());
  for (const JobRecord& job : open_jobs) {
    const std::vector<std::uint64_t> keys = ledger->KeysOf(job.id);
    live.under_way_[job.space].insert(keys.begin(), keys.end());
  }
  return live;
}

bool LiveTexts::HasText(const ContentHash& hash, const Fingerprint& fingerprint) const {
  return std::binary_search(texts_.begin(), texts_.end(), Text{hash, fingerprint});
}

bool LiveTexts::HasHash(const ContentHash& hash) const {
  const auto first = std::lower_bound(texts_.begin(), texts_.end(), Text{hash, {}});
  return first != texts_.end() && first->hash == hash;
}

bool LiveTexts::IsUnderWay(SpaceId space, const Fingerprint& fingerprint) const {
  const auto keys = under_way_.find(space);
  return keys != under_way_.end() && keys->second.contains(KeyOf(fingerprint));
}

bool LiveTexts::IsQuestion(const Fingerprint& fingerprint) const {
  return questions_.contains(KeyOf(fingerprint));
}

void LiveTexts::AddQuestion(const Fingerprint& fingerprint) {
  questions_.insert(KeyOf(fingerprint));
}

bool LiveTexts::IsUnderWay(const Fingerprint& fingerprint) const {
  return std::any_of(under_way_.begin(), under_way_.end(),
                     [&](const auto& space) { return space.second.contains(KeyOf(fingerprint)); });
}

}  // namespace embstore
