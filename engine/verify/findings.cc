// SPDX-License-Identifier: Apache-2.0
#include "engine/verify/findings.h"

#include <span>
#include <utility>

#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::uint64_t kReportedBytes = 8U << 20;
constexpr std::size_t kNamedDocuments = 3;

std::string Hex(std::string_view bytes) {
  return HexString({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace

void Findings::AddDamage(std::string kind, std::string where, std::string what, std::string next) {
  ++report.total_damaged;
  if (report.damaged.size() >= options.most_listed) return;
  report.damaged.push_back({std::move(kind), std::move(where), std::move(what), std::move(next)});
}

void Findings::AddRecord(Family family, std::string_view key, const std::string& what,
                         std::string kind) {
  AddDamage(std::move(kind), RecordPlace(family, key), what, kRestoreStore);
}

void Findings::AddVector(Family family, std::string_view key, const std::string& what) {
  AddRecord(family, key, what, "vector");
  if (report.total_damaged > report.damaged.size() || key.size() < 24) return;
  touched_.try_emplace(HashOfVectorKey(key), Touched{report.damaged.size() - 1});
}

void Findings::NameDocument(const TextKey& text, std::string_view split, const std::string& id) {
  if (touched_.empty()) return;
  const auto found = touched_.find(text.hash);
  if (found == touched_.end()) return;
  std::string& what = report.damaged[found->second.damage].what;
  const std::size_t named = found->second.documents++;
  if (named > kNamedDocuments) return;
  what += named == kNamedDocuments
              ? ", ..."
              : std::string(named == 0 ? "; it belongs to " : ", ") + "document '" +
                    Printable(id, 80) + "' of split '" + std::string(split) + "'";
}

void Findings::AddGaps(Family family, const FamilyCursor& cursor) {
  for (const FamilyCursor::Gap& gap : cursor.gaps()) {
    AddDamage("block",
              "store, family '" + std::string(kFamilyNames[static_cast<std::size_t>(family)]) +
                  "', between keys " + (gap.after.empty() ? "(first)" : Hex(gap.after)) + " and " +
                  (gap.before.empty() ? "(last)" : Hex(gap.before)),
              "nothing can be read there: " + gap.reason, kRestoreStore);
  }
}

void Findings::Progress(std::string_view what, std::uint64_t bytes) {
  if (what != stage_) {
    stage_ = what;
    stage_bytes_ = unreported_bytes_ = 0;
  }
  stage_bytes_ += bytes;
  unreported_bytes_ += bytes;
  if (unreported_bytes_ < kReportedBytes || !options.on_progress) return;
  unreported_bytes_ = 0;
  options.on_progress(what, stage_bytes_);
}

}  // namespace embstore
