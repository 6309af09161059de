// SPDX-License-Identifier: Apache-2.0
// Python values as C++ ones and back, without NumPy: arrays are taken by the buffer protocol, so
// that one build works with every version of NumPy.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace embstore::python {

/// An array of float, std::int64_t or bool in C order, taken where it lies.
template <typename T>
class Array {
 public:
  /// kInvalidArgument: another type, layout or number of dimensions, or not writable where
  /// `writable`.
  Array(const pybind11::buffer& buffer, std::size_t dimensions, bool writable);

  std::size_t size(std::size_t dimension) const {
    return static_cast<std::size_t>(info_.shape[dimension]);
  }
  std::span<T> values() const {
    return {static_cast<T*>(info_.ptr), static_cast<std::size_t>(info_.size)};
  }

 private:
  pybind11::buffer_info info_;
};

/// float32 (rows, columns).
class Matrix : public Array<float> {
 public:
  Matrix(const pybind11::buffer& buffer, bool writable) : Array(buffer, 2, writable) {}
  std::size_t rows() const { return size(0); }
  std::size_t columns() const { return size(1); }
};

/// The string of item `index` of a list. TypeError: it is no str. UnicodeEncodeError: it cannot be
/// UTF-8.
std::string String(const pybind11::handle& item, std::size_t index);

/// All strings of a list or tuple.
std::vector<std::string> Strings(const pybind11::handle& sequence);

/// int where the label is an integer, else str or None; as the command's JSON has it.
pybind11::object LabelObject(const std::optional<std::string>& label);

}  // namespace embstore::python
