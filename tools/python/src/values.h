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

/// A float32 array of two dimensions in C order. Keeps the array's memory where it is.
class Matrix {
 public:
  /// kInvalidArgument: another type or layout, or not writable where `writable`.
  Matrix(const pybind11::buffer& buffer, bool writable);

  std::size_t rows() const { return static_cast<std::size_t>(info_.shape[0]); }
  std::size_t columns() const { return static_cast<std::size_t>(info_.shape[1]); }
  std::span<float> values() const { return {static_cast<float*>(info_.ptr), rows() * columns()}; }

 private:
  pybind11::buffer_info info_;
};

/// The strings of a list or tuple. TypeError: one is no str. UnicodeEncodeError: one cannot be
/// UTF-8.
std::vector<std::string> Strings(const pybind11::handle& sequence);

/// int where the label is an integer, else str or None; as the command's JSON has it.
pybind11::object LabelObject(const std::optional<std::string>& label);

}  // namespace embstore::python
