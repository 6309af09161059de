// SPDX-License-Identifier: Apache-2.0
// An iterator of RocksDB that goes on behind what cannot be read.
#pragma once

#include <rocksdb/iterator.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/store/raw_store.h"

namespace embstore {

/// Not thread-safe; one thread at a time.
class GapIterator {
 public:
  /// `make` answers a new iterator over the same keys each time: one that met damage finds it
  /// everywhere from then on.
  explicit GapIterator(std::function<rocksdb::Iterator*()> make) : make_(std::move(make)) {}

  void SeekToFirst();
  bool Valid() const { return it_ != nullptr && it_->Valid(); }
  rocksdb::Slice key() const { return it_->key(); }
  rocksdb::Slice value() const { return it_->value(); }
  void Next();

  const std::vector<FamilyCursor::Gap>& gaps() const { return gaps_; }

 private:
  void Seek(const rocksdb::Slice& key);
  bool Unreadable() const { return !it_->Valid() && !it_->status().ok(); }
  void PassDamage();
  bool SeekBehindDamage();

  std::function<rocksdb::Iterator*()> make_;
  std::unique_ptr<rocksdb::Iterator> it_;
  std::vector<FamilyCursor::Gap> gaps_;
  std::string last_;  // The key before `it_`.
};

}  // namespace embstore
