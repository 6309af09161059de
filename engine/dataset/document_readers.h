// SPDX-License-Identifier: Apache-2.0
// Documents from the bytes of a file, one reader for each format.
#pragma once

#include <memory>

#include "embstore/dataset.h"
#include "embstore/status.h"
#include "engine/dataset/byte_source.h"
#include "engine/dataset/document_id.h"

namespace embstore {

/// What the readers of all formats share: positions, default ids, and that an error or the end
/// stays. Not thread-safe; one thread at a time.
class FileDocumentReader : public DocumentReader {
 public:
  Result<bool> Next(Document* document) final;

 private:
  /// Fills line, text and label, and the id when the source has ids.
  virtual Result<bool> Read(Document* document) = 0;

  PositionId position_id_;
  std::uint64_t position_ = 0;
  bool ended_ = false;
  Status failure_;
};

/// A reader for `options.format`. REQUIRES: options that OpenFileDataset accepts.
std::unique_ptr<DocumentReader> MakeDocumentReader(std::unique_ptr<ByteSource> source,
                                                   const FileDatasetOptions& options);

std::unique_ptr<DocumentReader> MakeAgNewsReader(std::unique_ptr<ByteSource> source,
                                                 const FileDatasetOptions& options);
std::unique_ptr<DocumentReader> MakeCsvDocumentReader(std::unique_ptr<ByteSource> source,
                                                      const FileDatasetOptions& options);
std::unique_ptr<DocumentReader> MakeJsonlReader(std::unique_ptr<ByteSource> source,
                                                const FileDatasetOptions& options);

}  // namespace embstore
