// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <pybind11/stl.h>

namespace embstore::python {
namespace py = pybind11;

namespace {

Code CodeOf(std::string_view name, Code fallback) {
  for (int code = 1; code <= static_cast<int>(Code::kInternal); ++code) {
    if (CodeName(static_cast<Code>(code)) == name) return static_cast<Code>(code);
  }
  return fallback;
}

}  // namespace

void Refuse(std::string message) {
  throw StatusError(Status(Code::kInvalidArgument, std::move(message)));
}

py::object MakeException(const Status& status, const std::vector<std::string>& ids) {
  return py::module_::import("embstore.errors")
      .attr("make")(std::string(CodeName(status.code())), status.message(), ids);
}

Status FromException(const py::error_already_set& error, Code fallback) {
  const py::object base = py::module_::import("embstore.errors").attr("Error");
  if (!py::isinstance(error.value(), base)) return {fallback, error.what()};
  const Code code = CodeOf(py::cast<std::string>(error.value().attr("code")), fallback);
  Backoff backoff;
  const auto seconds = py::cast<double>(error.value().attr("retry_after"));
  backoff.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  return {code, py::cast<std::string>(py::str(error.value())), backoff};
}

void RegisterErrors() {
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const StatusError& error) {
      const py::object exception = MakeException(error.status(), error.ids());
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    }
  });
}

}  // namespace embstore::python
