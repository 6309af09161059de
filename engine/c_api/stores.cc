// SPDX-License-Identifier: Apache-2.0
// Stores, splits and spaces.
#include <utility>

#include "engine/c_api/boundary.h"
#include "engine/c_api/handles.h"

using embstore::Code;
using embstore::Result;
using embstore::SpaceInfo;
using embstore::SplitInfo;
using embstore::Status;
using embstore::c_api::Make;
using embstore::c_api::ReadStruct;
using embstore::c_api::Require;
using embstore::c_api::Run;

namespace {

Result<embstore::StoreOptions> ReadOptions(const embstore_store_options* given) {
  embstore_store_options read;
  if (Status status = ReadStruct(given, &read); !status.ok()) return status;
  embstore::StoreOptions options;
  options.read_only = read.read_only != 0;
  options.create_if_missing = read.must_exist == 0;
  options.store_texts = read.without_text == 0;
  if (read.block_cache_bytes != 0) options.block_cache_bytes = read.block_cache_bytes;
  return options;
}

template <typename List>
auto At(const List* list, std::size_t index) {
  return list == nullptr || index >= list->items.size() ? nullptr : &list->items[index];
}

template <typename List>
std::size_t SizeOf(const List* list) {
  return list == nullptr ? 0 : list->items.size();
}

Result<SpaceInfo> FindSpace(const embstore::Store& store, const SplitInfo& split,
                            const char* model) {
  auto spaces = store.SpacesOf(split.name);
  if (!spaces.ok()) return spaces.status();
  if (model != nullptr) {
    std::erase_if(*spaces, [&](const SpaceInfo& s) { return s.record.identity.model != model; });
  }
  if (spaces->size() == 1) return std::move(spaces->front());
  const std::string whose = "split '" + split.name + "' has vectors " +
                            (model == nullptr ? "" : "of '" + std::string(model) + "' ");
  if (spaces->empty()) return Status(Code::kNotFound, whose + "in no space");
  return Status(Code::kInvalidArgument,
                whose + "in " + std::to_string(spaces->size()) + " spaces; choose one");
}

template <typename List, typename Info>
Result<List> MakeList(Result<std::vector<Info>> infos) {
  if (!infos.ok()) return infos.status();
  List list;
  for (Info& info : *infos) list.items.push_back({std::move(info)});
  return list;
}

}  // namespace

embstore_code embstore_open(const char* directory, const embstore_store_options* options,
                            embstore_store** store, embstore_error** error) {
  return Make(store, error, [&]() -> Result<embstore_store> {
    if (Status given = Require({{directory, "directory"}}); !given.ok()) return given;
    auto read = ReadOptions(options);
    if (!read.ok()) return read.status();
    auto opened = embstore::Store::Open(directory, *read);
    if (!opened.ok()) return opened.status();
    return embstore_store{std::move(*opened)};
  });
}

embstore_code embstore_close(embstore_store* store, embstore_error** error) {
  const std::unique_ptr<embstore_store> owned(store);
  return Run(error, [&] { return owned == nullptr ? Status() : owned->store->Close(); });
}

embstore_code embstore_list_splits(const embstore_store* store, embstore_split_list** list,
                                   embstore_error** error) {
  return Make(list, error, [&]() -> Result<embstore_split_list> {
    if (Status given = Require({{store, "store"}}); !given.ok()) return given;
    return MakeList<embstore_split_list>(store->store->Splits());
  });
}

size_t embstore_split_list_size(const embstore_split_list* list) { return SizeOf(list); }

const embstore_split* embstore_split_list_at(const embstore_split_list* list, size_t index) {
  return At(list, index);
}

void embstore_split_list_free(embstore_split_list* list) { delete list; }

embstore_code embstore_find_split(const embstore_store* store, const char* name,
                                  embstore_split** split, embstore_error** error) {
  return Make(split, error, [&]() -> Result<embstore_split> {
    if (Status given = Require({{store, "store"}, {name, "name"}}); !given.ok()) return given;
    auto found = store->store->FindSplit(name);
    if (!found.ok()) return found.status();
    return embstore_split{std::move(*found)};
  });
}

const char* embstore_split_name(const embstore_split* split) {
  return split == nullptr ? "" : split->info.name.c_str();
}

uint64_t embstore_split_documents(const embstore_split* split) {
  return split == nullptr ? 0 : split->info.record.documents;
}

uint64_t embstore_split_unique_documents(const embstore_split* split) {
  return split == nullptr ? 0 : split->info.record.unique_documents;
}

void embstore_split_free(embstore_split* split) { delete split; }

embstore_code embstore_list_spaces(const embstore_store* store, const embstore_split* split,
                                   embstore_space_list** list, embstore_error** error) {
  return Make(list, error, [&]() -> Result<embstore_space_list> {
    if (Status given = Require({{store, "store"}}); !given.ok()) return given;
    return MakeList<embstore_space_list>(
        split == nullptr ? store->store->Spaces() : store->store->SpacesOf(split->info.name));
  });
}

size_t embstore_space_list_size(const embstore_space_list* list) { return SizeOf(list); }

const embstore_space* embstore_space_list_at(const embstore_space_list* list, size_t index) {
  return At(list, index);
}

void embstore_space_list_free(embstore_space_list* list) { delete list; }

embstore_code embstore_find_space(const embstore_store* store, const embstore_split* split,
                                  const char* model, embstore_space** space,
                                  embstore_error** error) {
  return Make(space, error, [&]() -> Result<embstore_space> {
    if (Status given = Require({{store, "store"}, {split, "split"}}); !given.ok()) return given;
    auto found = FindSpace(*store->store, split->info, model);
    if (!found.ok()) return found.status();
    return embstore_space{std::move(*found)};
  });
}

uint64_t embstore_space_id(const embstore_space* space) {
  return space == nullptr ? 0 : space->info.id.value;
}

uint32_t embstore_space_dimensions(const embstore_space* space) {
  return space == nullptr ? 0 : space->info.record.identity.dimensions;
}

const char* embstore_space_model(const embstore_space* space) {
  return space == nullptr ? "" : space->info.record.identity.model.c_str();
}

const char* embstore_space_task_type(const embstore_space* space) {
  return space == nullptr ? "" : space->info.record.identity.task_type.c_str();
}

const char* embstore_space_provider(const embstore_space* space) {
  return space == nullptr ? "" : space->info.record.provider.c_str();
}

void embstore_space_free(embstore_space* space) { delete space; }
