// SPDX-License-Identifier: Apache-2.0
#include "bindings.h"
#include "errors.h"

PYBIND11_MODULE(_embstore, module) {
  using namespace embstore::python;
  module.doc() = "The engine, for the package embstore alone.";
  module.attr("version") = EMBSTORE_VERSION;
  RegisterErrors();
  StoreClass store = BindStore(module);
  BindReading(store);
  BindExport(store);
  BindSearch(module, store);
  BindProviders(module);
  BindIngest(module, store);
}
