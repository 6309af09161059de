// SPDX-License-Identifier: Apache-2.0
#include "embstore/export.h"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <string>

#include "bindings.h"

namespace embstore::python {
namespace py = pybind11;
using namespace py::literals;

namespace {

MissingPolicy ParseMissing(const std::string& word) {
  if (word == "fail") return MissingPolicy::kFail;
  if (word == "skip") return MissingPolicy::kSkip;
  if (word == "nan") return MissingPolicy::kNan;
  Refuse("missing is 'fail', 'skip' or 'nan', not '" + word + "'");
}

ExportFormat ParseFormat(const std::string& word) {
  if (word == "npy") return ExportFormat::kNpy;
  if (word == "arrow") return ExportFormat::kArrow;
  Refuse("format is 'npy' or 'arrow', not '" + word + "'");
}

py::dict Export(OpenStore& store, const std::string& split, const SpaceInfo& space,
                const std::filesystem::path& directory, const std::string& format,
                const std::string& missing, std::uint32_t dimensions, bool normalize, bool verify) {
  ExportOptions options;
  options.split = split;
  options.space = space.id;
  options.output_dir = directory;
  options.format = ParseFormat(format);
  options.missing = ParseMissing(missing);
  options.dimensions = dimensions;
  options.normalize = normalize;
  options.verify = verify;
  const ExportReport report = store.Use(
      [&](const std::shared_ptr<Store>& engine) { return ExportSplit(*engine, options); });
  return py::dict("path"_a = report.path, "rows"_a = report.rows,
                  "dimensions"_a = report.dimensions, "missing"_a = report.missing,
                  "missing_ids"_a = report.missing_ids, "unchanged"_a = report.unchanged);
}

}  // namespace

void BindExport(StoreClass& store) { store.def("export", &Export); }

}  // namespace embstore::python
