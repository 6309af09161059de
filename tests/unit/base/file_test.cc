// SPDX-License-Identifier: Apache-2.0
#include "engine/base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "support/temp_dir.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

void Write(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  REQUIRE(out.good());
}

std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  REQUIRE(in.good());
  return out.str();
}

std::set<std::string> Names(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

std::unique_ptr<AtomicFile> MustCreate(const fs::path& target) {
  auto file = AtomicFile::Create(target);
  REQUIRE_MESSAGE(file.ok(), file.status().message());
  return *std::move(file);
}

TEST_CASE("base: a committed file is there whole and alone") {
  const TempDir dir;
  {
    const auto file = MustCreate(dir.path() / "a");
    CHECK(file->target() == dir.path() / "a");
    CHECK(file->temporary().parent_path() == dir.path());
    REQUIRE(file->Append("one ").ok());
    REQUIRE(file->Append("two").ok());
    CHECK_FALSE(fs::exists(dir.path() / "a"));
    REQUIRE(file->Commit().ok());
  }
  CHECK(Read(dir.path() / "a") == "one two");
  CHECK(Names(dir.path()) == std::set<std::string>{"a"});
}

TEST_CASE("base: a file that is not committed leaves nothing behind") {
  const TempDir dir;
  {
    const auto file = MustCreate(dir.path() / "a");
    REQUIRE(file->Append("x").ok());
  }
  CHECK(Names(dir.path()).empty());
  {
    const auto file = MustCreate(dir.path() / "a");
    REQUIRE(file->Append("x").ok());
    REQUIRE(file->Flush().ok());
  }
  CHECK(Names(dir.path()).empty());
  {
    const auto file = MustCreate(dir.path() / "a");
    REQUIRE(file->Append("x").ok());
    REQUIRE(file->Seal().ok());
    CHECK(Read(file->temporary()) == "x");
  }
  CHECK(Names(dir.path()).empty());
}

TEST_CASE("base: a file that is not committed leaves the old one as it was") {
  const TempDir dir;
  Write(dir.path() / "a", "old");
  {
    const auto file = MustCreate(dir.path() / "a");
    REQUIRE(file->Append("new").ok());
    REQUIRE(file->Seal().ok());
  }
  CHECK(Read(dir.path() / "a") == "old");
  CHECK(Names(dir.path()) == std::set<std::string>{"a"});
}

TEST_CASE("base: a file is replaced whole, never written into") {
  const TempDir dir;
  Write(dir.path() / "a", "a longer old content");
  fs::create_hard_link(dir.path() / "a", dir.path() / "link");
  {
    const auto file = MustCreate(dir.path() / "a");
    REQUIRE(file->Append("new").ok());
    REQUIRE(file->Flush().ok());
    CHECK(Read(dir.path() / "a") == "a longer old content");
    REQUIRE(file->Commit().ok());
  }
  CHECK(Read(dir.path() / "a") == "new");
  CHECK(Read(dir.path() / "link") == "a longer old content");
}

TEST_CASE("base: an empty file can be committed") {
  const TempDir dir;
  REQUIRE(MustCreate(dir.path() / "a")->Commit().ok());
  CHECK(Read(dir.path() / "a").empty());
}

TEST_CASE("base: appends of every size around the buffer arrive in order") {
  const TempDir dir;
  constexpr std::size_t kBuffer = 1u << 20;
  std::string expected;
  const auto file = MustCreate(dir.path() / "a");
  char letter = 'a';
  for (const std::size_t size : {std::size_t{1}, kBuffer - 1, std::size_t{1}, kBuffer, kBuffer + 1,
                                 std::size_t{0}, std::size_t{3}, 3 * kBuffer, std::size_t{7}}) {
    const std::string piece(size, letter++);
    expected += piece;
    REQUIRE(file->Append(piece).ok());
  }
  REQUIRE(file->Commit().ok());
  CHECK((Read(dir.path() / "a") == expected));
}

TEST_CASE("base: bytes and text are appended alike") {
  const TempDir dir;
  const auto file = MustCreate(dir.path() / "a");
  const std::array<std::byte, 3> bytes = {std::byte{0}, std::byte{0xFF}, std::byte{'x'}};
  REQUIRE(file->Append(bytes).ok());
  REQUIRE(file->Append(std::string_view("\0y", 2)).ok());
  REQUIRE(file->Commit().ok());
  CHECK(Read(dir.path() / "a") == std::string("\0\xFFx\0y", 5));
}

TEST_CASE("base: two writers of one target in one process do not disturb each other") {
  const TempDir dir;
  const auto first = MustCreate(dir.path() / "a");
  REQUIRE(first->Append("first").ok());
  REQUIRE(first->Flush().ok());
  auto second = MustCreate(dir.path() / "a");
  REQUIRE(second->Append("sec").ok());
  REQUIRE(second->Flush().ok());
  CHECK(first->temporary() != second->temporary());
  REQUIRE(first->Commit().ok());
  CHECK(Read(dir.path() / "a") == "first");
  REQUIRE(second->Append("ond").ok());
  REQUIRE(second->Commit().ok());
  CHECK(Read(dir.path() / "a") == "second");
  second.reset();
  CHECK(Names(dir.path()) == std::set<std::string>{"a"});
}

TEST_CASE("base: a target that is not a regular file is refused and left alone") {
  const TempDir dir;
  Write(dir.path() / "precious", "keep");
  fs::create_symlink("precious", dir.path() / "link");
  fs::create_symlink("nowhere", dir.path() / "dangling");
  fs::create_directory(dir.path() / "directory");
  REQUIRE(::mkfifo((dir.path() / "fifo").c_str(), 0600) == 0);
  const auto before = Names(dir.path());
  for (const std::string name : {"link", "dangling", "directory", "fifo"}) {
    CAPTURE(name);
    const auto created = AtomicFile::Create(dir.path() / name);
    CHECK(created.code() == Code::kInvalidArgument);
    CHECK(created.status().message() == "'" + (dir.path() / name).string() +
                                            "' exists and is not a regular file; remove it first");
    CHECK(ReplaceFile(dir.path() / name, "x").code() == Code::kInvalidArgument);
  }
  CHECK(AtomicFile::Create("/dev/null").code() == Code::kInvalidArgument);
  CHECK(Names(dir.path()) == before);
  CHECK(Read(dir.path() / "precious") == "keep");
  CHECK(fs::is_symlink(dir.path() / "link"));
  CHECK_FALSE(fs::exists(dir.path() / "nowhere"));
}

TEST_CASE("base: a directory that cannot be written is named") {
  const TempDir dir;
  Write(dir.path() / "file", "");
  for (const fs::path& parent : {dir.path() / "absent", dir.path() / "file"}) {
    const auto created = AtomicFile::Create(parent / "a");
    CHECK(created.code() == Code::kWriteFailed);
    CHECK(created.status().message().starts_with("cannot create '" + (parent / "a").string()));
    CHECK(ReplaceFile(parent / "a", "x").code() == Code::kWriteFailed);
  }
  if (::geteuid() == 0) {
    MESSAGE("root may write everywhere: the mode of a directory is not tested");
    return;
  }
  fs::create_directory(dir.path() / "closed");
  fs::permissions(dir.path() / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  const auto created = AtomicFile::Create(dir.path() / "closed" / "a");
  CHECK(created.code() == Code::kWriteFailed);
  CHECK(created.status().message().find("Permission denied") != std::string::npos);
}

TEST_CASE("base: a file whose directory went away is reported when it is committed") {
  const TempDir dir;
  fs::create_directory(dir.path() / "d");
  const auto file = MustCreate(dir.path() / "d" / "a");
  REQUIRE(file->Append("x").ok());
  fs::remove_all(dir.path() / "d");
  const Status committed = file->Commit();
  CHECK(committed.code() == Code::kWriteFailed);
  CHECK(committed.message().starts_with("cannot rename '" + file->temporary().string() + "': "));
}

TEST_CASE("base: a full disk is a write error with its path") {
  // /dev/full answers every write with "no space"; the temporary is swapped for it by its name.
  const TempDir dir;
  const auto file = MustCreate(dir.path() / "a");
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) {
    MESSAGE("no /dev/full here");
    return;
  }
  int own = -1;  // The descriptor of the temporary: the only one with its inode.
  struct stat wanted {};
  REQUIRE(::stat(file->temporary().c_str(), &wanted) == 0);
  for (int fd = 3; fd < 64 && own < 0; ++fd) {
    struct stat info {};
    if (::fstat(fd, &info) == 0 && info.st_ino == wanted.st_ino && info.st_dev == wanted.st_dev) {
      own = fd;
    }
  }
  REQUIRE(own >= 0);
  REQUIRE(::dup2(full, own) == own);
  ::close(full);
  REQUIRE(file->Append("x").ok());
  const Status flushed = file->Commit();
  CHECK(flushed.code() == Code::kWriteFailed);
  CHECK(flushed.message() ==
        "cannot write '" + file->temporary().string() + "': No space left on device");
  CHECK_FALSE(fs::exists(dir.path() / "a"));
}

TEST_CASE("base: ReplaceFile replaces at once and leaves nothing else") {
  const TempDir dir;
  REQUIRE(ReplaceFile(dir.path() / "a", "one").ok());
  CHECK(Read(dir.path() / "a") == "one");
  REQUIRE(ReplaceFile(dir.path() / "a", "").ok());
  CHECK(Read(dir.path() / "a").empty());
  const std::string large(3u << 20, 'x');
  REQUIRE(ReplaceFile(dir.path() / "a", large).ok());
  CHECK((Read(dir.path() / "a") == large));
  CHECK(Names(dir.path()) == std::set<std::string>{"a"});
}

TEST_CASE("base: a whole file is read up to its limit") {
  const TempDir dir;
  const std::string content(200'000, 'q');
  Write(dir.path() / "a", content);
  const auto read = ReadWholeFile(dir.path() / "a", content.size());
  REQUIRE(read.ok());
  CHECK((*read == content));
  const auto refused = ReadWholeFile(dir.path() / "a", content.size() - 1);
  CHECK(refused.code() == Code::kInvalidArgument);
  CHECK(refused.status().message() ==
        "'" + (dir.path() / "a").string() + "' is larger than 199999 bytes");
  Write(dir.path() / "empty", "");
  const auto empty = ReadWholeFile(dir.path() / "empty", 0);
  REQUIRE(empty.ok());
  CHECK(empty->empty());
}

TEST_CASE("base: a file that says it is empty and is not is held to the limit too") {
  // Files of /proc have size 0 and content.
  CHECK(ReadWholeFile("/proc/self/status", 10).code() == Code::kInvalidArgument);
  CHECK(ReadWholeFile("/proc/self/status", 1u << 20).ok());
}

TEST_CASE("base: a symlink is followed when reading") {
  const TempDir dir;
  Write(dir.path() / "a", "content");
  fs::create_symlink("a", dir.path() / "link");
  const auto read = ReadWholeFile(dir.path() / "link", 100);
  REQUIRE(read.ok());
  CHECK(*read == "content");
}

TEST_CASE("base: what is no readable file is refused without waiting") {
  const TempDir dir;
  const fs::path absent = dir.path() / "absent";
  const auto missing = ReadWholeFile(absent, 100);
  CHECK(missing.code() == Code::kNotFound);
  CHECK(missing.status().message() ==
        "cannot open '" + absent.string() + "': No such file or directory");
  CHECK(ReadWholeFile(dir.path(), 100).code() == Code::kInvalidArgument);
  REQUIRE(::mkfifo((dir.path() / "fifo").c_str(), 0600) == 0);
  const auto fifo = ReadWholeFile(dir.path() / "fifo", 100);
  CHECK(fifo.code() == Code::kInvalidArgument);
  CHECK(fifo.status().message() ==
        "'" + (dir.path() / "fifo").string() + "' is not a regular file");
  CHECK(ReadWholeFile("/dev/null", 100).code() == Code::kInvalidArgument);
}

TEST_CASE("base: syncing what is no directory is an error with its path") {
  const TempDir dir;
  CHECK(SyncDirectory(dir.path()).ok());
  const Status absent = SyncDirectory(dir.path() / "absent");
  CHECK(absent.code() == Code::kWriteFailed);
  CHECK(absent.message().find((dir.path() / "absent").string()) != std::string::npos);
  Write(dir.path() / "a", "");
  CHECK(SyncDirectory(dir.path() / "a").code() == Code::kWriteFailed);
}

TEST_CASE("base: a directory is made with what is missing above it") {
  const TempDir dir;
  CHECK(CreateDirectories(dir.path() / "a/b/c").ok());
  CHECK(std::filesystem::is_directory(dir.path() / "a/b/c"));
  CHECK(CreateDirectories(dir.path() / "a/b/").ok());
  Write(dir.path() / "file", "");
  const Status refused = CreateDirectories(dir.path() / "file/d");
  CHECK(refused.code() == Code::kWriteFailed);
  CHECK(refused.message().find("file/d") != std::string::npos);
}

TEST_CASE("base: an error of the system names operation, path and reason") {
  const Status status = ErrnoStatus(Code::kWriteFailed, "write", "/x/y", ENOSPC);
  CHECK(status.code() == Code::kWriteFailed);
  CHECK(status.message() == "cannot write '/x/y': No space left on device");
}

}  // namespace
}  // namespace embstore
