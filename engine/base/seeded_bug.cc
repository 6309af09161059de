// SPDX-License-Identifier: Apache-2.0
#include "engine/base/seeded_bug.h"

#ifdef EMBSTORE_SEEDED_BUGS

#include <algorithm>
#include <array>
#include <cstdlib>

namespace embstore {
namespace {

// tests/seeded_bugs/bugs.py says what finds each.
constexpr auto kNames = std::to_array<std::string_view>({"no-intent-sync",
                                                         "intent-after-send",
                                                         "told-before-stored",
                                                         "unsynced-commit",
                                                         "default-recovery",
                                                         "commit-number-unchecked",
                                                         "postfields",
                                                         "silent-resend",
                                                         "redirects-followed",
                                                         "certificate-unchecked",
                                                         "no-body-cap",
                                                         "cut-gzip-accepted",
                                                         "matched-by-position",
                                                         "row-twice-accepted",
                                                         "missing-row-accepted",
                                                         "index-ignored",
                                                         "one-vector-less-accepted",
                                                         "reply-size-unchecked",
                                                         "nan-accepted",
                                                         "stored-unchecked",
                                                         "pairing-unchecked",
                                                         "doubt-unbounded",
                                                         "doubt-unrecorded",
                                                         "no-jitter-floor",
                                                         "bad-request-retried",
                                                         "hash-without-fingerprint",
                                                         "iterator-status-ignored",
                                                         "no-second-witness",
                                                         "unsynced-rename",
                                                         "unsynced-directory",
                                                         "metadata-left",
                                                         "job-made-twice",
                                                         "unlocked",
                                                         "lock-after-send",
                                                         "key-in-message",
                                                         "checksum-without-key",
                                                         "budget-passed-by-last",
                                                         "day-never-ends",
                                                         "gc-unrecorded",
                                                         "no-sketch",
                                                         "commit-unrecorded",
                                                         "missing-exported",
                                                         "normalised-before-cut",
                                                         "changed-text-sent",
                                                         "race-of-workers",
                                                         "unbounded-flight",
                                                         "hint-ignored",
                                                         "ledger-unchecked",
                                                         "failed-sync-ignored",
                                                         "orphans-forgotten",
                                                         "stored-rows-again",
                                                         "broken-list-published",
                                                         "heap-overflow",
                                                         "signed-overflow",
                                                         "race-of-ledger"});

std::string_view planted;  // refers to kNames

}  // namespace

std::span<const std::string_view> SeededBugNames() { return kNames; }

bool PlantSeededBug(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return false;
  planted = *found;
  return true;
}

bool HasSeededBug(std::string_view name) {
  if (planted.empty()) return false;
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) std::abort();
  return name == planted;
}

}  // namespace embstore

#endif
