// SPDX-License-Identifier: Apache-2.0
#include "values.h"

#include <charconv>
#include <string_view>

#include "errors.h"

namespace embstore::python {
namespace py = pybind11;

namespace {

/// What the buffer protocol calls T; integers have two names.
template <typename T>
constexpr std::string_view kFormats = "";
template <>
constexpr std::string_view kFormats<float> = "f";
template <>
constexpr std::string_view kFormats<bool> = "?";
template <>
constexpr std::string_view kFormats<std::int64_t> = "lq";

bool IsCOrder(const py::buffer_info& info) {
  py::ssize_t stride = info.itemsize;
  for (py::ssize_t i = info.ndim; i-- > 0; stride *= info.shape[i]) {
    if (info.shape[i] != 1 && info.strides[i] != stride && info.size > 0) return false;
  }
  return true;
}

}  // namespace

template <typename T>
Array<T>::Array(const py::buffer& buffer, std::size_t dimensions, bool writable)
    : info_(buffer.request(writable)) {
  const bool is_type = info_.itemsize == sizeof(T) && info_.format.size() == 1 &&
                       kFormats<T>.find(info_.format[0]) != std::string_view::npos;
  if (!is_type || info_.ndim != static_cast<py::ssize_t>(dimensions) || !IsCOrder(info_)) {
    Refuse("an array has another type, layout or number of dimensions than this call needs");
  }
}

template class Array<float>;
template class Array<bool>;
template class Array<std::int64_t>;

std::string String(const py::handle& item, std::size_t index) {
  if (!PyUnicode_Check(item.ptr())) {
    throw py::type_error("item " + std::to_string(index) + " is " + Py_TYPE(item.ptr())->tp_name +
                         ", not str");
  }
  py::ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(item.ptr(), &size);
  if (bytes == nullptr) throw py::error_already_set();
  return {bytes, static_cast<std::size_t>(size)};
}

std::vector<std::string> Strings(const py::handle& sequence) {
  std::vector<std::string> strings;
  strings.reserve(py::len_hint(sequence));
  for (const py::handle item : sequence) strings.push_back(String(item, strings.size()));
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
