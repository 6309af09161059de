// SPDX-License-Identifier: Apache-2.0
#include "engine/store/gap_iterator.h"

#include <cstddef>
#include <string_view>

namespace embstore {
namespace {

// Keys are searched as numbers of so many bytes; longer ones differ before that.
constexpr std::size_t kSearchedBytes = 40;
// Behind so many gaps a family is given up.
constexpr std::size_t kMostGaps = 256;

/// A key as a number of kSearchedBytes bytes, greatest first.
class KeyNumber {
 public:
  explicit KeyNumber(std::string_view key) : bytes_(key.substr(0, kSearchedBytes)) {
    bytes_.resize(kSearchedBytes, '\0');
  }

  rocksdb::Slice slice() const { return bytes_; }

  /// This plus 2^`bit`; the greatest number when that is too much.
  KeyNumber Plus(std::size_t bit) const {
    KeyNumber sum = *this;
    unsigned carry = 1U << bit % 8;
    for (std::size_t at = kSearchedBytes - 1 - bit / 8; carry > 0; --at) {
      carry += static_cast<unsigned char>(sum.bytes_[at]);
      sum.bytes_[at] = static_cast<char>(carry);
      carry >>= 8;
      if (at == 0 && carry > 0) {
        sum.bytes_.assign(kSearchedBytes, '\xff');
        break;
      }
    }
    return sum;
  }

 private:
  std::string bytes_;
};

}  // namespace

void GapIterator::Seek(const rocksdb::Slice& key) {
  it_.reset(make_());
  it_->Seek(key);
}

void GapIterator::SeekToFirst() {
  Seek("");
  PassDamage();
}

void GapIterator::Next() {
  last_.assign(it_->key().data(), it_->key().size());
  it_->Next();
  PassDamage();
}

/// Goes on behind what cannot be read.
void GapIterator::PassDamage() {
  while (Unreadable()) {
    gaps_.push_back({last_, "", it_->status().ToString()});
    if (gaps_.size() >= kMostGaps || !SeekBehindDamage()) return;
    if (it_->Valid()) gaps_.back().before = it_->key().ToString();
  }
}

/// False: nothing behind it can be read. The nearest readable place is found by steps that
/// double, and then by halving the last one.
bool GapIterator::SeekBehindDamage() {
  KeyNumber bad(last_);
  std::size_t bit = 0;
  for (; bit < kSearchedBytes * 8; ++bit) {
    Seek(bad.Plus(bit).slice());
    if (!Unreadable()) break;
  }
  if (bit == kSearchedBytes * 8) return false;
  if (bit > 0) bad = bad.Plus(bit - 1);
  KeyNumber good = KeyNumber(last_).Plus(bit);
  for (; bit-- > 0;) {
    const KeyNumber middle = bad.Plus(bit);
    if (!(middle.slice().compare(good.slice()) < 0)) continue;
    Seek(middle.slice());
    (Unreadable() ? bad : good) = middle;
  }
  Seek(good.slice());
  return !Unreadable();
}

}  // namespace embstore
