// SPDX-License-Identifier: Apache-2.0
#include "engine/hash/hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/text.h"

namespace embstore {
namespace {

struct KnownAnswer {
  std::string text;
  std::string_view xxh3_128;  // What `xxhsum -H2` prints.
  std::string_view sha256;    // What `sha256sum` prints.
};

std::string AllBytes(int rounds) {
  std::string out;
  for (int i = 0; i < 256 * rounds; ++i) out += static_cast<char>(i);
  return out;
}

/// Two texts that an author of documents can make on purpose: equal XXH3-128, different texts.
std::pair<std::string, std::string> CollidingPair() {
  std::string first(256, 'e');
  first.replace(32, 4, " @@@").replace(96, 4, "icvs");
  std::string second = first;
  first[36] = 'b';
  first[100] = 'c';
  second[36] = 'c';
  second[100] = 'b';
  return {first, second};
}

// One text for each way in which XXH3 treats lengths: 0, 1-3, 4-8, 9-16, 17-128, 129-240, longer.
std::vector<KnownAnswer> KnownAnswers() {
  return {
      {"", "99aa06d3014798d86001c324468d497f",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"a", "a96faf705af16834e6c632b61e964e1f",
       "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
      {"abc", "06b05ab6733a618578af5f94892f3950",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"hello world", "df8d09e93f874900a99b8775cc15b6c7",
       "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"},
      {std::string(240, 'x'), "bfede978870834bedf2b586ca80bb7aa",
       "718df6704d8a06104f8188195d17166c1276cffc91da8c756b925d29dcc60a71"},
      {std::string(241, 'x'), "586c2f1b13edf30f14da9e5c301a6a1d",
       "7dbf05774ebc8b0213e8f74d789e344714ca95a03e019d92c8d48365045b7989"},
      {AllBytes(5), "d92ab3a1cb0542a74844b009e164352e",
       "d414b085826eb06778483ba35564dc849e643359f69ed9747878ba6e54985bed"},
      {CollidingPair().first, "6a67cb492e86ca8626f61705f9ecf037",
       "97c6b0c4aeca70e08231e0fa9d2d7f797d1516d369b1971887add78268ef62b5"},
      {CollidingPair().second, "6a67cb492e86ca8626f61705f9ecf037",
       "1539d8734020902ab67829b30bd3a8773e1d2efddd7c94914111d0307caa3bdf"},
  };
}

TEST_CASE("hash: the content hash is XXH3-128 as xxhsum prints it") {
  for (const KnownAnswer& answer : KnownAnswers()) {
    CAPTURE(answer.text.size());
    CHECK(ToHex(HashBytes(answer.text)) == answer.xxh3_128);
    CHECK(ToHex(MakeTextKey(answer.text).hash) == answer.xxh3_128);
  }
}

TEST_CASE("hash: the fingerprint is the first half of SHA-256") {
  for (const KnownAnswer& answer : KnownAnswers()) {
    const TextKey key = MakeTextKey(answer.text);
    CHECK(ToHex(key.fingerprint) == answer.sha256.substr(0, 32));
    CHECK(key.length == answer.text.size());
  }
}

TEST_CASE("hash: two texts made to collide share a hash but not a fingerprint") {
  const auto [first, second] = CollidingPair();
  REQUIRE(first != second);
  const TextKey a = MakeTextKey(first);
  const TextKey b = MakeTextKey(second);
  CHECK(a.hash == b.hash);
  CHECK(a.length == b.length);
  CHECK(a.fingerprint != b.fingerprint);
  CHECK_FALSE(a == b);
}

TEST_CASE("hash: a text key does not depend on what was hashed before it or beside it") {
  const TextKey expected = MakeTextKey("the text");
  MakeTextKey(std::string(100'000, 'z'));
  CHECK(MakeTextKey("the text") == expected);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        MakeTextKey(std::to_string(i));
        wrong[t] += MakeTextKey("the text") == expected ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count(wrong.begin(), wrong.end(), 0) == 4);
}

TEST_CASE("hash: SHA-256 in pieces equals SHA-256 at once") {
  for (const KnownAnswer& answer : KnownAnswers()) {
    for (const std::size_t step : {1, 3, 64, 100'000}) {
      Sha256 sha;
      for (std::size_t at = 0; at < answer.text.size(); at += step) {
        sha.Update(std::string_view(answer.text).substr(at, step));
      }
      CHECK(HexString(sha.Finish()) == answer.sha256);
    }
  }
}

TEST_CASE("hash: SHA-256 is as new after a reset") {
  Sha256 sha;
  for (int round = 0; round < 3; ++round) {
    for (const KnownAnswer& answer : KnownAnswers()) {
      sha.Update(answer.text);
      CHECK(HexString(sha.Finish()) == answer.sha256);
      sha.Reset();
    }
    sha.Update("dropped");  // A reset forgets what was not finished.
    sha.Reset();
  }
}

TEST_CASE("hash: XXH3-128 in pieces equals XXH3-128 at once") {
  std::mt19937 random(3);
  for (const std::size_t size : {0, 1, 16, 17, 128, 240, 241, 256, 1024, 5000, 70'000}) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{256}, size + 1}) {
      Xxh3Hasher hasher;
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        hasher.Update(std::string_view(bytes).substr(at, step));
      }
      CHECK(hasher.Digest() == HashBytes(bytes));
    }
  }
}

TEST_CASE("hash: a digest may be asked for at any time") {
  Xxh3Hasher hasher;
  CHECK(hasher.Digest() == HashBytes(""));
  hasher.Update("hello ");
  CHECK(hasher.Digest() == HashBytes("hello "));
  CHECK(hasher.Digest() == HashBytes("hello "));
  hasher.Update("world");
  CHECK(hasher.Digest() == HashBytes("hello world"));
}

TEST_CASE("hash: a record's checksum is pinned") {
  // XXH3-64 of the payload with the seed XXH3-64 of the key.
  CHECK(RecordChecksum("", "") == 0x412f1275e10017f3);
  CHECK(RecordChecksum("key", "payload") == 0xd97ebafe8d62b863);
}

TEST_CASE("hash: a record's checksum covers all of key and payload") {
  const std::string key = "0123456789abcdef01234567";
  const std::string payload(300, 'p');
  const std::uint64_t checksum = RecordChecksum(key, payload);
  for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
    std::string other = key;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    REQUIRE(RecordChecksum(other, payload) != checksum);
  }
  for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
    std::string other = payload;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    REQUIRE(RecordChecksum(key, other) != checksum);
  }
  CHECK(RecordChecksum(key, payload.substr(1)) != checksum);
  CHECK(RecordChecksum(key + '\0', payload) != checksum);
}

TEST_CASE("hash: a byte cannot move from key to payload unnoticed") {
  CHECK(RecordChecksum("ab", "c") != RecordChecksum("a", "bc"));
  CHECK(RecordChecksum("abc", "") != RecordChecksum("", "abc"));
}

const EmbeddingIdentity kGemini = {"gemini-embedding-001", 768, "CLUSTERING", 1};

TEST_CASE("hash: space ids are pinned") {
  CHECK(ToHex(MakeSpaceId(kGemini)) == "8e562b3e39db6e63");
  CHECK(ToHex(MakeSpaceId({})) == "8cc726329f877835");
}

TEST_CASE("hash: every field of the identity makes another space") {
  std::set<SpaceId> seen;
  CHECK(seen.insert(MakeSpaceId(kGemini)).second);
  EmbeddingIdentity other = kGemini;
  other.model = "gemini-embedding-002";
  CHECK(seen.insert(MakeSpaceId(other)).second);
  other = kGemini;
  other.dimensions = 769;
  CHECK(seen.insert(MakeSpaceId(other)).second);
  other = kGemini;
  other.task_type = "RETRIEVAL_DOCUMENT";
  CHECK(seen.insert(MakeSpaceId(other)).second);
  other = kGemini;
  other.task_type.clear();
  CHECK(seen.insert(MakeSpaceId(other)).second);
  other = kGemini;
  other.text_template_version = 2;
  CHECK(seen.insert(MakeSpaceId(other)).second);
  CHECK(MakeSpaceId(EmbeddingIdentity(kGemini)) == MakeSpaceId(kGemini));
}

TEST_CASE("hash: fields of the identity cannot run into each other") {
  // The four bytes of `dimensions` lie between the two texts; without length prefixes a model
  // that ends in such bytes would be another identity's.
  const std::string four("\x01\0\0\0", 4);
  CHECK(MakeSpaceId({"ab", 1, "c", 1}) != MakeSpaceId({"a", 1, "bc", 1}));
  CHECK(MakeSpaceId({"ab", 1, "", 1}) != MakeSpaceId({"", 1, "ab", 1}));
  CHECK(MakeSpaceId({"a" + four, 1, "", 1}) != MakeSpaceId({"a", 1, four, 1}));
}

TEST_CASE("hash: ids are written as big-endian lower-case hex") {
  CHECK(ToHex(SpaceId{0x0123456789abcdefULL}) == "0123456789abcdef");
  CHECK(ToHex(SpaceId{0xAB}) == "00000000000000ab");
  ContentHash hash;
  hash.bytes[0] = 0xF0;
  hash.bytes[15] = 0x0F;
  CHECK(ToHex(hash) == "f000000000000000000000000000000f");
  Fingerprint fingerprint;
  fingerprint.bytes[1] = 0x10;
  CHECK(ToHex(fingerprint) == "00100000000000000000000000000000");
}

}  // namespace
}  // namespace embstore
