// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "embstore/dataset.h"
#include "engine/base/text.h"
#include "engine/dataset/byte_source.h"
#include "engine/dataset/document_readers.h"

namespace embstore {
namespace {

constexpr std::size_t kMaxRecordBytes = 1u << 30;

std::int64_t Nanos(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// Quoted, so that no name can be taken for another or for two.
std::string Quoted(std::string_view name) {
  std::string out = "\"";
  for (const char byte : name) {
    if (byte == '"' || byte == '\\') out += '\\';
    out += byte;
  }
  return out + '"';
}

Status CheckTextFields(const std::vector<std::string>& fields) {
  if (fields.empty()) return {Code::kInvalidArgument, "name at least one text field"};
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    if (field->empty()) return {Code::kInvalidArgument, "a text field has no name; give it one"};
    if (std::find(fields.begin(), field, *field) != field) {
      return {Code::kInvalidArgument,
              "the text field '" + Printable(*field) + "' is named twice; name it once"};
    }
  }
  return {};
}

Status CheckOptions(const FileDatasetOptions& options) {
  if (options.max_record_bytes == 0 || options.max_record_bytes > kMaxRecordBytes) {
    return {Code::kInvalidArgument, "the longest record must be 1 to " +
                                        std::to_string(kMaxRecordBytes) + " bytes, not " +
                                        std::to_string(options.max_record_bytes)};
  }
  if (options.format != DatasetFormat::kAgNews) return CheckTextFields(options.text_fields);
  const bool default_text =
      options.text_fields.empty() || options.text_fields == FileDatasetOptions().text_fields;
  if (default_text && options.id_field.empty() && options.label_field.empty()) return {};
  return {Code::kInvalidArgument,
          "ag_news has fixed fields; name no text, id or label field, or use the format csv"};
}

class FileDataset final : public Dataset {
 public:
  explicit FileDataset(FileDatasetOptions options) : options_(std::move(options)) {}

  Result<std::unique_ptr<DocumentReader>> Open() const override {
    Result<std::unique_ptr<ByteSource>> source = OpenByteSource(options_.path);
    if (!source.ok()) return source.status();
    return MakeDocumentReader(std::move(source).value(), options_);
  }

  std::string Name() const override { return options_.path.string(); }

  std::string Layout() const override {
    std::string layout(DatasetFormatName(options_.format));
    if (options_.format == DatasetFormat::kAgNews) return layout;
    layout += " text=";
    for (const std::string& field : options_.text_fields) {
      if (&field != &options_.text_fields.front()) layout += ',';
      layout += Quoted(field);
    }
    if (!options_.id_field.empty()) layout += " id=" + Quoted(options_.id_field);
    if (!options_.label_field.empty()) layout += " label=" + Quoted(options_.label_field);
    return layout;
  }

  bool HasIds() const override { return !options_.id_field.empty(); }

  std::optional<SourceStamp> Stamp() const override {
    struct stat info {};
    if (::stat(options_.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return SourceStamp{.size_bytes = static_cast<std::uint64_t>(info.st_size),
                       .modified_nanos = Nanos(info.st_mtim),
                       .changed_nanos = Nanos(info.st_ctim),
                       .inode = info.st_ino};
  }

 private:
  const FileDatasetOptions options_;
};

}  // namespace

Result<std::unique_ptr<Dataset>> OpenFileDataset(FileDatasetOptions options) {
  if (Status checked = CheckOptions(options); !checked.ok()) return checked;
  // Opened here only to find out that it can be.
  const Result<std::unique_ptr<ByteSource>> source = OpenByteSource(options.path);
  if (!source.ok()) return source.status();
  return std::unique_ptr<Dataset>(std::make_unique<FileDataset>(std::move(options)));
}

}  // namespace embstore
