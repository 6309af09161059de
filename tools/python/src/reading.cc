// SPDX-License-Identifier: Apache-2.0
// Documents and vectors of a split.
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings.h"
#include "embstore/store.h"
#include "embstore/vector.h"
#include "errors.h"
#include "open_store.h"
#include "values.h"

namespace embstore::python {
namespace py = pybind11;

namespace {

using StorePointer = std::shared_ptr<Store>;

constexpr std::uint64_t kChunkRows = 1024;

/// All documents of a split, in order.
Result<std::vector<DocumentInfo>> ListDocuments(const Store& store, const SplitInfo& split) {
  std::vector<DocumentInfo> documents;
  documents.reserve(split.record.documents);
  Status read =
      store.ForEachDocument(split, 0, split.record.documents, [&](const DocumentInfo& document) {
        documents.push_back(document);
        return Status();
      });
  if (!read.ok()) return read;
  return documents;
}

/// Documents by id; ids that there are not go to `missing`.
Result<std::vector<DocumentInfo>> FindDocuments(const Store& store, const SplitInfo& split,
                                                const std::vector<std::string>& ids,
                                                std::vector<std::string>* missing) {
  std::vector<DocumentInfo> documents;
  documents.reserve(ids.size());
  for (const std::string& id : ids) {
    auto document = store.FindDocument(split, id);
    if (document.ok()) {
      documents.push_back(std::move(*document));
    } else if (document.code() == Code::kNotFound) {
      missing->push_back(id);
    } else {
      return document.status();
    }
  }
  return documents;
}

/// What to say of ids that are not there.
StatusError MissingError(const SplitInfo& split, const std::string& what,
                         std::vector<std::string> ids) {
  constexpr std::size_t kListed = 10;
  std::string message = "split '" + split.name + "': " + what;
  for (std::size_t i = 0; i < ids.size() && i < kListed; ++i) {
    message += (i == 0 ? " '" : ", '") + ids[i] + "'";
  }
  if (ids.size() > kListed) message += ", ... (" + std::to_string(ids.size()) + " in all)";
  return StatusError(Status(Code::kNotFound, std::move(message)), std::move(ids));
}

void Normalize(std::span<float> rows, std::size_t dimensions) {
  for (std::size_t begin = 0; begin < rows.size(); begin += dimensions) {
    NormalizeL2(rows.subspan(begin, dimensions));
  }
}

/// The documents that `ids` name, all of them.
std::vector<DocumentInfo> DocumentsOf(OpenStore& store, const SplitInfo& split,
                                      const std::vector<std::string>& ids) {
  std::vector<std::string> missing;
  auto documents = store.Use(
      [&](const StorePointer& engine) { return FindDocuments(*engine, split, ids, &missing); });
  if (!missing.empty()) throw MissingError(split, "there is no document", std::move(missing));
  return documents;
}

void ReadByIds(OpenStore& store, const SplitInfo& split, const SpaceInfo& space,
               const py::list& id_list, const py::buffer& out, bool normalize) {
  const std::vector<std::string> ids = Strings(id_list);
  const Matrix matrix(out, /*writable=*/true);
  const std::size_t dimensions = space.record.identity.dimensions;
  if (matrix.rows() != ids.size() || matrix.columns() != dimensions) {
    Refuse("the array has another shape than the vectors");
  }
  std::vector<std::string> unknown;
  const std::vector<bool> found = store.Use([&](const StorePointer& engine) {
    const auto documents = FindDocuments(*engine, split, ids, &unknown);
    if (!documents.ok()) return Result<std::vector<bool>>(documents.status());
    if (!unknown.empty()) return Result(std::vector<bool>());
    std::vector<TextKey> texts;
    texts.reserve(documents->size());
    for (const DocumentInfo& document : *documents) texts.push_back(document.record.text);
    auto read = engine->GetVectors(space.id, texts, matrix.values());
    if (read.ok() && normalize) Normalize(matrix.values(), dimensions);
    return read;
  });
  if (!unknown.empty()) throw MissingError(split, "there is no document", std::move(unknown));
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!found[i]) missing.push_back(ids[i]);
  }
  if (!missing.empty()) throw MissingError(split, "no vector for", std::move(missing));
}

/// Fills the rows of the texts that have a vector under this identity; answers which those are.
std::vector<bool> Lookup(OpenStore& store, const std::string& model, std::uint32_t dimensions,
                         const std::string& task_type, const py::list& text_list,
                         const py::buffer& out, bool normalize) {
  std::vector<TextKey> texts;
  for (const std::string& text : Strings(text_list)) texts.push_back(MakeTextKey(text));
  const Matrix matrix(out, /*writable=*/true);
  if (matrix.rows() != texts.size() || matrix.columns() != dimensions) {
    Refuse("the array has another shape than the vectors");
  }
  const SpaceId space = MakeSpaceId({model, dimensions, task_type, 1});
  return store.Use([&](const StorePointer& engine) {
    auto found = engine->GetVectors(space, texts, matrix.values());
    for (std::size_t i = 0; found.ok() && normalize && i < texts.size(); ++i) {
      if ((*found)[i]) NormalizeL2(matrix.values().subspan(i * dimensions, dimensions));
    }
    return found;
  });
}

/// Reads the vectors of a whole split into `out`; rows without one become NaN. Answers the ids of
/// those.
Result<std::vector<std::string>> ReadRows(const Store& store, const SplitInfo& split,
                                          const SpaceInfo& space, std::span<float> out,
                                          bool normalize) {
  const std::size_t dimensions = space.record.identity.dimensions;
  std::vector<std::string> missing;
  std::vector<TextKey> texts;
  for (std::uint64_t first = 0; first < split.record.documents; first += kChunkRows) {
    texts.clear();
    std::vector<std::string> ids;
    Status listed = store.ForEachDocument(split, first, kChunkRows, [&](const DocumentInfo& d) {
      texts.push_back(d.record.text);
      ids.push_back(d.Id());
      return Status();
    });
    if (!listed.ok()) return listed;
    const auto rows = out.subspan(first * dimensions, texts.size() * dimensions);
    auto found = store.GetVectors(space.id, texts, rows);
    if (!found.ok()) return found.status();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if ((*found)[i]) continue;
      const auto row = rows.subspan(i * dimensions, dimensions);
      std::fill(row.begin(), row.end(), std::numeric_limits<float>::quiet_NaN());
      missing.push_back(std::move(ids[i]));
    }
    if (normalize) Normalize(rows, dimensions);
  }
  return missing;
}

void ReadSplit(OpenStore& store, const SplitInfo& split, const SpaceInfo& space,
               const py::buffer& out, bool normalize, bool allow_missing) {
  const Matrix matrix(out, /*writable=*/true);
  if (matrix.rows() != split.record.documents ||
      matrix.columns() != space.record.identity.dimensions) {
    Refuse("the array has another shape than the vectors");
  }
  std::vector<std::string> missing = store.Use([&](const StorePointer& engine) {
    return ReadRows(*engine, split, space, matrix.values(), normalize);
  });
  if (!missing.empty() && !allow_missing) {
    throw MissingError(split, "no vector for", std::move(missing));
  }
}

/// ids and labels, one list each.
py::tuple ListSplit(OpenStore& store, const SplitInfo& split) {
  const auto documents =
      store.Use([&](const StorePointer& engine) { return ListDocuments(*engine, split); });
  py::list ids(documents.size());
  py::list labels(documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    ids[i] = py::str(documents[i].Id());
    labels[i] = LabelObject(documents[i].record.label);
  }
  return py::make_tuple(ids, labels);
}

using Texts = std::vector<std::optional<std::string>>;

/// The texts of documents; none where only the vector was stored.
Result<Texts> ReadTexts(const Store& store, const std::vector<DocumentInfo>& documents) {
  Texts texts;
  texts.reserve(documents.size());
  for (const DocumentInfo& document : documents) {
    auto text = store.GetText(document.record.text);
    if (!text.ok() && text.code() != Code::kNotFound) return text.status();
    texts.push_back(text.ok() ? std::optional(std::move(*text)) : std::nullopt);
  }
  return texts;
}

/// Documents as tuples (position, id, label, text).
py::list DocumentTuples(const std::vector<DocumentInfo>& documents, const Texts& texts) {
  py::list tuples(documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    tuples[i] = py::make_tuple(documents[i].position, documents[i].Id(),
                               LabelObject(documents[i].record.label), texts[i]);
  }
  return tuples;
}

py::list DocumentsByIds(OpenStore& store, const SplitInfo& split, const py::list& ids) {
  const std::vector<DocumentInfo> documents = DocumentsOf(store, split, Strings(ids));
  const Texts texts =
      store.Use([&](const StorePointer& engine) { return ReadTexts(*engine, documents); });
  return DocumentTuples(documents, texts);
}

py::list DocumentsByPositions(OpenStore& store, const SplitInfo& split,
                              const std::vector<std::uint64_t>& positions) {
  std::vector<DocumentInfo> documents;
  const Texts texts = store.Use([&](const StorePointer& engine) -> Result<Texts> {
    for (const std::uint64_t position : positions) {
      Status read = engine->ForEachDocument(split, position, 1, [&](const DocumentInfo& document) {
        documents.push_back(document);
        return Status();
      });
      if (!read.ok()) return read;
    }
    return ReadTexts(*engine, documents);
  });
  return DocumentTuples(documents, texts);
}

Texts AllTexts(OpenStore& store, const SplitInfo& split) {
  return store.Use([&](const StorePointer& engine) -> Result<Texts> {
    auto documents = ListDocuments(*engine, split);
    if (!documents.ok()) return documents.status();
    return ReadTexts(*engine, *documents);
  });
}

}  // namespace

void BindReading(StoreClass& store) {
  store.def("read_ids", &ReadByIds);
  store.def("read_split", &ReadSplit);
  store.def("lookup", &Lookup);
  store.def("list_split", &ListSplit);
  store.def("documents", &DocumentsByIds);
  store.def("documents_at", &DocumentsByPositions);
  store.def("texts", &AllTexts);
}

}  // namespace embstore::python
