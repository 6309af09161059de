// SPDX-License-Identifier: Apache-2.0
// Rows as an array, with documents and labels in files of their own.
#include <array>

#include "engine/base/bytes.h"
#include "engine/exporter/row_writer.h"
#include "engine/json/json_writer.h"
#include "engine/npy/npy.h"

namespace embstore {
namespace {

class NpyRows final : public RowWriter {
 public:
  NpyRows(const ExportTable& table, const PartFiles& files)
      : table_(table), npy_(*files[0]), documents_(*files[1]), labels_(files[2]) {}

  Status Begin() override {
    const std::array<std::uint64_t, 2> shape = {table_.rows, table_.dimensions};
    if (Status s = npy_.Append(NpyHeader(NpyType::kFloat32, shape)); !s.ok()) return s;
    if (labels_ == nullptr) return {};
    return labels_->Append(NpyHeader(NpyType::kInt64, std::span(shape).first(1)));
  }

  Status Write(const ExportRows& rows) override {
    lines_.clear();
    label_values_.clear();
    std::uint64_t row = rows.first;
    for (const DocumentInfo& document : rows.documents) {
      const auto integer = IntegerLabel(document.record.label);
      AppendLine(row++, document, integer);
      if (labels_ != nullptr) label_values_.push_back(integer.value());
    }
    if (Status s = npy_.Append(AsBytes(rows.vectors)); !s.ok()) return s;
    if (Status s = documents_.Append(lines_); !s.ok()) return s;
    return labels_ != nullptr
               ? labels_->Append(AsBytes(std::span<const std::int64_t>(label_values_)))
               : Status();
  }

  Status End() override { return {}; }

 private:
  void AppendLine(std::uint64_t row, const DocumentInfo& document,
                  const std::optional<std::int64_t>& integer) {
    JsonWriter json(&lines_);
    json.BeginObject().Key("row").Uint(row).Key("id").String(document.Id()).Key("label");
    if (integer) {
      json.Int(*integer);
    } else if (document.record.label) {
      json.String(*document.record.label);
    } else {
      json.Null();
    }
    json.EndObject();
    lines_ += '\n';
  }

  const ExportTable& table_;
  HashedFile& npy_;
  HashedFile& documents_;
  HashedFile* const labels_;

  // One chunk.
  std::string lines_;
  std::vector<std::int64_t> label_values_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeNpyWriter(const ExportTable& table, const PartFiles& files) {
  return std::make_unique<NpyRows>(table, files);
}

}  // namespace embstore
