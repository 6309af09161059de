// SPDX-License-Identifier: Apache-2.0
// All records that are left of a store, whatever state its database is in. Writes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "engine/record/keys.h"
#include "engine/store/raw_store.h"

namespace embstore {

/// Not thread-safe; one thread at a time.
class StoreFiles {
 public:
  /// `directory`: the cache directory. kIncompatible: a database of something else.
  /// kInvalidArgument: it may not be read.
  static Result<std::unique_ptr<StoreFiles>> Open(const std::filesystem::path& directory);

  /// Hears a record and answers whether it proves itself.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;

  /// Hands out the records of a family as the database has them. Where it does not open, has gaps
  /// or records that do not prove themselves, also those in its table files and logs one by one:
  /// then a key may come more than once, in older versions too, or though it was deleted.
  /// `everything`: these in any case.
  void ForEach(Family family, bool everything, const Visit& visit) const;

  /// Why the database does not open; ok: it does, or there is none.
  const Status& opened() const { return opened_; }
  bool empty() const { return tables_.empty() && logs_.empty(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Table {
    std::filesystem::path path;
    std::optional<Family> family;
  };
  StoreFiles() = default;

  Status opened_;
  std::unique_ptr<RawStore> store_;
  std::vector<Table> tables_;
  std::vector<std::filesystem::path> logs_;
  std::uint64_t bytes_ = 0;
};

}  // namespace embstore
