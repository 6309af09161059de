// SPDX-License-Identifier: Apache-2.0
#include "tools/simulator/file_store.h"

#include <algorithm>

namespace embstore::simulator {
namespace {

constexpr std::chrono::hours kLife{48};
constexpr std::size_t kFileIdSize = 12;
constexpr std::size_t kUploadIdSize = 64;

}  // namespace

std::string FileStore::StartUpload(std::shared_ptr<Upload> upload) {
  const std::string id = core_->NewId(kUploadIdSize);
  const std::lock_guard lock(mutex_);
  uploads_[id] = std::move(upload);
  return id;
}

std::shared_ptr<Upload> FileStore::FindUpload(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = uploads_.find(id);
  return found == uploads_.end() ? nullptr : found->second;
}

void FileStore::ForgetUpload(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = uploads_.find(id); found != uploads_.end()) uploads_.erase(found);
}

StoredFile FileStore::Add(const Upload& upload) {
  const TimePoint now = core_->Now();
  StoredFile file{.id = upload.file_id.empty() ? core_->NewId(kFileIdSize) : upload.file_id,
                  .display_name = upload.display_name,
                  .mime_type = upload.mime_type,
                  .sha256 = upload.content->Sha256Hex(),
                  .created = now,
                  .expires = now + kLife,
                  .content = upload.content};
  const std::lock_guard lock(mutex_);
  file.number = ++files_made_;
  files_[file.id] = file;
  return file;
}

std::optional<StoredFile> FileStore::Find(std::string_view id) {
  const std::lock_guard lock(mutex_);
  Expire();
  const auto found = files_.find(id);
  return found == files_.end() ? std::nullopt : std::optional(found->second);
}

bool FileStore::Remove(std::string_view id) {
  const std::lock_guard lock(mutex_);
  Expire();
  const auto found = files_.find(id);
  if (found == files_.end()) return false;
  files_.erase(found);
  return true;
}

std::vector<StoredFile> FileStore::List() {
  std::vector<StoredFile> files;
  const std::lock_guard lock(mutex_);
  Expire();
  for (const auto& [id, file] : files_) files.push_back(file);
  std::sort(files.begin(), files.end(),
            [](const StoredFile& a, const StoredFile& b) { return a.number > b.number; });
  return files;
}

void FileStore::Expire() {
  const TimePoint now = core_->Now();
  std::erase_if(files_, [now](const auto& entry) { return entry.second.expires <= now; });
}

}  // namespace embstore::simulator
