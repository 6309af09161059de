// SPDX-License-Identifier: Apache-2.0
#include "engine/arrow/arrow_file.h"

#include <cassert>
#include <limits>

#include "arrow_generated.h"
#include "engine/base/bytes.h"

namespace embstore {
namespace {

namespace fb = arrow_fb;

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::string_view kMagic = "ARROW1";
constexpr std::string_view kContinuation = "\xff\xff\xff\xff";
constexpr std::size_t kPrefixBytes = 8;  // Continuation and size.
constexpr std::size_t kAlignment = 64;
constexpr std::uint64_t kMaxStringBytes = std::numeric_limits<std::int32_t>::max();

constexpr std::size_t PaddingOf(std::uint64_t bytes) {
  return (kAlignment - bytes % kAlignment) % kAlignment;
}

std::string LittleEndian(std::uint64_t size) {
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(size >> shift);
  return out;
}

Offset<fb::Field> WriteField(FlatBufferBuilder& b, const std::string& name, bool nullable,
                             fb::Type type, Offset<void> type_table,
                             const std::vector<Offset<fb::Field>>& children = {}) {
  return fb::CreateField(b, b.CreateString(name), nullable, type, type_table,
                         b.CreateVector(children));
}

Offset<fb::Field> WriteField(FlatBufferBuilder& b, const ArrowField& field) {
  switch (field.type) {
    case ArrowType::kInt64:
      return WriteField(b, field.name, field.nullable, fb::Type::Int,
                        fb::CreateInt(b, 64, true).Union());
    case ArrowType::kFloat32List: {
      const auto item = WriteField(b, "item", false, fb::Type::FloatingPoint,
                                   fb::CreateFloatingPoint(b, fb::Precision::SINGLE).Union());
      return WriteField(b, field.name, field.nullable, fb::Type::FixedSizeList,
                        fb::CreateFixedSizeList(b, field.list_size).Union(), {item});
    }
    case ArrowType::kUtf8:
      break;
  }
  return WriteField(b, field.name, field.nullable, fb::Type::Utf8, fb::CreateUtf8(b).Union());
}

Offset<fb::Schema> WriteSchema(FlatBufferBuilder& b, const ArrowSchema& schema) {
  std::vector<Offset<fb::Field>> fields;
  for (const ArrowField& field : schema.fields) fields.push_back(WriteField(b, field));
  std::vector<Offset<fb::KeyValue>> metadata;
  for (const auto& [key, value] : schema.metadata) {
    metadata.push_back(fb::CreateKeyValue(b, b.CreateString(key), b.CreateString(value)));
  }
  return fb::CreateSchema(b, fb::Endianness::Little, b.CreateVector(fields),
                          b.CreateVector(metadata));
}

/// The layout of a record batch: its columns' nodes, depth first, and the buffers of its body.
struct BatchLayout {
  std::vector<fb::FieldNode> nodes;
  std::vector<fb::Buffer> places;
  std::vector<std::string_view> buffers;  // Borrowed from the columns.
  std::uint64_t body_bytes = 0;

  void AddNode(std::uint64_t length, std::uint64_t null_count) {
    nodes.emplace_back(static_cast<std::int64_t>(length), static_cast<std::int64_t>(null_count));
  }
  void AddBuffer(std::string_view bytes) {
    places.emplace_back(static_cast<std::int64_t>(body_bytes),
                        static_cast<std::int64_t>(bytes.size()));
    buffers.push_back(bytes);
    body_bytes += bytes.size() + PaddingOf(bytes.size());
  }

  Status Add(const ArrowField& field, std::uint64_t rows, const ArrowColumn& column) {
    assert(column.index() == static_cast<std::size_t>(field.type));
    switch (field.type) {
      case ArrowType::kUtf8:
        return AddStrings(field, rows, *std::get<const ArrowStrings*>(column));
      case ArrowType::kInt64:
        AddNumbers(rows, std::get<std::span<const std::int64_t>>(column));
        return {};
      case ArrowType::kFloat32List:
        AddNode(rows, 0);
        AddBuffer({});
        AddNumbers(rows * static_cast<std::uint64_t>(field.list_size),
                   std::get<std::span<const float>>(column));
        return {};
    }
    return {};
  }

  Status AddStrings(const ArrowField& field, std::uint64_t rows, const ArrowStrings& strings) {
    assert(strings.size() == rows && (field.nullable || strings.null_count() == 0));
    if (strings.bytes() > kMaxStringBytes) {
      return {Code::kInvalidArgument,
              "the strings of column '" + field.name + "' take more than 2 GiB in one batch"};
    }
    AddNode(rows, strings.null_count());
    AddBuffer(strings.validity());
    AddBuffer(AsBytes(strings.offsets()));
    AddBuffer(strings.data());
    return {};
  }

  template <typename Number>
  void AddNumbers(std::uint64_t count, std::span<const Number> values) {
    assert(values.size() == count);
    AddNode(count, 0);
    AddBuffer({});
    AddBuffer(AsBytes(values));
  }
};

}  // namespace

struct ArrowFileWriter::Impl {
  Impl(ArrowSchema s, Sink to) : schema(std::move(s)), sink(std::move(to)) {}

  const ArrowSchema schema;
  const Sink sink;
  std::uint64_t position = 0;
  std::vector<fb::Block> batches;
  FlatBufferBuilder builder;

  Status Append(std::string_view bytes) {
    position += bytes.size();
    return sink(bytes);
  }

  Status AppendZeros(std::size_t count) {
    static constexpr char kZeros[kAlignment] = {};
    return Append({kZeros, count});
  }

  std::string_view Built() const {
    return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
  }

  /// Everything of a message before its body, which begins at a multiple of the alignment.
  Status AppendHead(fb::MessageHeader type, Offset<void> header, std::uint64_t body_bytes) {
    builder.Finish(fb::CreateMessage(builder, fb::MetadataVersion::V5, type, header,
                                     static_cast<std::int64_t>(body_bytes)));
    const std::size_t padding = PaddingOf(position + kPrefixBytes + builder.GetSize());
    Status s = Append(std::string(kContinuation) + LittleEndian(builder.GetSize() + padding));
    if (s.ok()) s = Append(Built());
    return s.ok() ? AppendZeros(padding) : s;
  }
};

ArrowFileWriter::ArrowFileWriter(ArrowSchema schema, Sink sink)
    : impl_(new Impl(std::move(schema), std::move(sink))) {}

ArrowFileWriter::~ArrowFileWriter() = default;

Status ArrowFileWriter::Begin() {
  if (Status s = impl_->Append(std::string(kMagic) + std::string(2, '\0')); !s.ok()) return s;
  impl_->builder.Clear();
  return impl_->AppendHead(fb::MessageHeader::Schema,
                           WriteSchema(impl_->builder, impl_->schema).Union(), 0);
}

Status ArrowFileWriter::WriteBatch(std::uint64_t rows, std::span<const ArrowColumn> columns) {
  assert(columns.size() == impl_->schema.fields.size());
  BatchLayout layout;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Status added = layout.Add(impl_->schema.fields[i], rows, columns[i]);
    if (!added.ok()) return added;
  }
  FlatBufferBuilder& b = impl_->builder;
  b.Clear();
  const auto batch = fb::CreateRecordBatch(b, static_cast<std::int64_t>(rows),
                                           b.CreateVectorOfStructs(layout.nodes),
                                           b.CreateVectorOfStructs(layout.places));
  const std::uint64_t begin = impl_->position;
  Status s = impl_->AppendHead(fb::MessageHeader::RecordBatch, batch.Union(), layout.body_bytes);
  if (!s.ok()) return s;
  impl_->batches.emplace_back(static_cast<std::int64_t>(begin),
                              static_cast<std::int32_t>(impl_->position - begin),
                              static_cast<std::int64_t>(layout.body_bytes));
  for (const std::string_view buffer : layout.buffers) {
    s = impl_->Append(buffer);
    if (s.ok()) s = impl_->AppendZeros(PaddingOf(buffer.size()));
    if (!s.ok()) return s;
  }
  return {};
}

Status ArrowFileWriter::Finish() {
  if (Status s = impl_->Append(std::string(kContinuation) + LittleEndian(0)); !s.ok()) return s;
  FlatBufferBuilder& b = impl_->builder;
  b.Clear();
  const auto schema = WriteSchema(b, impl_->schema);
  const auto dictionaries = b.CreateVectorOfStructs(std::vector<fb::Block>());
  const auto batches = b.CreateVectorOfStructs(impl_->batches);
  b.Finish(fb::CreateFooter(b, fb::MetadataVersion::V5, schema, dictionaries, batches));
  if (Status s = impl_->Append(impl_->Built()); !s.ok()) return s;
  return impl_->Append(LittleEndian(b.GetSize()) + std::string(kMagic));
}

}  // namespace embstore
