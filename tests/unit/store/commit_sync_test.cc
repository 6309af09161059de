// SPDX-License-Identifier: Apache-2.0
// A commit is on the disk when Write returns, which no reading back can show.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "embstore/store.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace {

namespace fs = std::filesystem;

std::mutex synced_mutex;
std::map<std::string, std::uintmax_t> synced;  // How much of a file was, when it was synced last.

}  // namespace

/// Stands before the system's own, also for RocksDB.
extern "C" __attribute__((visibility("default"))) int fdatasync(int fd) {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
  const std::uintmax_t size = fs::file_size(path, error);
  const int result = static_cast<int>(::syscall(SYS_fdatasync, fd));
  const std::lock_guard<std::mutex> guard(synced_mutex);
  if (result == 0) synced[path.string()] = size;
  return result;
}

namespace embstore {
namespace {

/// Bytes of the database's log that a power cut could take.
std::uintmax_t UnsyncedLogBytes(const fs::path& directory) {
  std::uintmax_t bytes = 0;
  const std::lock_guard<std::mutex> guard(synced_mutex);
  for (const auto& entry : fs::directory_iterator(fs::canonical(directory / "store"))) {
    if (entry.path().extension() != ".log") continue;
    bytes += entry.file_size() - synced[entry.path().string()];
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
