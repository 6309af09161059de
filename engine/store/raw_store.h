// SPDX-License-Identifier: Apache-2.0
// The database as it lies on the disk, for those who look for damage: opened without asking whether
// it agrees with its ledger, and read past what cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "embstore/store.h"
#include "engine/record/keys.h"

namespace embstore {

/// One state of the database, which later commits do not change. Safe for concurrent use.
class RawStore {
 public:
  /// Read-only. kNotFound: no database. kCorruption: it cannot be opened. kIncompatible: foreign.
  static Result<std::unique_ptr<RawStore>> Open(const std::filesystem::path& directory);
  ~RawStore();
  RawStore(const RawStore&) = delete;
  RawStore& operator=(const RawStore&) = delete;

  struct Table {
    std::filesystem::path path;
    std::string family;
  };
  /// The table files that this state consists of; the log is not one of them.
  std::vector<Table> Tables() const;

  /// Reads every block of one table file and compares it with its checksum.
  static Status CheckTable(const std::filesystem::path& path);

 private:
  friend class FamilyCursor;
  explicit RawStore(std::unique_ptr<Store::Impl> impl);
  std::unique_ptr<Store::Impl> impl_;
};

/// "store, family 'index', key 0a1b...": names a record in messages.
std::string RecordPlace(Family family, std::string_view key);

/// Goes through one family in the order of its keys. Where a block cannot be read it goes on behind
/// it and remembers the gap. Not thread-safe; one thread at a time.
class FamilyCursor {
 public:
  /// Stands on the first key. A family that a store of an earlier version lacks is empty.
  /// REQUIRES: `store` outlives it.
  FamilyCursor(const RawStore& store, Family family);
  ~FamilyCursor();
  FamilyCursor(const FamilyCursor&) = delete;
  FamilyCursor& operator=(const FamilyCursor&) = delete;

  bool Valid() const;
  /// Both until Next().
  std::string_view key() const;
  std::string_view value() const;
  void Next();

  /// What cannot be read, between the last key before it and the first one after it.
  struct Gap {
    std::string after;   ///< Empty: the family begins with it.
    std::string before;  ///< Empty: the family ends with it.
    std::string reason;
  };
  const std::vector<Gap>& gaps() const;
  /// Whether `key` may lie in a gap.
  bool MayHide(std::string_view key) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace embstore
