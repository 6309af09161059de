// SPDX-License-Identifier: Apache-2.0
// Rows as an Arrow table with the columns id, label, text and embedding.
#include <array>

#include "engine/arrow/arrow_file.h"
#include "engine/exporter/row_writer.h"

namespace embstore {
namespace {

// A batch ends before its strings pass this, or holds a single row.
constexpr std::uint64_t kBatchStringBytes = 8u << 20;

constexpr std::string_view kColumnsVersion = "1";

/// Nothing in it depends on when or in which order vectors came into the store.
ArrowSchema SchemaOf(const ExportTable& table) {
  const EmbeddingIdentity& identity = table.space.record.identity;
  const ArrowType label = table.integer_labels ? ArrowType::kInt64 : ArrowType::kUtf8;
  const auto dimensions = static_cast<std::int32_t>(table.dimensions);
  return {{{"id", ArrowType::kUtf8, false, 0},
           {"label", label, true, 0},
           {"text", ArrowType::kUtf8, true, 0},
           {"embedding", ArrowType::kFloat32List, false, dimensions}},
          {{"embstore.columns", std::string(kColumnsVersion)},
           {"embstore.dataset", table.dataset},
           {"embstore.split", table.split},
           {"embstore.model", identity.model},
           {"embstore.dimensions", std::to_string(table.dimensions)},
           {"embstore.stored_dimensions", std::to_string(identity.dimensions)},
           {"embstore.task_type", identity.task_type},
           {"embstore.text_template_version", std::to_string(identity.text_template_version)},
           {"embstore.normalized", table.normalized ? "true" : "false"},
           {"embstore.space", ToHex(table.space.id)}}};
}

std::uint64_t StringBytes(const DocumentInfo& document) {
  const DocumentRecord& record = document.record;
  return record.text.length + record.id.size() + (record.label ? record.label->size() : 0);
}

class ArrowRows final : public RowWriter {
 public:
  ArrowRows(const Store& store, const ExportTable& table, const PartFiles& files)
      : store_(store),
        table_(table),
        file_(SchemaOf(table),
              [&arrow = *files[0]](std::string_view b) { return arrow.Append(b); }) {}

  Status Begin() override { return file_.Begin(); }
  Status End() override { return file_.Finish(); }

  Status Write(const ExportRows& rows) override {
    const std::size_t count = rows.documents.size();
    for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
      std::uint64_t bytes = StringBytes(rows.documents[end++]);
      while (end < count) {
        bytes += StringBytes(rows.documents[end]);
        if (bytes > kBatchStringBytes) break;
        ++end;
      }
      const std::size_t dimensions = table_.dimensions;
      Status written =
          WriteBatch(rows.documents.subspan(begin, end - begin),
                     rows.vectors.subspan(begin * dimensions, (end - begin) * dimensions));
      if (!written.ok()) return written;
    }
    return {};
  }

 private:
  Status WriteBatch(std::span<const DocumentInfo> documents, std::span<const float> vectors) {
    ids_.Clear();
    labels_.Clear();
    texts_.Clear();
    label_values_.clear();
    for (const DocumentInfo& document : documents) {
      ids_.Append(document.Id());
      const auto& label = document.record.label;
      if (table_.integer_labels) {
        label_values_.push_back(IntegerLabel(label).value());
      } else {
        labels_.Append(label);
      }
      auto text = store_.GetText(document.record.text);
      if (!text.ok() && text.code() != Code::kNotFound) return text.status();
      texts_.Append(text.ok() ? std::optional<std::string_view>(*text) : std::nullopt);
    }
    const ArrowColumn label = table_.integer_labels
                                  ? ArrowColumn(std::span<const std::int64_t>(label_values_))
                                  : ArrowColumn(&labels_);
    const std::array<ArrowColumn, 4> columns = {&ids_, label, &texts_, vectors};
    return file_.WriteBatch(documents.size(), columns);
  }

  const Store& store_;
  const ExportTable& table_;
  ArrowFileWriter file_;

  // One batch.
  ArrowStrings ids_;
  ArrowStrings labels_;
  ArrowStrings texts_;
  std::vector<std::int64_t> label_values_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeArrowWriter(const Store& store, const ExportTable& table,
                                           const PartFiles& files) {
  return std::make_unique<ArrowRows>(store, table, files);
}

}  // namespace embstore
