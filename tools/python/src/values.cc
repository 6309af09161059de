// SPDX-License-Identifier: Apache-2.0
#include "values.h"

#include <charconv>

#include "errors.h"

namespace embstore::python {
namespace py = pybind11;

namespace {

constexpr py::ssize_t kFloatBytes = sizeof(float);

bool IsFloat32(const py::buffer_info& info) {
  return info.itemsize == kFloatBytes && (info.format == "f" || info.format == "<f");
}

bool IsCOrder(const py::buffer_info& info) {
  if (info.shape[0] == 0 || info.shape[1] == 0) return true;
  return info.strides[1] == kFloatBytes && info.strides[0] == kFloatBytes * info.shape[1];
}

}  // namespace

Matrix::Matrix(const py::buffer& buffer, bool writable) : info_(buffer.request(writable)) {
  if (info_.ndim != 2 || !IsFloat32(info_) || !IsCOrder(info_)) {
    Refuse("the array is not float32 of two dimensions in C order");
  }
}

std::vector<std::string> Strings(const py::handle& sequence) {
  std::vector<std::string> strings;
  strings.reserve(py::len_hint(sequence));
  for (const py::handle item : sequence) {
    if (!PyUnicode_Check(item.ptr())) {
      throw py::type_error("item " + std::to_string(strings.size()) + " is " +
                           Py_TYPE(item.ptr())->tp_name + ", not str");
    }
    py::ssize_t size = 0;
    const char* const bytes = PyUnicode_AsUTF8AndSize(item.ptr(), &size);
    if (bytes == nullptr) throw py::error_already_set();
    strings.emplace_back(bytes, static_cast<std::size_t>(size));
  }
  return strings;
}

py::object LabelObject(const std::optional<std::string>& label) {
  if (!label) return py::none();
  std::int64_t integer = 0;
  const char* const end = label->data() + label->size();
  const auto parsed = std::from_chars(label->data(), end, integer);
  if (parsed.ec == std::errc() && parsed.ptr == end) return py::int_(integer);
  return py::str(*label);
}

}  // namespace embstore::python
