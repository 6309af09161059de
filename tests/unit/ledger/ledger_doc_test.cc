// SPDX-License-Identifier: Apache-2.0
// docs/format.md says what is in a ledger; its example and its lists are held to the code here.
#include <doctest/doctest.h>
#include <xxhash.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/ledger/ledger_format.h"
#include "support/temp_dir.h"
#include "unit/ledger/ledger_testing.h"

namespace embstore {
namespace {

namespace fs = std::filesystem;
using namespace testing;  // NOLINT: the tests' own vocabulary.

constexpr std::int64_t kExampleMicros = 1'790'000'000'000'000;

std::string SourceFile(const char* path) { return ReadFile(fs::path(EMBSTORE_SOURCE_DIR) / path); }

/// The blocks fenced as "```ledger-hex NAME", by name.
std::map<std::string, std::string> HexBlocks() {
  std::map<std::string, std::string> blocks;
  std::istringstream lines(SourceFile("docs/format.md"));
  const std::string fence = "```ledger-hex ";
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      name = line.starts_with(fence) ? line.substr(fence.size()) : "";
      continue;
    }
    if (name.empty()) continue;
    std::istringstream bytes(line);
    for (std::string byte; bytes >> byte;) {
      blocks[name] += static_cast<char>(std::stoi(byte, nullptr, 16));
    }
  }
  return blocks;
}

RequestIntent ExampleIntent() {
  RequestIntent intent;
  intent.run = 1;
  intent.split = "train";
  intent.model = "example-model";
  intent.space = MakeSpaceId({"example-model", 4, "CLUSTERING", 1});
  intent.tokens = 2;
  intent.price = {150'000};
  intent.keys = {LedgerKey(MakeTextKey("hello world"))};
  intent.micros = kExampleMicros;
  return intent;
}

TEST_CASE("ledger: the example in format.md is what the code writes and reads") {
  auto blocks = HexBlocks();
  REQUIRE(blocks.size() == 3);
  CHECK(EncodeLedgerHeader({kStoreId, {0, 0}, kExampleMicros}) == blocks["header"]);
  const TempDir dir;
  const fs::path path = dir.path() / "ledger";
  WriteFile(path, blocks["header"]);
  {
    const auto ledger = MustOpen(path);
    REQUIRE(ledger->Begin(ExampleIntent()).ok());
    REQUIRE(ledger->AddCommit(1, std::vector{CommitShare{1, 1, 2, 2, false, true}}).ok());
  }
  CHECK(ReadFile(path) == blocks["header"] + blocks["request"] + blocks["commit"]);

  WriteFile(path, blocks["header"] + blocks["request"] + blocks["commit"]);
  const auto ledger = MustOpen(path, true);
  REQUIRE(ledger->Spending().size() == 1);
  CHECK(ledger->Spending()[0].spent.tokens == 2);
  CHECK(ledger->Spending()[0].spent.cost == Money{300});
  CHECK(ledger->FindBought(ExampleIntent().space, ExampleIntent().keys).value() ==
        Keys{0xb94d27b9934d3e08});
}

std::uint64_t NumberAt(const std::string& bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i > 0; --i) {
    number = number << 8 | static_cast<std::uint8_t>(bytes[at + i - 1]);
  }
  return number;
}

std::uint64_t SumAt(std::uint64_t offset, std::string_view bytes) {
  std::string written;
  for (int shift = 0; shift < 64; shift += 8) written += static_cast<char>(offset >> shift);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(),
                              XXH3_64bits(written.data(), written.size()));
}

TEST_CASE("ledger: the checksums are those that format.md defines") {
  auto blocks = HexBlocks();
  const std::string& header = blocks["header"];
  REQUIRE(header.size() == 80);
  CHECK(NumberAt(header, 72) == SumAt(0, header.substr(0, 72)));
  std::uint64_t offset = header.size();
  for (const char* name : {"request", "commit"}) {
    const std::string& entry = blocks[name];
    CHECK(NumberAt(entry, 8) == SumAt(offset, entry.substr(0, 8)));
    CHECK(NumberAt(entry, entry.size() - 8) == SumAt(offset, entry.substr(16, entry.size() - 24)));
    CHECK((NumberAt(entry, 0) & 0xffffffff) == entry.size() - 24);
    offset += entry.size();
  }
}

TEST_CASE("ledger: format.md lists every field of every table, in order") {
  const std::string document = SourceFile("docs/format.md");
  std::istringstream schema(SourceFile("engine/ledger/ledger.fbs"));
  std::string table, row;
  int tables = 0;
  std::size_t at = 0;
  for (std::string line; std::getline(schema, line);) {
    if (line.starts_with("table ") || line.starts_with("struct ")) {
      const std::size_t name = line.find(' ') + 1;
      table = line.substr(name, line.find(' ', name) - name);
      const std::size_t begin = document.find(" | " + table + " | ");
      REQUIRE_MESSAGE(begin != std::string::npos, table);
      row = document.substr(begin, document.find('\n', begin) - begin);
      at = table.size() + 4;
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
  CHECK(tables == 6);
}

}  // namespace
}  // namespace embstore
