// SPDX-License-Identifier: Apache-2.0
#include "engine/dataset/document_readers.h"

#include <utility>

namespace embstore {

Result<bool> FileDocumentReader::Next(Document* document) {
  if (!failure_.ok()) return failure_;
  if (ended_) return false;
  *document = Document();
  document->position = position_;
  document->id = position_id_.Of(position_);
  Result<bool> read = Read(document);
  if (!read.ok()) {
    failure_ = read.status();
  } else if (read.value()) {
    ++position_;
  } else {
    ended_ = true;
  }
  return read;
}

std::unique_ptr<DocumentReader> MakeDocumentReader(std::unique_ptr<ByteSource> source,
                                                   const FileDatasetOptions& options) {
  switch (options.format) {
    case DatasetFormat::kCsv:
      return MakeCsvDocumentReader(std::move(source), options);
    case DatasetFormat::kJsonl:
      return MakeJsonlReader(std::move(source), options);
    case DatasetFormat::kAgNews:
      break;
  }
  return MakeAgNewsReader(std::move(source), options);
}

}  // namespace embstore
