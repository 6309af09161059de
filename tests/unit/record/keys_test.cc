// SPDX-License-Identifier: Apache-2.0
#include "engine/record/keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace embstore {
namespace {

using namespace std::string_literals;

constexpr SpaceId kSpace{0x0102030405060708ULL};

ContentHash Hash() {
  ContentHash hash;
  for (std::size_t i = 0; i < hash.bytes.size(); ++i) {
    hash.bytes[i] = static_cast<std::uint8_t>(0xA0 + i);
  }
  return hash;
}

const std::string kHashBytes = "\xA0\xA1\xA2\xA3\xA4\xA5\xA6\xA7\xA8\xA9\xAA\xAB\xAC\xAD\xAE\xAF";
const std::string kSpaceBytes = "\x01\x02\x03\x04\x05\x06\x07\x08";

TEST_CASE("record: the names of the families are those on disk") {
  const std::vector<std::string_view> expected = {"default",      "meta",     "spaces", "index",
                                                  "vectors",      "texts",    "splits", "documents",
                                                  "document_ids", "failures", "runs",   "sketches"};
  CHECK(std::equal(kFamilyNames.begin(), kFamilyNames.end(), expected.begin(), expected.end()));
  CHECK(kFamilyNames[static_cast<std::size_t>(Family::kVectors)] == "vectors");
  CHECK(kFamilyNames[static_cast<std::size_t>(Family::kDocumentIds)] == "document_ids");
  CHECK(kMetaStoreKey == "store");
  CHECK(kMetaCommitKey == "commit");
}

TEST_CASE("record: every key is these bytes") {
  CHECK(SpaceKey(kSpace) == kSpaceBytes);
  CHECK(VectorKey(kSpace, Hash()) == kSpaceBytes + kHashBytes);
  CHECK(VectorKey(kSpace, Hash(), 0) == VectorKey(kSpace, Hash()));
  CHECK(VectorKey(kSpace, Hash(), 1) == kSpaceBytes + kHashBytes + "\x01");
  CHECK(VectorKey(kSpace, Hash(), 15) == kSpaceBytes + kHashBytes + "\x0F");
  TextKey text;
  text.hash = Hash();
  text.fingerprint.bytes.fill(0x5A);
  text.length = 99;
  CHECK(TextRecordKey(text) == kHashBytes + std::string(16, '\x5A'));
  CHECK(CoverageKey("train", kSpace) == "train\0"s + kSpaceBytes);
  CHECK(GenerationPrefix(1, 0x01020304) == "\0\0\0\x01\x01\x02\x03\x04"s);
  CHECK(DocumentKey(0xFFFFFFFF, 2, 0x0A0B) == "\xFF\xFF\xFF\xFF\0\0\0\x02\0\0\0\0\0\0\x0A\x0B"s);
  CHECK(DocumentIdKey(3, 4, "id\0x"s) == "\0\0\0\x03\0\0\0\x04id\0x"s);
  CHECK(RunKey(258) == "\0\0\x01\x02"s);
}

TEST_CASE("record: keys of fixed length have it") {
  CHECK(SpaceKey({}).size() == 8);
  CHECK(VectorKey({}, {}).size() == 24);
  CHECK(VectorKey({}, {}, 1).size() == 25);
  CHECK(TextRecordKey({}).size() == 32);
  CHECK(GenerationPrefix(0, 0).size() == 8);
  CHECK(DocumentKey(0, 0, 0).size() == 16);
  CHECK(RunKey(0).size() == 4);
}

TEST_CASE("record: what a key is made of can be read from it") {
  CHECK(SpaceOfKey(SpaceKey(kSpace)) == kSpace);
  CHECK(SpaceOfKey(VectorKey(kSpace, Hash(), 3)) == kSpace);
  CHECK(HashOfVectorKey(VectorKey(kSpace, Hash())) == Hash());
  CHECK(HashOfVectorKey(VectorKey(kSpace, Hash(), 3)) == Hash());
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t position : {std::uint64_t{0}, std::uint64_t{255}, most}) {
    CHECK(PositionOfDocumentKey(DocumentKey(7, 8, position)) == position);
  }
}

TEST_CASE("record: big-endian numbers are written and read alike") {
  std::string out = "x";
  AppendBigEndian(0x0102, 4, &out);
  CHECK(out == "x\0\0\x01\x02"s);
  CHECK(ReadBigEndian("") == 0);
  CHECK(ReadBigEndian("\xFF") == 255);
  CHECK(ReadBigEndian("\x80\0\0\0\0\0\0\x01"s) == 0x8000000000000001ULL);
}

std::vector<std::uint64_t> Numbers() {
  std::vector<std::uint64_t> numbers = {0, 1, 127, 128, 255, 256, 65535, 65536};
  numbers.insert(numbers.end(), {0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu});
  std::mt19937 random(2);
  while (numbers.size() < 300) numbers.push_back(random() >> random() % 32);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

TEST_CASE("record: keys sort as their numbers do") {
  std::vector<std::string> positions, runs, generations, spaces;
  for (const std::uint64_t number : Numbers()) {
    const auto number32 = static_cast<std::uint32_t>(number);
    positions.push_back(DocumentKey(5, 6, number << 31 | number));
    runs.push_back(RunKey(number32));
    generations.push_back(DocumentKey(5, number32, ~number));
    spaces.push_back(VectorKey({number << 20}, Hash()));
  }
  for (const auto& keys : {positions, runs, generations, spaces}) {
    CHECK(std::is_sorted(keys.begin(), keys.end()));
    CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
  }
}

TEST_CASE("record: slots of one hash lie side by side, in order") {
  std::vector<std::string> keys;
  for (std::uint8_t slot = 0; slot < kMaxSlots; ++slot) {
    keys.push_back(VectorKey(kSpace, Hash(), slot));
    CHECK(keys.back().starts_with(keys.front()));
  }
  CHECK(std::is_sorted(keys.begin(), keys.end()));
  ContentHash next = Hash();
  ++next.bytes[15];
  CHECK(keys.back() < VectorKey(kSpace, next));
}

TEST_CASE("record: the coverage of a split lies behind the split and before longer names") {
  CHECK(std::string("train") < CoverageKey("train", {0}));
  CHECK(CoverageKey("train", {0}) < CoverageKey("train", {1}));
  CHECK(CoverageKey("train", {~0ULL}) < std::string("train-2"));
  CHECK(CoverageKey("train", {~0ULL}) < std::string("train2"));
}

TEST_CASE("record: keys of one list share the prefix that no other list has") {
  const std::string prefix = GenerationPrefix(1, 2);
  CHECK(DocumentKey(1, 2, 3).starts_with(prefix));
  CHECK(DocumentIdKey(1, 2, "x").starts_with(prefix));
  CHECK_FALSE(DocumentKey(1, 3, 3).starts_with(prefix));
  CHECK_FALSE(DocumentKey(2, 2, 3).starts_with(prefix));
}

}  // namespace
}  // namespace embstore
