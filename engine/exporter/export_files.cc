// SPDX-License-Identifier: Apache-2.0
#include "engine/exporter/export_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

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

}  // namespace embstore
