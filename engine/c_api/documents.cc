// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "engine/c_api/boundary.h"
#include "engine/c_api/handles.h"

using embstore::Code;
using embstore::DocumentInfo;
using embstore::Result;
using embstore::Status;
using embstore::c_api::CString;
using embstore::c_api::Make;
using embstore::c_api::Require;
using embstore::c_api::Run;
using embstore::c_api::View;

namespace {

embstore_document MakeDocument(DocumentInfo info) {
  std::string id = info.Id();
  return {std::move(info), std::move(id), std::nullopt};
}

}  // namespace

embstore_code embstore_find_document(const embstore_store* store, const embstore_split* split,
                                     embstore_string id, embstore_document** document,
                                     embstore_error** error) {
  return Make(document, error, [&]() -> Result<embstore_document> {
    Status given = Require({{store, "store"}, {split, "split"}, {id.data, "id"}});
    if (!given.ok()) return given;
    auto found = store->store->FindDocument(split->info, View(id));
    if (!found.ok()) return found.status();
    return MakeDocument(std::move(*found));
  });
}

embstore_code embstore_document_at(const embstore_store* store, const embstore_split* split,
                                   uint64_t position, embstore_document** document,
                                   embstore_error** error) {
  return Make(document, error, [&]() -> Result<embstore_document> {
    if (Status given = Require({{store, "store"}, {split, "split"}}); !given.ok()) return given;
    if (position >= split->info.record.documents) {
      return Status(Code::kNotFound, "split '" + split->info.name + "' has no document at " +
                                         std::to_string(position));
    }
    embstore_document made;
    Status read = store->store->ForEachDocument(split->info, position, 1,
                                                [&](const DocumentInfo& info) -> Status {
                                                  made = MakeDocument(info);
                                                  return {};
                                                });
    if (!read.ok()) return read;
    return made;
  });
}

uint64_t embstore_document_position(const embstore_document* document) {
  return document == nullptr ? 0 : document->info.position;
}

embstore_string embstore_document_id(const embstore_document* document) {
  return document == nullptr ? embstore_string{nullptr, 0} : CString(document->id);
}

embstore_string embstore_document_label(const embstore_document* document) {
  if (document == nullptr || !document->info.record.label) return {nullptr, 0};
  return CString(*document->info.record.label);
}

embstore_code embstore_document_text(const embstore_store* store, embstore_document* document,
                                     embstore_string* text, embstore_error** error) {
  return Run(error, [&]() -> Status {
    Status given = Require({{store, "store"}, {document, "document"}, {text, "text"}});
    if (!given.ok()) return given;
    if (!document->text) {
      auto read = store->store->GetText(document->info.record.text);
      if (!read.ok()) return read.status();
      document->text = std::move(*read);
    }
    *text = CString(*document->text);
    return {};
  });
}

void embstore_document_free(embstore_document* document) { delete document; }
