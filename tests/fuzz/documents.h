// SPDX-License-Identifier: Apache-2.0
// What a dataset's bytes give, for the targets of datasets.
#pragma once

#include <optional>

#include "embstore/dataset.h"
#include "engine/dataset/document_readers.h"
#include "tests/fuzz/fuzzing.h"

namespace embstore::fuzz {

struct Row {
  std::uint64_t line;
  std::string id;
  std::string text;
  std::optional<std::string> label;
  bool operator==(const Row&) const = default;
};

struct Documents {
  std::vector<Row> rows;
  std::string error;
  bool operator==(const Documents&) const = default;
};

inline Documents ReadOnce(std::string_view bytes, std::size_t piece,
                          const FileDatasetOptions& options) {
  const auto reader = MakeDocumentReader(Pieces(bytes, piece), options);
  Documents documents;
  Document document;
  for (;;) {
    const Result<bool> more = reader->Next(&document);
    if (!more.ok()) {
      CheckMessage(more.status());
      FUZZ_CHECK(more.code() == Code::kInvalidArgument);
      FUZZ_CHECK(more.status().message().starts_with("f:"));
      documents.error = more.status().message();
      return documents;
    }
    if (!*more) return documents;
    FUZZ_CHECK(document.position == documents.rows.size());
    FUZZ_CHECK(IsUtf8(document.text) && document.text.find('\0') == std::string_view::npos);
    FUZZ_CHECK(document.text.size() <= 2 * options.max_record_bytes);
    FUZZ_CHECK(IsUtf8(document.id) && !document.id.empty() && document.id.size() <= 512);
    FUZZ_CHECK(!document.label || IsUtf8(*document.label));
    FUZZ_CHECK(documents.rows.empty() || document.line > documents.rows.back().line);
    std::optional<std::string> label;
    if (document.label) label = std::string(*document.label);
    documents.rows.push_back(
        {document.line, std::string(document.id), std::string(document.text), label});
  }
}

/// The same however the bytes are cut.
inline Documents ReadDocuments(std::string_view bytes, FileDatasetOptions options) {
  options.path = "f";
  options.max_record_bytes = 2000;
  Documents whole = ReadOnce(bytes, kWhole, options);
  for (const std::size_t piece : kPieces) FUZZ_CHECK(ReadOnce(bytes, piece, options) == whole);
  return whole;
}

}  // namespace embstore::fuzz
