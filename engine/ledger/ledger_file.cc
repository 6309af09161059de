// SPDX-License-Identifier: Apache-2.0
#include "engine/ledger/ledger_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "engine/base/file.h"
#include "engine/base/seeded_bug.h"

namespace embstore {

namespace fs = std::filesystem;

Status LedgerFile::Create(const fs::path& path, const LedgerHeader& header) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error))) {
    return {Code::kInvalidArgument, "'" + path.string() + "' exists; a ledger is never replaced"};
  }
  auto file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  const fs::path& temporary = (*file)->temporary();
  fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return ErrnoStatus(Code::kWriteFailed, "protect", temporary, error.value());
  if (Status added = (*file)->Append(EncodeLedgerHeader(header)); !added.ok()) return added;
  return (*file)->Commit();
}

Result<std::unique_ptr<LedgerFile>> LedgerFile::Open(const fs::path& path, bool read_only) {
  // Not blocking, so that a FIFO in its place cannot hold us.
  const int flags = (read_only ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  const int fd = ::open(path.c_str(), flags);
  if (fd < 0 && errno == ENOENT) return ErrnoStatus(Code::kNotFound, "open", path, ENOENT);
  if (fd < 0 && errno != ELOOP && errno != EISDIR) {
    const Code code = read_only ? Code::kInvalidArgument : Code::kWriteFailed;
    return ErrnoStatus(code, "open", path, errno);
  }
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    if (fd >= 0) ::close(fd);
    return Status(Code::kInvalidArgument, "'" + path.string() + "' is not a regular file");
  }
  return std::unique_ptr<LedgerFile>(
      new LedgerFile(path, fd, read_only, static_cast<std::uint64_t>(info.st_size)));
}

LedgerFile::LedgerFile(fs::path path, int fd, bool read_only, std::uint64_t end)
    : path_(std::move(path)), fd_(fd), read_only_(read_only), end_(end) {}

LedgerFile::~LedgerFile() { ::close(fd_); }

Status LedgerFile::CutTo(std::uint64_t end) {
  end_ = end;
  if (read_only_) return {};
  if (::ftruncate(fd_, static_cast<off_t>(end)) != 0) return Fail("shorten", errno);
  return Sync();
}

Status LedgerFile::Append(const LedgerEntry& entry, bool durable) {
  if (read_only_) return {Code::kInternal, "the ledger is open for reading only"};
  if (!failed_.ok()) return failed_;
  const std::string payload = EncodePayload(entry);
  if (payload.size() > kMaxPayloadBytes) {
    return {Code::kInternal, "an entry of the ledger is too long"};
  }
  if (EMBSTORE_SEEDED_BUG("heap-overflow") && payload.data()[payload.capacity() + 1] > 0) ++end_;
  // At most one entry is ever not synced: the reader relies on it to tell a torn end from damage.
  if (unsynced_) {
    if (Status synced = Sync(); !synced.ok()) return synced;
  }
  const std::string frame = EncodeFrame(end_, KindOf(entry), payload);
  if (HasBlankSector(end_, frame)) {
    return {Code::kInternal, "an entry of the ledger holds too many zero bytes"};
  }
  if (Status written = Write(frame); !written.ok()) return written;
  unsynced_ = true;
  if (durable) {
    if (Status synced = Sync(); !synced.ok()) return synced;
  }
  end_ += frame.size();
  return {};
}

Status LedgerFile::Write(std::string_view bytes) {
  std::uint64_t at = end_;
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail("write", errno);
    at += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status LedgerFile::Sync() {
  if (read_only_) return {};
  if (!failed_.ok()) return failed_;
  if (!unsynced_) return {};
  if (::fdatasync(fd_) != 0 && !EMBSTORE_SEEDED_BUG("failed-sync-ignored"))
    return Fail("sync", errno);
  unsynced_ = false;
  return {};
}

/// What was not acknowledged should not be there when the file is opened again; if it cannot be
/// taken back, the next one to open it counts it as sent, which errs on the side of not paying.
Status LedgerFile::Fail(std::string_view operation, int error) {
  failed_ = ErrnoStatus(Code::kWriteFailed, operation, path_, error);
  failed_ = {Code::kWriteFailed, failed_.message() +
                                     "; the entries before are kept. Free space or mend the disk, "
                                     "then open the store again"};
  [[maybe_unused]] const int taken_back = ::ftruncate(fd_, static_cast<off_t>(end_));
  return failed_;
}

}  // namespace embstore
