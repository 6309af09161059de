// SPDX-License-Identifier: Apache-2.0
#include "engine/importer/line_rows.h"

#include <string>
#include <utility>

#include "engine/dataset/byte_source.h"
#include "engine/dataset/line_reader.h"
#include "engine/provider/embedding_values.h"

namespace embstore {
namespace {

constexpr std::size_t kMaxLineBytes = 64u << 20;

Result<std::unique_ptr<LineReader>> OpenLines(const std::filesystem::path& file) {
  auto source = OpenByteSource(file);
  if (!source.ok()) return source.status();
  return std::make_unique<LineReader>(std::move(*source), file.string(), kMaxLineBytes);
}

/// Whatever its code was: the input is bad.
Status AtLine(const Status& status, const std::filesystem::path& file, std::uint64_t line) {
  return {Code::kInvalidArgument,
          file.string() + ":" + std::to_string(line) + ": " + status.message()};
}

class LineRowReader final : public RowReader {
 public:
  LineRowReader(std::filesystem::path file, std::unique_ptr<LineReader> lines,
                std::unique_ptr<LineRows> rows, std::uint32_t dimensions)
      : file_(std::move(file)),
        lines_(std::move(lines)),
        rows_(std::move(rows)),
        dimensions_(dimensions) {}

  Result<bool> Next(SourceRow* row) override {
    while (next_ == read_.size()) {
      read_.clear();
      next_ = 0;
      const auto more = lines_->Next();
      if (!more.ok() || !*more) return more;
      Status read = rows_->Read(lines_->text(), dimensions_, &read_);
      if (read.ok()) read = CheckRead();
      if (!read.ok()) return AtLine(read, file_, lines_->line());
    }
    *row = std::move(read_[next_++]);
    row->name = "line " + std::to_string(lines_->line());
    return true;
  }

 private:
  Status CheckRead() const {
    for (const SourceRow& row : read_) {
      if (row.vector.empty()) continue;
      std::string fault = VectorFault(row.vector, dimensions_);
      if (!fault.empty()) return {Code::kInvalidArgument, std::move(fault)};
    }
    return {};
  }

  const std::filesystem::path file_;
  const std::unique_ptr<LineReader> lines_;
  const std::unique_ptr<LineRows> rows_;
  const std::uint32_t dimensions_;
  std::vector<SourceRow> read_;  // Of one line.
  std::size_t next_ = 0;
};

class LineRowFile final : public RowFile {
 public:
  LineRowFile(std::filesystem::path file, std::function<std::unique_ptr<LineRows>()> make)
      : file_(std::move(file)), make_(std::move(make)) {}

  std::string Name() const override { return file_.string(); }

  Result<std::unique_ptr<RowReader>> Open(std::uint32_t dimensions) override {
    auto lines = OpenLines(file_);
    if (!lines.ok()) return lines.status();
    return std::unique_ptr<RowReader>(
        std::make_unique<LineRowReader>(file_, std::move(*lines), make_(), dimensions));
  }

 private:
  const std::filesystem::path file_;
  const std::function<std::unique_ptr<LineRows>()> make_;
};

}  // namespace

Result<std::unique_ptr<VectorSource>> OpenLineRows(const std::filesystem::path& file,
                                                   std::function<std::unique_ptr<LineRows>()> make,
                                                   const std::filesystem::path& scratch) {
  auto source = OpenByteSource(file);
  if (!source.ok()) return source.status();
  return MakeRowSource(std::make_unique<LineRowFile>(file, std::move(make)), scratch);
}

Status ForEachSourceLine(const std::filesystem::path& file,
                         const std::function<Status(std::string_view line)>& visit) {
  auto lines = OpenLines(file);
  if (!lines.ok()) return lines.status();
  for (;;) {
    const auto more = (*lines)->Next();
    if (!more.ok()) return more.status();
    if (!*more) return {};
    if (Status visited = visit((*lines)->text()); !visited.ok()) {
      return AtLine(visited, file, (*lines)->line());
    }
  }
}

}  // namespace embstore
