// SPDX-License-Identifier: Apache-2.0
// What tests/arrow has real readers for, as far as it can be told without them.
#include "engine/arrow/arrow_file.h"

#include <doctest/doctest.h>

#include <cstring>

#include "support/arrow_reader.h"

namespace embstore {
namespace {

namespace fb = arrow_fb;

using testing::ArrowReader;

/// A file in memory.
struct File {
  explicit File(ArrowSchema s) : schema(std::move(s)) {}

  void Write(const std::vector<std::pair<std::uint64_t, std::vector<ArrowColumn>>>& batches) {
    ArrowFileWriter writer(schema, [&](std::string_view more) {
      bytes += more;
      return Status();
    });
    REQUIRE(writer.Begin().ok());
    for (const auto& [rows, columns] : batches) REQUIRE(writer.WriteBatch(rows, columns).ok());
    REQUIRE(writer.Finish().ok());
  }
  ArrowReader Read() const { return ArrowReader(bytes); }

  ArrowSchema schema;
  std::string bytes;
};

ArrowSchema AllTypes() {
  return {{{"name", ArrowType::kUtf8, true, 0},
           {"count", ArrowType::kInt64, false, 0},
           {"vector", ArrowType::kFloat32List, false, 3}},
          {{"key", "value"}, {"empty", ""}}};
}

/// Columns of AllTypes() with `rows` rows; every third name is null.
struct Columns {
  explicit Columns(std::uint64_t rows) {
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::string name = "name " + std::to_string(i);
      names.Append(i % 3 == 2 ? std::nullopt : std::optional<std::string_view>(name));
      counts.push_back(static_cast<std::int64_t>(i) - 1);
      for (int k = 0; k < 3; ++k) floats.push_back(static_cast<float>(i) + 0.25f);
    }
  }
  std::pair<std::uint64_t, std::vector<ArrowColumn>> Batch() const {
    return {counts.size(),
            {&names, std::span<const std::int64_t>(counts), std::span<const float>(floats)}};
  }
  ArrowStrings names;
  std::vector<std::int64_t> counts;
  std::vector<float> floats;
};

TEST_CASE("arrow file: the schema stands in the first message and in the footer, with its types") {
  File file(AllTypes());
  file.Write({});
  std::size_t before_body = 0;
  const fb::Message* message = file.Read().MessageAt(8, &before_body);
  CHECK(message->body_length() == 0);
  for (const fb::Schema* schema : {message->header_as_Schema(), file.Read().Footer()->schema()}) {
    REQUIRE(schema != nullptr);
    CHECK(schema->endianness() == fb::Endianness::Little);
    REQUIRE(schema->fields()->size() == 3);
    const fb::Field& name = *schema->fields()->Get(0);
    CHECK(name.name()->str() == "name");
    CHECK(name.nullable());
    CHECK(static_cast<int>(name.type_type()) == 5);
    const fb::Field& count = *schema->fields()->Get(1);
    CHECK(!count.nullable());
    CHECK(static_cast<int>(count.type_type()) == 2);
    CHECK(count.type_as_Int()->bit_width() == 64);
    CHECK(count.type_as_Int()->is_signed());
    const fb::Field& vector = *schema->fields()->Get(2);
    CHECK(static_cast<int>(vector.type_type()) == 16);
    CHECK(vector.type_as_FixedSizeList()->list_size() == 3);
    REQUIRE(vector.children()->size() == 1);
    CHECK(!vector.children()->Get(0)->nullable());
    CHECK(static_cast<int>(vector.children()->Get(0)->type_type()) == 3);
    CHECK(static_cast<int>(vector.children()->Get(0)->type_as_FloatingPoint()->precision()) == 1);
    REQUIRE(schema->custom_metadata()->size() == 2);
    CHECK(schema->custom_metadata()->Get(0)->key()->str() == "key");
    CHECK(schema->custom_metadata()->Get(0)->value()->str() == "value");
  }
}

TEST_CASE("arrow file: a file without batches is a table without rows") {
  File file(AllTypes());
  file.Write({});
  CHECK(file.Read().Footer()->record_batches()->size() == 0);
  CHECK(file.Read().Footer()->dictionaries()->size() == 0);
}

TEST_CASE("arrow file: the footer finds every batch, and buffers are aligned in the file") {
  File file(AllTypes());
  const Columns first(10);
  const Columns second(1);
  file.Write({first.Batch(), second.Batch()});
  const auto* blocks = file.Read().Footer()->record_batches();
  REQUIRE(blocks->size() == 2);
  for (flatbuffers::uoffset_t i = 0; i < 2; ++i) {
    const Columns& columns = i == 0 ? first : second;
    const auto buffers = file.Read().Buffers(*blocks->Get(i));
    REQUIRE(buffers.size() == 8);
    CHECK(buffers[0] == columns.names.validity());
    CHECK(buffers[1].size() == 4 * (columns.counts.size() + 1));
    CHECK(buffers[2] == columns.names.data());
    CHECK(buffers[3].empty());
    CHECK(std::memcmp(buffers[4].data(), columns.counts.data(), buffers[4].size()) == 0);
    CHECK(buffers[5].empty());
    CHECK(buffers[6].empty());
    REQUIRE(buffers[7].size() == columns.floats.size() * sizeof(float));
    CHECK(std::memcmp(buffers[7].data(), columns.floats.data(), buffers[7].size()) == 0);
  }
}

TEST_CASE("arrow file: nodes count values and nulls, the list before its numbers") {
  File file(AllTypes());
  const Columns columns(10);
  file.Write({columns.Batch()});
  std::size_t before_body = 0;
  const auto* batch =
      file.Read()
          .MessageAt(
              static_cast<std::size_t>(file.Read().Footer()->record_batches()->Get(0)->offset()),
              &before_body)
          ->header_as_RecordBatch();
  CHECK(batch->length() == 10);
  std::vector<std::pair<std::int64_t, std::int64_t>> nodes;
  for (const fb::FieldNode* node : *batch->nodes()) {
    nodes.emplace_back(node->length(), node->null_count());
  }
  CHECK(nodes ==
        std::vector<std::pair<std::int64_t, std::int64_t>>{{10, 3}, {10, 0}, {10, 0}, {30, 0}});
}

TEST_CASE("arrow file: an error of the sink ends the call and comes back") {
  for (int good = 0; good < 12; ++good) {
    int calls = 0;
    ArrowFileWriter writer(AllTypes(), [&](std::string_view) {
      return calls++ < good ? Status() : Status(Code::kWriteFailed, "full");
    });
    const Columns columns(3);
    const auto [rows, values] = columns.Batch();
    Status s = writer.Begin();
    if (s.ok()) s = writer.WriteBatch(rows, values);
    CHECK(s.code() == Code::kWriteFailed);
    CHECK(calls == good + 1);
  }
}

}  // namespace
}  // namespace embstore
