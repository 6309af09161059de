// SPDX-License-Identifier: Apache-2.0
// The documents of a split as the store has them.
#include <algorithm>
#include <utility>
#include <vector>

#include "embstore/import.h"
#include "engine/base/text.h"

namespace embstore {
namespace {

constexpr std::uint64_t kChunkDocuments = 256;

/// Not thread-safe; one thread at a time.
class StoredReader final : public DocumentReader {
 public:
  StoredReader(const Store& store, const SplitInfo& split) : store_(store), split_(split) {}

  Result<bool> Next(Document* document) override {
    if (!failure_.ok()) return failure_;
    if (next_ == chunk_.size()) {
      failure_ = ReadChunk();
      if (!failure_.ok()) return failure_;
    }
    if (next_ == chunk_.size()) return false;
    const DocumentInfo& info = chunk_[next_];
    id_ = info.Id();
    *document = Document();
    document->position = info.position;
    document->id = id_;
    document->text = texts_[next_++];
    if (info.record.label) document->label = *info.record.label;
    return true;
  }

 private:
  Status ReadChunk() {
    const std::uint64_t first = chunk_.empty() ? 0 : chunk_.back().position + 1;
    const std::uint64_t left = split_.record.documents - first;
    chunk_.clear();
    texts_.clear();
    next_ = 0;
    return store_.ForEachDocument(split_, first, std::min(left, kChunkDocuments),
                                  [this](const DocumentInfo& info) { return Add(info); });
  }

  Status Add(const DocumentInfo& info) {
    auto text = store_.GetText(info.record.text);
    if (text.code() == Code::kNotFound) {
      return {Code::kInvalidArgument, "the store does not keep the text of document '" +
                                          Printable(info.Id(), 80) + "' of split '" + split_.name +
                                          "': give the input file"};
    }
    if (!text.ok()) return text.status();
    chunk_.push_back(info);
    texts_.push_back(std::move(*text));
    return {};
  }

  const Store& store_;
  const SplitInfo& split_;
  std::vector<DocumentInfo> chunk_;
  std::vector<std::string> texts_;
  std::string id_;
  std::size_t next_ = 0;
  Status failure_;
};

/// Calls itself what the split's record calls its source, so that it is the list that is there.
class StoredDataset final : public Dataset {
 public:
  StoredDataset(const Store& store, SplitInfo split) : store_(store), split_(std::move(split)) {}

  Result<std::unique_ptr<DocumentReader>> Open() const override {
    return std::unique_ptr<DocumentReader>(std::make_unique<StoredReader>(store_, split_));
  }
  std::string Name() const override { return split_.record.source; }
  std::string Layout() const override { return split_.record.layout; }
  bool HasIds() const override { return split_.record.has_ids; }
  std::optional<SourceStamp> Stamp() const override {
    return SourceStamp{split_.record.source_bytes, split_.record.source_modified_nanos,
                       split_.record.source_changed_nanos, split_.record.source_inode};
  }

 private:
  const Store& store_;
  const SplitInfo split_;
};

}  // namespace

Result<std::unique_ptr<Dataset>> OpenStoredDataset(const Store& store, const std::string& split) {
  auto info = store.FindSplit(split);
  if (!info.ok()) return info.status();
  return std::unique_ptr<Dataset>(std::make_unique<StoredDataset>(store, std::move(*info)));
}

}  // namespace embstore
