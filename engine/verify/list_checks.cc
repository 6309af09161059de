// SPDX-License-Identifier: Apache-2.0
// Document lists, and the ids that lead into them.
#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/ledger/ledger.h"
#include "engine/record/list_digest.h"
#include "engine/verify/checks.h"

namespace embstore {
namespace {

constexpr std::size_t kListKeyBytes = 8;  // Split id and generation.
constexpr std::size_t kDocumentKeyBytes = 16;

/// A document id as it must be found: its hash, and the last position that has it.
struct KnownId {
  std::uint64_t hash;
  std::uint64_t position;
  bool found = false;
};

std::uint64_t HashOfId(std::string_view id) { return RecordChecksum("", id); }

class ListCheck {
 public:
  ListCheck(const RawStore& store, Findings* findings)
      : findings_(*findings),
        documents_(store, Family::kDocuments),
        ids_(store, Family::kDocumentIds) {}

  void Run() {
    std::vector<std::pair<std::string, std::string>> lists;  // Prefix, split.
    for (const auto& [name, split] : findings_.splits) {
      lists.emplace_back(GenerationPrefix(split.record.id, split.record.generation), name);
    }
    std::sort(lists.begin(), lists.end());
    for (const auto& [prefix, name] : lists) {
      SkipLeftovers(&documents_, prefix);
      SkipLeftovers(&ids_, prefix);
      CheckList(prefix, name, findings_.splits.at(name));
    }
    SkipLeftovers(&documents_, "");
    SkipLeftovers(&ids_, "");
    findings_.AddGaps(Family::kDocuments, documents_);
    findings_.AddGaps(Family::kDocumentIds, ids_);
    for (const std::string& prefix : leftovers_) {
      findings_.report.litter.push_back(
          "store: unpublished document list, generation " +
          std::to_string(ReadBigEndian(std::string_view(prefix).substr(4))) + " of split number " +
          std::to_string(ReadBigEndian(std::string_view(prefix).substr(0, 4))));
    }
  }

 private:
  void Advance(FamilyCursor* cursor) {
    ++findings_.report.checked.records;
    findings_.Progress("document lists", cursor->key().size() + cursor->value().size());
    cursor->Next();
  }

  /// Lists before `prefix` (empty: all that are left) that no split points to.
  void SkipLeftovers(FamilyCursor* cursor, const std::string& prefix) {
    while (cursor->Valid() && (prefix.empty() || cursor->key() < prefix)) {
      const std::string list(cursor->key().substr(0, kListKeyBytes));
      if (list.size() == kListKeyBytes && (leftovers_.empty() || leftovers_.back() != list)) {
        if (std::find(leftovers_.begin(), leftovers_.end(), list) == leftovers_.end()) {
          leftovers_.push_back(list);
        }
      }
      Advance(cursor);
    }
  }

  void AddDamage(const std::string& split, const std::string& what) {
    is_whole_ = false;
    findings_.AddDamage("list", "document list of split '" + split + "'", what, kRestoreStore);
  }

  void CheckList(const std::string& prefix, const std::string& name, const Findings::Split& split) {
    is_whole_ = true;
    known_ids_.clear();
    embedded_.clear();
    for (const auto& [space, coverage] : split.coverages) {
      if (coverage.generation == split.record.generation) embedded_[space] = 0;
    }
    ListDigest digest;
    std::uint64_t next = 0;
    while (documents_.Valid() && documents_.key().starts_with(prefix)) {
      next = CheckDocument(name, split, next, &digest);
      Advance(&documents_);
    }
    ReportHole(name, next, split.record.documents);
    if (is_whole_ && digest.Finish() != split.record.list_sha256) {
      AddDamage(name, "the rows are not those that were written (list_sha256)");
    }
    CheckCoverages(name, split);
    CheckIds(prefix, name, split);
  }

  /// Answers the position that must come next.
  std::uint64_t CheckDocument(const std::string& name, const Findings::Split& split,
                              std::uint64_t expected, ListDigest* digest) {
    const std::string_view key = documents_.key();
    ++findings_.report.checked.documents;
    if (key.size() != kDocumentKeyBytes) {
      findings_.AddRecord(Family::kDocuments, key, "this is no key of a document");
      return expected;
    }
    const std::uint64_t position = PositionOfDocumentKey(key);
    ReportHole(name, expected, std::min(position, split.record.documents));
    if (position >= split.record.documents) {
      AddDamage(name, "it has a document at position " + std::to_string(position) + " of " +
                          std::to_string(split.record.documents));
    }
    const auto record = DecodeRecord<DocumentRecord>(key, documents_.value());
    if (!record.ok()) {
      is_whole_ = false;
      findings_.AddRecord(Family::kDocuments, key,
                          record.status().message() + "; it is position " +
                              std::to_string(position) + " of split '" + name + "'");
      return position + 1;
    }
    digest->Add(*record);
    findings_.NameDocument(record->text, name,
                           record->id.empty() ? std::to_string(position) : record->id);
    for (auto& [space, count] : embedded_) {
      const auto& present = findings_.spaces.at(space).present;
      count += std::binary_search(present.begin(), present.end(), LedgerKey(record->text)) ? 1 : 0;
    }
    if (split.record.has_ids) known_ids_.push_back({HashOfId(record->id), position});
    return position + 1;
  }

  void ReportHole(const std::string& name, std::uint64_t from, std::uint64_t to) {
    if (from >= to) return;
    AddDamage(name, to - from == 1 ? "position " + std::to_string(from) + " is missing"
                                   : "positions " + std::to_string(from) + " to " +
                                         std::to_string(to - 1) + " are missing");
  }

  /// Another split that shares texts may have raised what is there since, so fewer is right too.
  void CheckCoverages(const std::string& name, const Findings::Split& split) {
    if (!is_whole_ || !findings_.index_is_whole) return;
    for (const auto& [space, count] : embedded_) {
      const CoverageRecord& coverage = split.coverages.at(space);
      if (coverage.embedded <= count && (!coverage.complete || count == split.record.documents)) {
        continue;
      }
      findings_.AddRecord(Family::kSplits, CoverageKey(name, space),
                          "split '" + name + "' is said to have " +
                              std::to_string(coverage.embedded) + " embedded documents of " +
                              std::to_string(split.record.documents) + ", and " +
                              std::to_string(count) + " have a vector",
                          "coverage");
    }
  }

  void CheckIds(const std::string& prefix, const std::string& name, const Findings::Split& split) {
    KeepLastPositions();
    while (ids_.Valid() && ids_.key().starts_with(prefix)) {
      CheckId(name, split);
      Advance(&ids_);
    }
    if (!ids_.gaps().empty()) return;  // They are named, and hide ids.
    for (const KnownId& id : known_ids_) {
      if (id.found) continue;
      AddDamage(name, "the id of the document at position " + std::to_string(id.position) +
                          " does not lead to it");
    }
  }

  void KeepLastPositions() {
    std::sort(known_ids_.begin(), known_ids_.end(), [](const KnownId& a, const KnownId& b) {
      return a.hash != b.hash ? a.hash < b.hash : a.position > b.position;
    });
    known_ids_.erase(
        std::unique(known_ids_.begin(), known_ids_.end(),
                    [](const KnownId& a, const KnownId& b) { return a.hash == b.hash; }),
        known_ids_.end());
  }

  void CheckId(const std::string& name, const Findings::Split& split) {
    const std::string_view key = ids_.key();
    const std::string_view id = key.substr(kListKeyBytes);
    const std::uint64_t hash = HashOfId(id);
    const auto known =
        std::lower_bound(known_ids_.begin(), known_ids_.end(), hash,
                         [](const KnownId& k, std::uint64_t value) { return k.hash < value; });
    const bool is_known = known != known_ids_.end() && known->hash == hash;
    if (is_known) known->found = true;
    if (is_known && ids_.value().size() == 8 && ReadBigEndian(ids_.value()) == known->position) {
      return;
    }
    if (!is_known && split.record.has_ids && !is_whole_) return;  // Its document is named.
    findings_.AddRecord(
        Family::kDocumentIds, key,
        "id '" + Printable(id, 80) + "' of split '" + name + "' leads to a wrong document",
        "document_id");
  }

  Findings& findings_;
  FamilyCursor documents_;
  FamilyCursor ids_;
  std::vector<std::string> leftovers_;
  // Of the list that is being read.
  bool is_whole_ = true;
  std::vector<KnownId> known_ids_;
  std::map<SpaceId, std::uint64_t> embedded_;
};

}  // namespace

void CheckLists(const RawStore& store, Findings* findings) { ListCheck(store, findings).Run(); }

}  // namespace embstore
