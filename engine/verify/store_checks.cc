// SPDX-License-Identifier: Apache-2.0
// Table files, small records and texts.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <system_error>

#include "engine/base/text.h"
#include "engine/verify/checks.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

using Visit = std::function<void(std::string_view key, std::string_view value)>;

void ForEachRecord(const RawStore& store, Family family, Findings* findings, const Visit& visit) {
  const std::string_view name = kFamilyNames[static_cast<std::size_t>(family)];
  FamilyCursor cursor(store, family);
  for (; cursor.Valid(); cursor.Next()) {
    ++findings->report.checked.records;
    findings->Progress(name, cursor.key().size() + cursor.value().size());
    visit(cursor.key(), cursor.value());
  }
  findings->AddGaps(family, cursor);
}

/// The record, or nothing after it was named as damaged.
template <typename Record>
std::optional<Record> Decode(Family family, std::string_view key, std::string_view value,
                             Findings* findings) {
  auto record = DecodeRecord<Record>(key, value);
  if (record.ok()) return std::move(*record);
  findings->AddRecord(family, key, record.status().message());
  return std::nullopt;
}

void CheckMeta(const RawStore& store, Findings* findings) {
  ForEachRecord(store, Family::kMeta, findings, [&](std::string_view key, std::string_view value) {
    if (key == kMetaStoreKey) {
      findings->meta = Decode<MetaRecord>(Family::kMeta, key, value, findings);
    } else if (key == kMetaCommitKey) {
      findings->commit = Decode<CommitRecord>(Family::kMeta, key, value, findings);
    } else {
      findings->AddRecord(Family::kMeta, key, "nothing belongs under this key");
    }
  });
  if (!findings->meta || !findings->commit) {
    findings->AddDamage("store", (findings->directory / "store").string(),
                        "the store has lost its first records, without which it does not open",
                        kRestoreStore);
  }
}

void CheckSpaces(const RawStore& store, Findings* findings) {
  ForEachRecord(
      store, Family::kSpaces, findings, [&](std::string_view key, std::string_view value) {
        auto record = Decode<SpaceRecord>(Family::kSpaces, key, value, findings);
        if (!record) return;
        const SpaceId id = MakeSpaceId(record->identity);
        if (key != SpaceKey(id)) {
          findings->AddRecord(Family::kSpaces, key,
                              "the key is not the hash of its model, size and task", "space");
          return;
        }
        findings->spaces[id].record = std::move(*record);
      });
}

void CheckSplit(std::string_view key, std::string_view value, std::set<std::uint32_t>* ids,
                Findings* findings) {
  auto record = Decode<SplitRecord>(Family::kSplits, key, value, findings);
  if (!record) return;
  if (!IsSafeName(key) || record->id == 0 || record->generation == 0 ||
      !ids->insert(record->id).second) {
    findings->AddRecord(Family::kSplits, key, "its name or number cannot be", "split");
    return;
  }
  findings->splits[std::string(key)].record = std::move(*record);
}

void CheckCoverage(std::string_view key, std::size_t name_end, std::string_view value,
                   Findings* findings) {
  const auto record = Decode<CoverageRecord>(Family::kSplits, key, value, findings);
  if (!record) return;
  const std::string_view space = key.substr(name_end + 1);
  const auto split = findings->splits.find(std::string(key.substr(0, name_end)));
  if (space.size() != 8 || split == findings->splits.end() ||
      !findings->spaces.contains(SpaceOfKey(space))) {
    findings->AddRecord(Family::kSplits, key, "its split or its space is not in the store",
                        "coverage");
    return;
  }
  split->second.coverages[SpaceOfKey(space)] = *record;
}

}  // namespace

void CheckTables(const RawStore* store, Findings* findings) {
  std::map<fs::path, std::string> families;
  std::error_code error;
  if (store != nullptr) {
    for (const RawStore::Table& table : store->Tables()) families[table.path] = table.family;
  }
  if (!findings->meta) {  // The database does not open, or has lost track of its files.
    for (const auto& entry : fs::directory_iterator(findings->directory / "store", error)) {
      if (entry.path().extension() == ".sst") families.try_emplace(entry.path());
    }
  }
  for (const auto& [path, family] : families) {
    const auto size = fs::file_size(path, error);
    findings->Progress("table files", error ? 0 : size);
    findings->report.checked.bytes += error ? 0 : size;
    const Status checked = RawStore::CheckTable(path);
    if (checked.ok()) continue;
    findings->AddDamage("table", path.string(),
                        (family.empty() ? std::string() : "it holds '" + family + "': ") +
                            checked.message().substr(0, checked.message().find(';')),
                        kRestoreStore);
  }
}

void CheckSmallRecords(const RawStore& store, Findings* findings) {
  ForEachRecord(store, Family::kDefault, findings, [&](std::string_view key, std::string_view) {
    findings->AddRecord(Family::kDefault, key, "this family must be empty");
  });
  CheckMeta(store, findings);
  CheckSpaces(store, findings);
  std::set<std::uint32_t> ids;
  ForEachRecord(store, Family::kSplits, findings,
                [&](std::string_view key, std::string_view value) {
                  const std::size_t name_end = key.find('\0');
                  if (name_end == std::string_view::npos) {
                    CheckSplit(key, value, &ids, findings);
                  } else {
                    CheckCoverage(key, name_end, value, findings);
                  }
                });
  ForEachRecord(store, Family::kFailures, findings,
                [&](std::string_view key, std::string_view value) {
                  if (!Decode<FailureRecord>(Family::kFailures, key, value, findings)) return;
                  if (key.size() == 24 && findings->spaces.contains(SpaceOfKey(key.substr(0, 8))))
                    return;
                  findings->AddRecord(Family::kFailures, key, "its space is not in the store");
                });
  ForEachRecord(store, Family::kRuns, findings, [&](std::string_view key, std::string_view value) {
    if (!Decode<RunRecord>(Family::kRuns, key, value, findings)) return;
    if (key.size() != 4 || ReadBigEndian(key) == 0) {
      findings->AddRecord(Family::kRuns, key, "this is no number of a run");
    }
  });
}

void CheckTexts(const RawStore& store, Findings* findings) {
  ForEachRecord(store, Family::kTexts, findings, [&](std::string_view key, std::string_view value) {
    ++findings->report.checked.texts;
    if (key == TextRecordKey(MakeTextKey(value))) return;
    findings->AddRecord(Family::kTexts, key,
                        "the text does not match its fingerprint; vectors do not need it, but "
                        "'get --text', 'similar' and 'search' show it",
                        "text");
  });
}

}  // namespace embstore
