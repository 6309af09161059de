// SPDX-License-Identifier: Apache-2.0
// A commit is on the disk when Write returns, which no reading back can show.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "embstore/store.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace {

namespace fs = std::filesystem;

std::mutex synced_mutex;
std::map<ino_t, off_t> synced;  // How large a file was when it was synced last.

}  // namespace

/// Stands before the system's own, also for RocksDB.
extern "C" __attribute__((visibility("default"))) int fdatasync(int fd) {
  struct stat info {};
  const bool known = ::fstat(fd, &info) == 0;
  const int result = static_cast<int>(::syscall(SYS_fdatasync, fd));
  const std::lock_guard<std::mutex> guard(synced_mutex);
  if (known && result == 0) synced[info.st_ino] = info.st_size;
  return result;
}

namespace embstore {
namespace {

/// Bytes of the database's log that a power cut could take.
off_t UnsyncedLogBytes(const fs::path& directory) {
  off_t bytes = 0;
  const std::lock_guard<std::mutex> guard(synced_mutex);
  for (const auto& entry : fs::directory_iterator(directory / "store")) {
    struct stat info {};
    if (entry.path().extension() != ".log" || ::stat(entry.path().c_str(), &info) != 0) continue;
    bytes += info.st_size - synced[info.st_ino];
  }
  return bytes;
}

TEST_CASE("store: a commit is synced before it is acknowledged") {
  const testing::TempDir dir;
  auto store = Store::Open(dir.path(), {});
  REQUIRE(store.ok());
  StoreWriter writer(store->get());
  const EmbeddingIdentity identity{"m", 4, "", 1};
  REQUIRE(writer.AddSpace({identity, "test", 1}).ok());
  CHECK(UnsyncedLogBytes(dir.path()) == 0);
  const std::vector<float> vector = {1, 2, 3, 4};
  for (const std::string text : {"a", "b"}) {
    Commit commit;
    commit.space = MakeSpaceId(identity);
    commit.embedded.push_back({MakeTextKey(text), text, 1, vector});
    REQUIRE(writer.Write(commit).ok());
    CHECK(UnsyncedLogBytes(dir.path()) == 0);
  }
}

}  // namespace
}  // namespace embstore
