// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store_files.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/store/log_records.h"
#include "engine/store/table_records.h"

namespace embstore {

namespace fs = std::filesystem;

namespace {

std::optional<Family> FamilyOf(std::string_view name) {
  const auto found = std::find(kFamilyNames.begin(), kFamilyNames.end(), name);
  if (found == kFamilyNames.end()) return std::nullopt;
  return static_cast<Family>(found - kFamilyNames.begin());
}

}  // namespace

Result<std::unique_ptr<StoreFiles>> StoreFiles::Open(const fs::path& directory) {
  auto files = std::unique_ptr<StoreFiles>(new StoreFiles());
  auto store = RawStore::Open(directory);
  if (store.code() == Code::kInvalidArgument) return store.status();
  if (store.ok()) {
    files->store_ = *std::move(store);
  } else if (store.code() != Code::kNotFound) {
    files->opened_ = store.status();
  }
  // A MANIFEST that is cut short makes a store of ours look foreign; its tables know better.
  bool is_ours = store.code() != Code::kIncompatible;
  bool is_foreign = false;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory / "store", error)) {
    std::error_code ignored;
    if (!entry.is_regular_file(ignored)) continue;
    const std::string extension = entry.path().extension().string();
    if (extension == ".sst") {
      const std::string name = FamilyNameOfTable(entry.path());
      const auto family = FamilyOf(name);
      is_ours |= family && *family != Family::kDefault;
      is_foreign |= !name.empty() && !family;
      files->tables_.push_back({entry.path(), family});
    }
    if (extension == ".log") files->logs_.push_back(entry.path());
    if (extension == ".sst" || extension == ".log") files->bytes_ += entry.file_size(ignored);
  }
  if (is_foreign || !is_ours) {
    return Status(Code::kIncompatible, "'" + (directory / "store").string() +
                                           "' is not a store of this version of embstore; it was "
                                           "left as it is");
  }
  std::sort(files->logs_.begin(), files->logs_.end());
  std::sort(files->tables_.begin(), files->tables_.end(),
            [](const Table& a, const Table& b) { return a.path < b.path; });
  return files;
}

void StoreFiles::ForEach(Family family, bool everything, const Visit& visit) const {
  bool whole = store_ != nullptr;
  if (whole) {
    FamilyCursor cursor(*store_, family);
    for (; cursor.Valid(); cursor.Next()) whole = visit(cursor.key(), cursor.value()) && whole;
    whole = whole && cursor.gaps().empty();
  }
  if (whole && !everything) return;
  const auto take = [&](std::string_view key, std::string_view value) { visit(key, value); };
  for (const Table& table : tables_) {
    const bool is_of_family = table.family == family;
    const bool read = is_of_family && ForEachTableRecord(table.path, family, take);
    if (read || family != Family::kVectors || (table.family && !is_of_family)) continue;
    ForEachVectorInBytes(table.path, take).IgnoreError();
  }
  for (const fs::path& log : logs_) {
    ForEachLogRecord(log, [&](std::uint32_t number, std::string_view key, std::string_view value) {
      if (number == static_cast<std::uint32_t>(family)) visit(key, value);
    }).IgnoreError();
  }
}

}  // namespace embstore
