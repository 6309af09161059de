// SPDX-License-Identifier: Apache-2.0
// Copies of the golden stores, for tests.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "embstore/store.h"
#include "support/temp_dir.h"

namespace embstore::golden {

inline const std::filesystem::path kStore =
    std::filesystem::path(EMBSTORE_SOURCE_DIR) / "tests/golden/store-v1";
// Of the same format and content, with a ledger, sketches and true digests of the lists.
inline const std::filesystem::path kStoreWithLedger =
    std::filesystem::path(EMBSTORE_SOURCE_DIR) / "tests/golden/store-v1b";

inline std::unique_ptr<Store> MustOpen(const std::filesystem::path& directory, bool read_only) {
  StoreOptions options;
  options.read_only = read_only;
  options.create_if_missing = false;
  auto store = Store::Open(directory, options);
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  return *std::move(store);
}

/// Every file below `directory` with its content.
inline std::map<std::string, std::string> Snapshot(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    files[std::filesystem::relative(entry.path(), directory).string()] = content.str();
  }
  return files;
}

/// A copy of a golden store that may be changed.
struct StoreCopy {
  explicit StoreCopy(const std::filesystem::path& golden = kStore) {
    std::filesystem::copy(golden, directory, std::filesystem::copy_options::recursive);
  }
  testing::TempDir temp;
  std::filesystem::path directory = temp.path() / "cache";
};

}  // namespace embstore::golden
