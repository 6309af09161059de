// SPDX-License-Identifier: Apache-2.0
// The files of one export while they are written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/export.h"
#include "embstore/status.h"
#include "embstore/store.h"
#include "engine/base/file.h"
#include "engine/hash/hash.h"

namespace embstore {

/// One file of an export.
struct ExportPart {
  std::string name;  ///< In the metadata file: NAME_xxh3_128, NAME_bytes.
  std::filesystem::path path;
  bool only_with_labels = false;  ///< Only there when every document has an integer label.
};

/// Where the files of a split's export lie.
struct ExportPaths {
  ExportPaths(const std::filesystem::path& directory, const std::string& split,
              ExportFormat format);
  std::filesystem::path directory;
  std::vector<ExportPart> parts;  ///< The vectors first.
  std::filesystem::path metadata;
};

/// A file that is hashed while it is written. Not thread-safe; one thread at a time.
class HashedFile {
 public:
  static Result<std::unique_ptr<HashedFile>> Create(const std::filesystem::path& target);

  Status Append(std::string_view bytes);
  Status Seal() { return file_->Seal(); }
  Status Rename() { return file_->Rename(); }

  std::uint64_t bytes() const { return bytes_; }
  /// XXH3-128 of everything appended, as `xxhsum -H2` prints it.
  std::string Digest() const { return ToHex(hasher_.Digest()); }
  const std::filesystem::path& temporary() const { return file_->temporary(); }

 private:
  explicit HashedFile(std::unique_ptr<AtomicFile> file) : file_(std::move(file)) {}
  std::unique_ptr<AtomicFile> file_;
  Xxh3Hasher hasher_;
  std::uint64_t bytes_ = 0;
};

/// One process at a time replaces exports in a directory; the others wait.
class DirectoryGuard {
 public:
  static Result<std::unique_ptr<DirectoryGuard>> Acquire(const std::filesystem::path& directory);
  ~DirectoryGuard();
  DirectoryGuard(const DirectoryGuard&) = delete;
  DirectoryGuard& operator=(const DirectoryGuard&) = delete;

 private:
  explicit DirectoryGuard(int fd) : fd_(fd) {}
  const int fd_;
};

/// A file's digest and size.
struct FileDigest {
  std::string xxh3_128;
  std::uint64_t bytes = 0;
};

/// As they are on disk now.
Result<FileDigest> DigestFile(const std::filesystem::path& file);

/// kCorruption: `file` has another digest than it should.
Status VerifyFile(const std::filesystem::path& file, const FileDigest& expected);

/// Of the parts that there are, in the order of ExportPaths.
using PartDigests = std::vector<std::pair<ExportPart, FileDigest>>;

/// The parts of one export while they are written, under temporary names. What is not replaced
/// leaves no trace. Not thread-safe; one thread at a time.
class PartFiles {
 public:
  /// Borrows `paths`.
  explicit PartFiles(const ExportPaths& paths) : paths_(paths) {}

  Status Create(bool with_labels);

  /// In the order of ExportPaths; null where the part is left out.
  HashedFile* operator[](std::size_t part) const { return files_[part].get(); }

  /// Makes what was written durable; with `verify`, reads it back and compares.
  Status Seal(bool verify);

  /// Puts the sealed parts in the place of the old ones. The metadata file vouches for the others,
  /// so it goes first and comes back last.
  Status Replace(std::string_view metadata);

  PartDigests Digests() const;

 private:
  const ExportPaths& paths_;
  std::vector<std::unique_ptr<HashedFile>> files_;
};

}  // namespace embstore
