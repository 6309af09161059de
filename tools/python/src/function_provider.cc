// SPDX-License-Identifier: Apache-2.0
#include "function_provider.h"

#include "errors.h"
#include "values.h"

namespace embstore::python {
namespace py = pybind11;

Result<EmbedReply> FunctionProvider::Embed(std::span<const std::string_view> texts) {
  const py::gil_scoped_acquire locked;
  try {
    py::list list(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      list[i] = py::str(texts[i].data(), texts[i].size());
    }
    const py::buffer rows = function_(std::move(list));
    const Matrix matrix(rows, /*writable=*/false);
    const std::span<const float> values = matrix.values();
    EmbedReply reply;
    reply.vectors.assign(values.begin(), values.end());
    return reply;
  } catch (const py::error_already_set& error) {
    return FromException(error, options_.paid ? Code::kInternal : Code::kInvalidArgument);
  } catch (const StatusError& error) {
    return error.status();
  }
}

}  // namespace embstore::python
