// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "embstore/dataset.h"
#include "engine/base/text.h"
#include "engine/dataset/document_id.h"

namespace embstore {
namespace {

using Documents = std::shared_ptr<const std::vector<OwnedDocument>>;

bool HaveIds(const std::vector<OwnedDocument>& documents) {
  return !documents.empty() && !documents.front().id.empty();
}

class MemoryReader final : public DocumentReader {
 public:
  explicit MemoryReader(Documents documents) : documents_(std::move(documents)) {}

  Result<bool> Next(Document* document) override {
    if (position_ == documents_->size()) return false;
    const OwnedDocument& owned = (*documents_)[position_];
    *document = Document();
    document->position = position_;
    document->id = HaveIds(*documents_) ? std::string_view(owned.id) : position_id_.Of(position_);
    document->text = owned.text;
    document->label = owned.label;
    ++position_;
    return true;
  }

 private:
  const Documents documents_;
  PositionId position_id_;
  std::size_t position_ = 0;
};

class MemoryDataset final : public Dataset {
 public:
  explicit MemoryDataset(std::vector<OwnedDocument> documents)
      : documents_(std::make_shared<const std::vector<OwnedDocument>>(std::move(documents))) {}

  Result<std::unique_ptr<DocumentReader>> Open() const override {
    return std::unique_ptr<DocumentReader>(std::make_unique<MemoryReader>(documents_));
  }
  std::string Name() const override { return "memory"; }
  std::string Layout() const override { return "memory"; }
  bool HasIds() const override { return HaveIds(*documents_); }
  std::optional<SourceStamp> Stamp() const override { return std::nullopt; }

 private:
  const Documents documents_;
};

bool IsText(std::string_view text) {
  return text.find('\0') == std::string_view::npos &&
         FindInvalidUtf8(text) == std::string_view::npos;
}

/// Why `document` cannot be part of a dataset, or "".
std::string Problem(const OwnedDocument& document, bool has_ids) {
  if (document.id.empty() == has_ids) {
    return "some documents have an id and some have none; give all of them one, or none";
  }
  if (!IsText(document.id)) return "the id is not UTF-8 without NUL; convert it";
  if (!IsText(document.text)) return "the text is not UTF-8 without NUL; convert it";
  if (document.label && !IsText(*document.label)) {
    return "the label is not UTF-8 without NUL; convert it";
  }
  return has_ids ? IdProblem(document.id) : "";
}

}  // namespace

Result<std::unique_ptr<Dataset>> MakeMemoryDataset(std::vector<OwnedDocument> documents) {
  const bool has_ids = HaveIds(documents);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string problem = Problem(documents[i], has_ids);
    if (!problem.empty()) {
      return Status(Code::kInvalidArgument, "document " + std::to_string(i) + ": " + problem);
    }
  }
  return std::unique_ptr<Dataset>(std::make_unique<MemoryDataset>(std::move(documents)));
}

}  // namespace embstore
