// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/dataset/csv_reader.h"
#include "engine/dataset/document_readers.h"
#include "engine/dataset/source_error.h"

namespace embstore {
namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

bool IsInteger(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto outcome = std::from_chars(text.data(), end, value);
  return outcome.ec == std::errc() && outcome.ptr == end;
}

/// `text` as one word of a command line.
std::string ShellWord(std::string_view text) {
  const std::string shown = Printable(text, kShownBytes);
  const auto plain = [](char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '_' || byte == '-' || byte == ',';
  };
  if (!shown.empty() && std::all_of(shown.begin(), shown.end(), plain)) return shown;
  std::string word = "'";
  for (const char byte : shown) word += byte == '\'' ? std::string("'\\''") : std::string(1, byte);
  return word + "'";
}

class AgNewsReader final : public FileDocumentReader {
 public:
  AgNewsReader(std::unique_ptr<ByteSource> source, const FileDatasetOptions& options)
      : file_(options.path.string()),
        csv_(std::move(source),
             {.file = file_,
              .max_record_bytes = options.max_record_bytes,
              .columns = 3,
              .columns_hint = "ag_news is class, title, description without a header: quote fields "
                              "that hold commas, or use --format csv for a file with a header"}) {}

 private:
  Result<bool> Read(Document* document) override {
    Result<bool> more = csv_.Next();
    if (!more.ok() || !more.value()) return more;
    const auto fields = csv_.fields();
    if (!IsInteger(fields[0])) return NoClass();
    text_.assign(fields[1]);
    text_ += ' ';
    text_ += fields[2];
    document->line = csv_.line();
    document->text = text_;
    document->label = fields[0];
    first_ = false;
    return true;
  }

  Status NoClass() const {
    const auto fields = csv_.fields();
    std::string what = "the class '" + Printable(fields[0], kShownBytes) + "' is not an integer; ";
    if (first_) {
      const std::string text = std::string(fields[1]) + "," + std::string(fields[2]);
      what += "the file seems to have a header: use --format csv --text-field " + ShellWord(text) +
              " --label-field " + ShellWord(fields[0]);
    } else {
      what += "the first column must be the number of the class";
    }
    return SourceError(file_, csv_.line(), what);
  }

  const std::string file_;
  CsvReader csv_;
  std::string text_;
  bool first_ = true;
};

class CsvDocumentReader final : public FileDocumentReader {
 public:
  CsvDocumentReader(std::unique_ptr<ByteSource> source, const FileDatasetOptions& options)
      : options_(options),
        file_(options.path.string()),
        csv_(std::move(source),
             {.file = file_,
              .max_record_bytes = options.max_record_bytes,
              .columns = 0,
              .columns_hint = "give every record the columns of the header: quote fields that "
                              "hold commas or line breaks"}) {}

 private:
  Result<bool> Read(Document* document) override {
    if (!header_read_) {
      header_read_ = true;
      if (Status header = ReadHeader(); !header.ok()) return header;
    }
    Result<bool> more = csv_.Next();
    if (!more.ok() || !more.value()) return more;
    const auto fields = csv_.fields();
    document->line = csv_.line();
    document->text = Text();
    if (label_ != kNone) document->label = fields[label_];
    if (id_ == kNone) return true;
    document->id = fields[id_];
    const std::string problem = IdProblem(document->id);
    if (!problem.empty()) return SourceError(file_, csv_.line(), problem);
    return true;
  }

  std::string_view Text() {
    const auto fields = csv_.fields();
    if (texts_.size() == 1) return fields[texts_[0]];
    text_.clear();
    for (const std::size_t column : texts_) {
      if (column != texts_[0]) text_ += ' ';
      text_ += fields[column];
    }
    return text_;
  }

  Status ReadHeader() {
    Result<bool> more = csv_.Next();
    if (!more.ok()) return more.status();
    if (!more.value()) {
      return SourceError(file_, 1, "the file is empty; its first line must name the fields");
    }
    for (const std::string& name : options_.text_fields) {
      if (Status found = FindColumn(name, &texts_.emplace_back()); !found.ok()) return found;
    }
    if (!options_.id_field.empty()) {
      if (Status found = FindColumn(options_.id_field, &id_); !found.ok()) return found;
    }
    if (!options_.label_field.empty()) return FindColumn(options_.label_field, &label_);
    return {};
  }

  Status FindColumn(std::string_view name, std::size_t* column) const {
    const auto header = csv_.fields();
    const auto found = std::find(header.begin(), header.end(), name);
    const std::string shown = "'" + Printable(name, kShownBytes) + "'";
    if (found == header.end()) {
      return SourceError(file_, csv_.line(),
                         "the header has no field " + shown + FieldHint(name, header));
    }
    if (std::find(found + 1, header.end(), name) != header.end()) {
      return SourceError(file_, csv_.line(),
                         "the header has the field " + shown + " twice; rename one of them");
    }
    *column = static_cast<std::size_t>(found - header.begin());
    return {};
  }

  const FileDatasetOptions options_;
  const std::string file_;
  CsvReader csv_;
  std::vector<std::size_t> texts_;
  std::size_t id_ = kNone;
  std::size_t label_ = kNone;
  std::string text_;
  bool header_read_ = false;
};

}  // namespace

std::unique_ptr<DocumentReader> MakeAgNewsReader(std::unique_ptr<ByteSource> source,
                                                 const FileDatasetOptions& options) {
  return std::make_unique<AgNewsReader>(std::move(source), options);
}

std::unique_ptr<DocumentReader> MakeCsvDocumentReader(std::unique_ptr<ByteSource> source,
                                                      const FileDatasetOptions& options) {
  return std::make_unique<CsvDocumentReader>(std::move(source), options);
}

}  // namespace embstore
