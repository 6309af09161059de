// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace embstore::python {
namespace py = pybind11;

namespace {

Code CodeOf(std::string_view name, Code fallback) {
  for (int code = 1; code <= static_cast<int>(Code::kInternal); ++code) {
    if (CodeName(static_cast<Code>(code)) == name) return static_cast<Code>(code);
  }
  return fallback;
}

/// What the exception says, or "" where that fails or is no text.
std::string MessageOf(const py::object& exception) {
  try {
    return py::cast<std::string>(py::str(exception));
  } catch (const std::exception&) {
    return "";
  }
}

/// In place of what(), which goes on with a traceback.
std::string TypeAndMessage(const py::error_already_set& error) {
  const auto type = py::cast<std::string>(error.type().attr("__name__"));
  const std::string message = MessageOf(error.value());
  return message.empty() ? type : type + ": " + message;
}

/// Zero where the exception does not say a time that makes sense.
std::chrono::milliseconds RetryAfter(const py::handle& exception) {
  constexpr double kLongestSeconds = 24 * 3600;
  const py::object said = py::getattr(exception, "retry_after", py::none());
  const double seconds = PyFloat_AsDouble(said.ptr());
  if (PyErr_Occurred() != nullptr) PyErr_Clear();  // Not a number; `seconds` is -1.
  if (!std::isfinite(seconds)) return {};
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(std::clamp(seconds, 0.0, kLongestSeconds) * 1000));
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
  if (!py::isinstance(error.value(), base)) return {fallback, TypeAndMessage(error)};
  const py::object code = error.value().attr("code");
  Backoff backoff;
  backoff.retry_after = RetryAfter(error.value());
  return {py::isinstance<py::str>(code) ? CodeOf(py::cast<std::string>(code), fallback) : fallback,
          MessageOf(error.value()), backoff};
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
