// SPDX-License-Identifier: Apache-2.0
// What must be on the disk before what, which no reading back can show.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/file.h"
#include "support/temp_dir.h"

namespace {
std::vector<std::string> calls;  // Since a test emptied it.

std::string PathOf(int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error).filename();
}
}  // namespace

// These stand before the system's own.
extern "C" int fsync(int fd) {
  calls.push_back("sync " + PathOf(fd));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int rename(const char* from, const char* to) noexcept {
  calls.push_back("rename " + std::filesystem::path(from).filename().string());
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace embstore {
namespace {

using testing::TempDir;

TEST_CASE("base: a file is synced before it gets its name, and the directory after") {
  const TempDir dir;
  auto file = AtomicFile::Create(dir.path() / "file");
  REQUIRE(file.ok());
  const std::string temporary = (*file)->temporary().filename();
  REQUIRE((*file)->Append("content").ok());
  calls.clear();
  REQUIRE((*file)->Commit().ok());
  CHECK(calls == std::vector<std::string>{"sync " + temporary, "rename " + temporary,
                                          "sync " + dir.path().filename().string()});
}

}  // namespace
}  // namespace embstore
