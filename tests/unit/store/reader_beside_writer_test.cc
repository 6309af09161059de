// SPDX-License-Identifier: Apache-2.0
// A reader opens the files of a store while a writer replaces them.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "embstore/store.h"
#include "engine/store/store_writer.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

const EmbeddingIdentity kIdentity{"m", 4, "", 1};
constexpr std::size_t kCommits = 60;

std::string TextOf(std::size_t number) { return "text " + std::to_string(number); }

/// Commits a text at a time and flushes the log after each, as a run does at its end.
Status WriteAndFlush(const std::filesystem::path& directory,
                     std::atomic<std::size_t>* acknowledged) {
  for (std::size_t number = 0; number < kCommits; ++number) {
    auto store = Store::Open(directory, {});
    if (!store.ok()) return store.status();
    {
      StoreWriter writer(store->get());
      if (Status added = writer.AddSpace({kIdentity, "test", 1}); !added.ok()) return added;
      const std::string text = TextOf(number);
      const std::vector<float> vector = {1, 2, 3, 4};
      Commit commit;
      commit.space = MakeSpaceId(kIdentity);
      commit.embedded.push_back({MakeTextKey(text), text, 1, vector});
      if (Status written = writer.Write(commit); !written.ok()) return written;
    }
    *acknowledged = number + 1;
    if (Status closed = (*store)->Close(); !closed.ok()) return closed;
  }
  return {};
}

TEST_CASE("store: a reader beside a writer sees all that was acknowledged before it opened") {
  const testing::TempDir dir;
  REQUIRE(Store::Open(dir.path(), {}).ok());
  std::atomic<std::size_t> acknowledged = 0;
  std::atomic<bool> done = false;
  Status written;
  std::thread writer([&] {
    written = WriteAndFlush(dir.path(), &acknowledged);
    done = true;
  });
  StoreOptions options;
  options.read_only = true;
  for (bool last = false; !last;) {
    last = done;
    std::vector<TextKey> texts(acknowledged);
    for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = MakeTextKey(TextOf(i));
    const auto store = Store::Open(dir.path(), options);
    CHECK_MESSAGE(store.ok(), store.status().message());
    if (!store.ok()) continue;
    const auto there = (*store)->Contains(MakeSpaceId(kIdentity), texts);
    CHECK_MESSAGE(there.ok(), there.status().message());
    if (there.ok()) CHECK(*there == std::vector<bool>(texts.size(), true));
  }
  writer.join();
  CHECK_MESSAGE(written.ok(), written.message());
}

}  // namespace
}  // namespace embstore
