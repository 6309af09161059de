// SPDX-License-Identifier: Apache-2.0
#include "engine/store/reply_reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/file.h"
#include "engine/store/kept_files.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;

/// Overwrites the beginning of the file and cuts it there. No new block is needed for it.
Status Overwrite(int fd, std::string_view content, const fs::path& path) {
  off_t at = 0;
  while (!content.empty()) {
    const ssize_t written = ::pwrite(fd, content.data(), content.size(), at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(Code::kWriteFailed, "write", path, errno);
    at += written;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::ftruncate(fd, at) != 0) return ErrnoStatus(Code::kWriteFailed, "shorten", path, errno);
  return {};
}

Status Sync(int fd, const fs::path& path) {
  if (::fsync(fd) != 0) return ErrnoStatus(Code::kWriteFailed, "sync", path, errno);
  return {};
}

Status Rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return ErrnoStatus(Code::kWriteFailed, "rename", from, errno);
}

Status WriteAnew(const fs::path& target, std::string_view content) {
  auto file = AtomicFile::Create(target);
  if (!file.ok()) return file.status();
  if (Status written = (*file)->Append(content); !written.ok()) return written;
  return (*file)->Commit();
}

}  // namespace

Result<std::unique_ptr<ReplyReserve>> ReplyReserve::Take(const fs::path& directory,
                                                         std::size_t files, std::uint64_t bytes) {
  std::unique_ptr<ReplyReserve> reserve(new ReplyReserve(directory));
  if (files == 0) return reserve;
  Status taken = MakeJobsDirectory(directory);
  while (taken.ok() && reserve->pieces_.size() < files) taken = reserve->TakePiece(bytes);
  if (!taken.ok()) {
    return Status(Code::kWriteFailed,
                  "no room to keep answers if the disk fails: " + std::to_string(files * bytes) +
                      " bytes are needed for them, and more for the store; nothing was sent: " +
                      taken.message() + ". Free some space and run the same command again");
  }
  reserve->bytes_ = files * bytes;
  EMBSTORE_CRASH_POINT("reserve-taken");
  return reserve;
}

Status ReplyReserve::TakePiece(std::uint64_t bytes) {
  Piece piece;
  piece.path = ReservePath(directory_, pieces_.size());
  ::unlink(piece.path.c_str());
  piece.fd = ::open(piece.path.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_RDWR, 0600);
  if (piece.fd < 0) return ErrnoStatus(Code::kWriteFailed, "create", piece.path, errno);
  pieces_.push_back(piece);
  int error = 0;
  do {
    error = ::posix_fallocate(piece.fd, 0, static_cast<off_t>(bytes));
  } while (error == EINTR);
  if (error == 0) return {};
  return ErrnoStatus(Code::kWriteFailed, "make room in", piece.path, error);
}

ReplyReserve::~ReplyReserve() {
  for (const Piece& piece : pieces_) {
    ::close(piece.fd);
    ::unlink(piece.path.c_str());
  }
  RemoveJobsDirectory(directory_);
}

void ReplyReserve::GiveBackLeftovers(const fs::path& directory) {
  const auto files = ListJobsDirectory(directory);
  if (!files.ok()) return;
  for (const fs::path& path : *files) {
    const bool unfinished = path.filename().string().find(".tmp-") != std::string::npos;
    if (IsReserveFile(path) || unfinished) ::unlink(path.c_str());
  }
  RemoveJobsDirectory(directory);
}

ReplyReserve::Piece ReplyReserve::UsePiece() {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (pieces_.empty()) return {};
  Piece piece = std::move(pieces_.back());
  pieces_.pop_back();
  return piece;
}

Status ReplyReserve::Keep(const fs::path& target, std::string_view content) {
  const Piece piece = UsePiece();
  if (piece.fd < 0) {
    if (Status made = MakeJobsDirectory(directory_); !made.ok()) return made;
    return WriteAnew(target, content);
  }
  const Status written = Overwrite(piece.fd, content, piece.path);
  Status kept = written.ok() ? Sync(piece.fd, piece.path) : written;
  ::close(piece.fd);
  if (kept.ok()) kept = Rename(piece.path, target);
  const bool renamed = kept.ok();
  if (renamed) kept = SyncDirectory(target.parent_path());
  if (kept.ok()) return {};
  if (WriteAnew(target, content).ok()) {
    ::unlink(piece.path.c_str());
    return {};
  }
  // All bytes are written, if perhaps not for good. Its last line proves the file when it is read.
  if (renamed || (written.ok() && Rename(piece.path, target).ok())) return {};
  ::unlink(piece.path.c_str());
  return kept;
}

}  // namespace embstore
