// SPDX-License-Identifier: Apache-2.0
// The texts that must stay: those of published document lists, and those under way.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "embstore/status.h"
#include "embstore/store.h"
#include "engine/ledger/ledger.h"

namespace embstore {

/// 32 bytes a document. Not thread-safe while questions are added.
class LiveTexts {
 public:
  /// All splits count but `forgotten`. kCorruption: a list is damaged.
  static Result<LiveTexts> Load(const Store& store, const std::vector<std::string>& forgotten,
                                const std::vector<JobRecord>& open_jobs, const Ledger* ledger);

  /// Whether a published list has this text.
  bool HasText(const ContentHash& hash, const Fingerprint& fingerprint) const;
  /// Whether it has a text with this hash.
  bool HasHash(const ContentHash& hash) const;
  /// Whether the text is under way in `space`, or in any.
  bool IsUnderWay(SpaceId space, const Fingerprint& fingerprint) const;
  bool IsUnderWay(const Fingerprint& fingerprint) const;
  bool HasJobs(SpaceId space) const { return under_way_.contains(space); }

  /// Whether it is one of those that AddQuestion was told of: a text without a split that stays.
  bool IsQuestion(const Fingerprint& fingerprint) const;
  void AddQuestion(const Fingerprint& fingerprint);

 private:
  struct Text {
    ContentHash hash;
    Fingerprint fingerprint;
    auto operator<=>(const Text&) const = default;
  };
  std::vector<Text> texts_;                                         // Sorted.
  std::map<SpaceId, std::unordered_set<std::uint64_t>> under_way_;  // LedgerKeys.
  std::unordered_set<std::uint64_t> questions_;                     // LedgerKeys.
};

}  // namespace embstore
