// SPDX-License-Identifier: Apache-2.0
// The parts of the private module embstore._embstore. Its signatures stand in _embstore.pyi; users
// see the package around it.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "open_store.h"

namespace embstore::python {

using StoreClass = pybind11::class_<OpenStore, std::shared_ptr<OpenStore>>;

StoreClass BindStore(pybind11::module_& module);
void BindReading(StoreClass& store);
void BindExport(StoreClass& store);
void BindSearch(pybind11::module_& module, StoreClass& store);
void BindProviders(pybind11::module_& module);
void BindIngest(pybind11::module_& module, StoreClass& store);

}  // namespace embstore::python
