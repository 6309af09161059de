// SPDX-License-Identifier: Apache-2.0
#include "engine/exporter/export_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/seeded_bug.h"

namespace embstore {

ExportPaths::ExportPaths(const std::filesystem::path& dir, const std::string& split,
                         ExportFormat format)
    : directory(dir) {
  switch (format) {
    case ExportFormat::kNpy:
      parts = {{"npy", dir / (split + "_embeddings.npy")},
               {"documents", dir / (split + "_documents.jsonl")},
               {"labels", dir / (split + "_labels.npy"), /*only_with_labels=*/true}};
      metadata = dir / (split + "_metadata.json");
      break;
    case ExportFormat::kArrow:
      parts = {{"arrow", dir / (split + "_embeddings.arrow")}};
      // Beside the other set, and no name that a set of another split could have.
      metadata = dir / (split + "_embeddings.arrow.json");
      break;
  }
}

Result<std::unique_ptr<HashedFile>> HashedFile::Create(const std::filesystem::path& target) {
  auto file = AtomicFile::Create(target);
  if (!file.ok()) return file.status();
  return std::unique_ptr<HashedFile>(new HashedFile(std::move(*file)));
}

Status HashedFile::Append(std::string_view bytes) {
  hasher_.Update(bytes);
  bytes_ += bytes.size();
  return file_->Append(bytes);
}

Result<std::unique_ptr<DirectoryGuard>> DirectoryGuard::Acquire(
    const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(Code::kWriteFailed, "open", directory, errno);
  if (::flock(fd, LOCK_EX) != 0) {
    const Status failed = ErrnoStatus(Code::kWriteFailed, "lock", directory, errno);
    ::close(fd);
    return failed;
  }
  return std::unique_ptr<DirectoryGuard>(new DirectoryGuard(fd));
}

DirectoryGuard::~DirectoryGuard() { ::close(fd_); }

Result<FileDigest> DigestFile(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Status(Code::kNotFound, "cannot open '" + file.string() + "'");
  Xxh3Hasher hasher;
  FileDigest digest;
  std::vector<char> chunk(1u << 20);
  while (in) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    hasher.Update({chunk.data(), got});
    digest.bytes += got;
  }
  if (in.bad()) return Status(Code::kCorruption, "cannot read '" + file.string() + "' back");
  digest.xxh3_128 = ToHex(hasher.Digest());
  return digest;
}

Status VerifyFile(const std::filesystem::path& file, const FileDigest& expected) {
  auto actual = DigestFile(file);
  if (!actual.ok()) return actual.status();
  if (actual->xxh3_128 == expected.xxh3_128) return {};
  return {Code::kCorruption,
          "'" + file.string() + "' is not what was written; remove it and export again"};
}

Status PartFiles::Create(bool with_labels) {
  for (const ExportPart& part : paths_.parts) {
    files_.emplace_back();
    if (part.only_with_labels && !with_labels) continue;
    auto created = HashedFile::Create(part.path);
    if (!created.ok()) return created.status();
    files_.back() = std::move(*created);
  }
  return {};
}

Status PartFiles::Seal(bool verify) {
  for (const auto& file : files_) {
    if (file == nullptr) continue;
    if (Status sealed = file->Seal(); !sealed.ok()) return sealed;
    EMBSTORE_CRASH_POINT("export-part-sealed");
    if (!verify) continue;
    Status same = VerifyFile(file->temporary(), {file->Digest(), file->bytes()});
    if (!same.ok()) return same;
  }
  return {};
}

Status PartFiles::Replace(std::string_view metadata) {
  auto alone = DirectoryGuard::Acquire(paths_.directory);
  if (!alone.ok()) return alone.status();
  auto last = AtomicFile::Create(paths_.metadata);
  if (!last.ok()) return last.status();
  if (Status s = (*last)->Append(metadata); !s.ok()) return s;
  if (Status s = (*last)->Seal(); !s.ok()) return s;
  EMBSTORE_CRASH_POINT("export-metadata-sealed");
  std::error_code error;
  if (!EMBSTORE_SEEDED_BUG("metadata-left")) std::filesystem::remove(paths_.metadata, error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "replace", paths_.metadata, error.value());
  EMBSTORE_CRASH_POINT("export-metadata-removed");
  if (Status s = SyncDirectory(paths_.directory); !s.ok()) return s;
  EMBSTORE_CRASH_POINT("export-removal-synced");
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (files_[i] == nullptr) {
      std::filesystem::remove(paths_.parts[i].path, error);
    } else if (Status s = files_[i]->Rename(); !s.ok()) {
      return s;
    }
    EMBSTORE_CRASH_POINT("export-part-renamed");
  }
  if (Status s = SyncDirectory(paths_.directory); !s.ok()) return s;
  EMBSTORE_CRASH_POINT("export-parts-synced");
  if (Status s = (*last)->Rename(); !s.ok()) return s;
  EMBSTORE_CRASH_POINT("export-metadata-renamed");
  return SyncDirectory(paths_.directory);
}

PartDigests PartFiles::Digests() const {
  PartDigests digests;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (files_[i] == nullptr) continue;
    digests.emplace_back(paths_.parts[i], FileDigest{files_[i]->Digest(), files_[i]->bytes()});
  }
  return digests;
}

}  // namespace embstore
