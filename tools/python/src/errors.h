// SPDX-License-Identifier: Apache-2.0
// Status as Python exceptions, which embstore/errors.py defines.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embstore/status.h"

namespace embstore::python {

/// Becomes the exception of its code.
class StatusError : public std::exception {
 public:
  explicit StatusError(Status status, std::vector<std::string> ids = {})
      : status_(std::move(status)), ids_(std::move(ids)) {}

  const char* what() const noexcept override { return status_.message().c_str(); }
  const Status& status() const { return status_; }
  const std::vector<std::string>& ids() const { return ids_; }  ///< Documents that were not found.

 private:
  Status status_;
  std::vector<std::string> ids_;
};

inline void Check(const Status& status) {
  if (!status.ok()) throw StatusError(status);
}

template <typename T>
T Take(Result<T> result) {
  Check(result.status());
  return std::move(*result);
}

/// kInvalidArgument as an exception.
[[noreturn]] void Refuse(std::string message);

/// The exception object of an error.
pybind11::object MakeException(const Status& status, const std::vector<std::string>& ids = {});

/// The error that a Python exception stands for: its own when it is one of ours, else `fallback`.
Status FromException(const pybind11::error_already_set& error, Code fallback);

void RegisterErrors();

}  // namespace embstore::python
