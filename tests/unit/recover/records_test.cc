// SPDX-License-Identifier: Apache-2.0
// Records are found in damaged files, and no other bytes are taken for records.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "engine/record/keys.h"
#include "engine/record/vector_record.h"
#include "engine/store/log_records.h"
#include "engine/store/table_records.h"
#include "support/temp_dir.h"

namespace embstore {
namespace {

using testing::TempDir;

constexpr std::uint32_t kIndexNumber = 3;

std::string Varint(std::size_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string Counted(const std::string& bytes) { return Varint(bytes.size()) + bytes; }

std::string PutOf(std::uint32_t family, const std::string& key, const std::string& value) {
  return std::string("\x05") + Varint(family) + Counted(key) + Counted(value);
}

std::map<std::string, std::string> RecordsIn(const std::string& batch) {
  std::map<std::string, std::string> found;
  ForEachBatchRecord(batch, [&](std::uint32_t family, std::string_view key, std::string_view v) {
    if (family == kIndexNumber) found.emplace(key, v);
  });
  return found;
}

TEST_CASE("a damaged length in a write batch hides few records behind it") {
  std::string batch(12, '\0');
  std::vector<std::size_t> ends;
  for (int i = 0; i < 50; ++i) {
    batch += PutOf(kIndexNumber, "key-" + std::to_string(i), std::string(100, 'v'));
    ends.push_back(batch.size());
  }
  CHECK(RecordsIn(batch).size() == 50);
  std::string damaged = batch;
  damaged[ends[10] + 2] = '\x7f';  // The length of a key.
  CHECK(RecordsIn(damaged).size() >= 48);
  for (std::size_t at = 0; at < batch.size(); ++at) RecordsIn(batch.substr(0, at));
}

TEST_CASE("vectors are found in the bytes of a file, but for the one that is damaged") {
  const TempDir dir;
  std::string block;
  std::string before;
  std::vector<std::size_t> starts;
  for (std::uint8_t i = 0; i < 40; ++i) {
    const std::string key = VectorKey({7}, {{i, 1, 2, 3}});
    std::string value;
    std::vector<float> vector(64, 1.0F + i);
    if (i % 2 == 1) {  // Raw; the others are packed.
      for (std::size_t d = 0; d < vector.size(); ++d) vector[d] = std::ldexp(1.0F, 7 * d % 64);
    }
    EncodeVector(key, {{i}}, vector, &value);
    std::size_t shared = 0;
    while (i % 16 != 0 && shared < key.size() && key[shared] == before[shared]) ++shared;
    starts.push_back(block.size());
    block += Varint(shared) + Varint(key.size() - shared + 8) + Varint(value.size());
    block += key.substr(shared) + std::string(8, '\x01') + value;
    before = key;
  }
  const auto count = [&](const std::string& bytes) {
    std::ofstream(dir.path() / "table", std::ios::binary) << bytes;
    std::size_t found = 0;
    CHECK(ForEachVectorInBytes(dir.path() / "table", [&](std::string_view, std::string_view) {
            ++found;
          }).ok());
    return found;
  };
  CHECK(count(block) == 40);
  CHECK(count("junk" + block + "junk") == 40);
  std::string damaged = block;
  damaged[starts[20] + 100] ^= 1;
  CHECK(count(damaged) == 39);
  damaged = block;
  damaged[starts[20]] = '\x7f';
  CHECK(count(damaged) >= 38);
}

}  // namespace
}  // namespace embstore
