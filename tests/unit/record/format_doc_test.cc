// SPDX-License-Identifier: Apache-2.0
// docs/format.md says what is on disk; its example and its lists are held to the code here.
#include <doctest/doctest.h>
#include <xxhash.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/hash/hash.h"
#include "engine/record/keys.h"
#include "engine/record/record.h"
#include "engine/record/vector_record.h"

namespace embstore {
namespace {

const EmbeddingIdentity kIdentity = {"example-model", 4, "CLUSTERING", 1};

std::string ReadFile(const std::string& path) {
  std::ifstream in(std::string(EMBSTORE_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  REQUIRE_MESSAGE(in.good(), path);
  return out.str();
}

/// The blocks fenced as "```hex NAME", by name.
std::map<std::string, std::string> HexBlocks() {
  std::map<std::string, std::string> blocks;
  std::istringstream lines(ReadFile("docs/format.md"));
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      name = line.starts_with("```hex ") ? line.substr(7) : "";
      if (!name.empty()) REQUIRE(blocks.emplace(name, "").second);
      continue;
    }
    if (name.empty()) continue;
    std::istringstream bytes(line);
    for (std::string byte; bytes >> byte;) {
      REQUIRE(byte.size() == 2);
      blocks[name] += static_cast<char>(std::stoi(byte, nullptr, 16));
    }
  }
  return blocks;
}

std::string Bytes(const auto& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

TEST_CASE("record: format.md has the example blocks that it should have") {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : HexBlocks()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"canonical", "document-key", "document-record",
                                          "fingerprint", "hash", "index-record",
                                          "packed-vector-record", "text", "vector-key",
                                          "vector-record"});
}

TEST_CASE("record: the names in format.md are what the code makes of the example") {
  auto blocks = HexBlocks();
  CHECK(XXH3_64bits(blocks["canonical"].data(), blocks["canonical"].size()) ==
        MakeSpaceId(kIdentity).value);
  CHECK(ReadFile("docs/format.md").find("Space id `" + ToHex(MakeSpaceId(kIdentity)) + "`") !=
        std::string::npos);
  const TextKey key = MakeTextKey(blocks["text"]);
  CHECK(blocks["text"] == "hello world");
  CHECK(key.length == 11);
  CHECK(Bytes(key.hash) == blocks["hash"]);
  CHECK(Bytes(key.fingerprint) == blocks["fingerprint"]);
  CHECK(VectorKey(MakeSpaceId(kIdentity), key.hash) == blocks["vector-key"]);
  CHECK(DocumentKey(1, 2, 3) == blocks["document-key"]);
}

TEST_CASE("record: the vector records in format.md are what the code writes and reads") {
  auto blocks = HexBlocks();
  const TextKey key = MakeTextKey(blocks["text"]);
  const std::vector<float> few = {1, -0.5f, 0.25f, 3};
  std::vector<float> many;
  for (int i = 0; i < 4; ++i) many.insert(many.end(), few.begin(), few.end());
  many.back() = 0;
  for (const auto& [name, vector] :
       {std::pair("vector-record", few), std::pair("packed-vector-record", many)}) {
    CAPTURE(name);
    std::string written;
    EncodeVector(blocks["vector-key"], key.fingerprint, vector, &written);
    CHECK(written == blocks[name]);
    const auto view = DecodeVector(blocks["vector-key"], blocks[name]);
    REQUIRE(view.ok());
    CHECK(view->fingerprint == key.fingerprint);
    std::vector<float> read(view->dimensions());
    view->CopyTo(read);
    CHECK(read == vector);
  }
}

TEST_CASE("record: the records in format.md are what the code writes and reads") {
  auto blocks = HexBlocks();
  const TextKey key = MakeTextKey(blocks["text"]);
  const IndexRecord index{key.fingerprint, 11, 2, 3.211697f, 1'790'000'000'000'000, 1};
  CHECK(EncodeRecord(blocks["vector-key"], index) == blocks["index-record"]);
  const auto read_index = DecodeRecord<IndexRecord>(blocks["vector-key"], blocks["index-record"]);
  REQUIRE(read_index.ok());
  CHECK(read_index->raw_norm == 3.211697f);
  CHECK(read_index->run == 1);

  const DocumentRecord document{key, "doc-3", "7"};
  CHECK(EncodeRecord(blocks["document-key"], document) == blocks["document-record"]);
  const auto read_document =
      DecodeRecord<DocumentRecord>(blocks["document-key"], blocks["document-record"]);
  REQUIRE(read_document.ok());
  CHECK(read_document->text == key);
  CHECK(read_document->id == "doc-3");
  CHECK(read_document->label == "7");
}

TEST_CASE("record: the checksum is the one that format.md defines") {
  auto blocks = HexBlocks();
  for (const auto& [key, value] :
       {std::pair("vector-key", "vector-record"), std::pair("vector-key", "packed-vector-record"),
        std::pair("vector-key", "index-record"), std::pair("document-key", "document-record")}) {
    const std::string& bytes = blocks[value];
    std::uint64_t stored = 0;
    for (int i = 7; i >= 0; --i) {
      stored = stored << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
    }
    const std::uint64_t seed = XXH3_64bits(blocks[key].data(), blocks[key].size());
    CHECK(XXH3_64bits_withSeed(bytes.data() + 8, bytes.size() - 8, seed) == stored);
  }
}

TEST_CASE("record: format.md lists every column family") {
  const std::string document = ReadFile("docs/format.md");
  for (const std::string_view name : kFamilyNames) {
    CAPTURE(name);
    CHECK(document.find("\n| `" + std::string(name) + "` |") != std::string::npos);
  }
}

TEST_CASE("record: format.md lists every field of every table, in order") {
  const std::string document = ReadFile("docs/format.md");
  std::istringstream schema(ReadFile("engine/record/record.fbs"));
  std::string table, row;
  int tables = 0;
  std::size_t at = 0;
  for (std::string line; std::getline(schema, line);) {
    if (line.starts_with("table ")) {
      table = line.substr(6, line.find(' ', 6) - 6);
      const std::size_t begin = document.find("\n| " + table + " | ");
      REQUIRE_MESSAGE(begin != std::string::npos, table);
      row = document.substr(begin + 1, document.find('\n', begin + 1) - begin);
      at = row.find(" | ");
      ++tables;
    } else if (line.starts_with("}")) {
      table.clear();
    } else if (!table.empty()) {
      const std::string field = line.substr(2, line.find(':') - 2);
      const std::size_t next = row.find(" " + field, at);
      CHECK_MESSAGE(next != std::string::npos, table << "." << field);
      if (next != std::string::npos) at = next + field.size();
    }
  }
  CHECK(tables == 9);
}

}  // namespace
}  // namespace embstore
