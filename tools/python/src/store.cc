// SPDX-License-Identifier: Apache-2.0
// Opening a store, and what it has.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <string>
#include <vector>

#include "bindings.h"
#include "embstore/clock.h"
#include "embstore/overview.h"
#include "embstore/provider.h"

namespace embstore::python {
namespace py = pybind11;

namespace {

using StorePointer = std::shared_ptr<Store>;

std::shared_ptr<OpenStore> Open(const std::filesystem::path& directory, bool read_only, bool create,
                                bool store_texts, bool new_ledger,
                                std::uint64_t block_cache_bytes) {
  StoreOptions options;
  options.read_only = read_only;
  options.create_if_missing = create;
  options.store_texts = store_texts;
  options.new_ledger = new_ledger;
  options.block_cache_bytes = block_cache_bytes;
  return std::make_shared<OpenStore>(directory, std::move(options));
}

std::vector<SpaceInfo> SpacesOf(OpenStore& store, const SplitInfo& split) {
  return store.Use([&](const StorePointer& engine) { return engine->SpacesOf(split.name); });
}

std::string StatusJson(OpenStore& store) {
  return store.Use([](const StorePointer& engine) -> Result<std::string> {
    const auto overview = MakeOverview(*engine);
    if (!overview.ok()) return overview.status();
    return OverviewJson(*overview, SystemClock().WallMicros());
  });
}

void BindSplit(py::module_& module) {
  py::class_<SplitInfo>(module, "SplitInfo")
      .def_readonly("name", &SplitInfo::name)
      .def_property_readonly("documents", [](const SplitInfo& s) { return s.record.documents; })
      .def_property_readonly("unique_documents",
                             [](const SplitInfo& s) { return s.record.unique_documents; })
      .def_property_readonly("dataset", [](const SplitInfo& s) { return s.record.dataset; })
      .def_property_readonly("source", [](const SplitInfo& s) { return s.record.source; })
      .def_property_readonly("generation", [](const SplitInfo& s) { return s.record.generation; });
}

void BindSpace(py::module_& module) {
  const auto identity = [](const SpaceInfo& space) { return space.record.identity; };
  py::class_<SpaceInfo>(module, "SpaceInfo")
      .def_property_readonly("id", [](const SpaceInfo& s) { return ToHex(s.id); })
      .def_property_readonly("provider", [](const SpaceInfo& s) { return s.record.provider; })
      .def_property_readonly("model", [=](const SpaceInfo& s) { return identity(s).model; })
      .def_property_readonly("dimensions",
                             [=](const SpaceInfo& s) { return identity(s).dimensions; })
      .def_property_readonly("task_type", [=](const SpaceInfo& s) { return identity(s).task_type; })
      .def_property_readonly("query_task_type", [=](const SpaceInfo& s) {
        return QueryIdentity(identity(s)).task_type;
      });
}

}  // namespace

StoreClass BindStore(py::module_& module) {
  BindSplit(module);
  BindSpace(module);
  StoreClass store(module, "OpenStore");
  store.def_static("open", &Open);
  store.def("close", &OpenStore::Close);
  store.def("refresh", &OpenStore::Refresh);
  store.def_property_readonly("closed", &OpenStore::closed);
  store.def_property_readonly("path", &OpenStore::directory);
  store.def_property_readonly("read_only", &OpenStore::read_only);
  store.def("id", [](OpenStore& s) {
    return s.Use([](const StorePointer& engine) { return Result<std::string>(engine->Id()); });
  });
  store.def("splits", [](OpenStore& s) {
    return s.Use([](const StorePointer& engine) { return engine->Splits(); });
  });
  store.def("spaces", [](OpenStore& s) {
    return s.Use([](const StorePointer& engine) { return engine->Spaces(); });
  });
  store.def("find_split", [](OpenStore& s, const std::string& name) {
    return s.Use([&](const StorePointer& engine) { return engine->FindSplit(name); });
  });
  store.def("spaces_of", &SpacesOf);
  store.def("status_json", &StatusJson);
  return store;
}

}  // namespace embstore::python
