// SPDX-License-Identifier: Apache-2.0
// Documents and where they come from: AG News files, CSV, JSONL, or the caller's own memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embstore/status.h"
#include "embstore/visibility.h"

namespace embstore {

/// One document of a split. The views are valid until the next call on the reader they came from.
struct Document {
  std::uint64_t position = 0;  ///< 0-based place in the split; the row of every export.
  std::uint64_t line = 0;      ///< 1-based first line in the source, 0 when it has no lines.
  std::string_view id;         ///< The decimal position when the source has no id field.
  std::string_view text;       ///< Valid UTF-8 without NUL; may be empty.
  std::optional<std::string_view> label;
};

/// Reads a split once, in order. Not thread-safe; one thread at a time.
class EMBSTORE_API DocumentReader {
 public:
  virtual ~DocumentReader() = default;

  /// Fills `*document` and answers true, or answers false at the end.
  /// kInvalidArgument: the source is malformed; the message names the file and the line.
  /// After an error or the end, every further call answers the same.
  virtual Result<bool> Next(Document* document) = 0;
};

/// Tells whether a source changed, without reading it again.
struct SourceStamp {
  std::uint64_t size_bytes = 0;
  std::int64_t modified_nanos = 0;
  std::int64_t changed_nanos = 0;
  std::uint64_t inode = 0;
  bool operator==(const SourceStamp&) const = default;
};

/// A source that can be read more than once with the same outcome. Safe for concurrent use.
class EMBSTORE_API Dataset {
 public:
  virtual ~Dataset() = default;

  virtual Result<std::unique_ptr<DocumentReader>> Open() const = 0;

  /// What to call the source in messages, e.g. its path.
  virtual std::string Name() const = 0;

  /// How documents are made from the source's bytes (format and fields). Another answer means
  /// other documents even when the bytes are the same.
  virtual std::string Layout() const = 0;

  /// False when ids are just positions.
  virtual bool HasIds() const = 0;

  /// Nothing when the source cannot tell (memory): it is then read at every ingest.
  virtual std::optional<SourceStamp> Stamp() const = 0;
};

enum class DatasetFormat {
  kAgNews,  ///< Headerless CSV: class, title, description; text = title + " " + description.
  kCsv,     ///< CSV with a header line; the fields are chosen by name.
  kJsonl,   ///< One JSON object a line; the fields are chosen by name.
};

/// "ag_news", "csv", "jsonl"; nothing for another word.
EMBSTORE_API std::optional<DatasetFormat> ParseDatasetFormat(std::string_view name);
EMBSTORE_API std::string_view DatasetFormatName(DatasetFormat format);

struct FileDatasetOptions {
  std::filesystem::path path;  ///< Plain, gzip or zstd; told apart by content, not by name.
  DatasetFormat format = DatasetFormat::kAgNews;
  std::vector<std::string> text_fields = {"text"};  ///< Joined by one space. csv and jsonl only.
  std::string id_field;     ///< Empty: the id is the position. csv and jsonl only.
  std::string label_field;  ///< Empty: no label. csv and jsonl only.
  /// A record (a CSV row, a JSON line) longer than this is an error. Bounds memory.
  std::size_t max_record_bytes = 16u << 20;
};

/// kNotFound: no such file. kInvalidArgument: not a regular file, or the options contradict
/// each other. The content is checked by reading it.
EMBSTORE_API Result<std::unique_ptr<Dataset>> OpenFileDataset(FileDatasetOptions options);

/// A document that owns its strings.
struct OwnedDocument {
  std::string id;  ///< Empty for all documents: ids are positions.
  std::string text;
  std::optional<std::string> label;
};

/// A dataset in memory. kInvalidArgument: some documents have an id and some have none.
EMBSTORE_API Result<std::unique_ptr<Dataset>> MakeMemoryDataset(
    std::vector<OwnedDocument> documents);

}  // namespace embstore
