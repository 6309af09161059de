// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "embstore/provider.h"
#include "errors.h"
#include "function_provider.h"
#include "gil.h"
#include "values.h"

namespace embstore::python {
namespace py = pybind11;
using namespace py::literals;

namespace {

using ProviderPointer = std::shared_ptr<Provider>;

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

ProviderPointer MakeLocal(std::uint64_t seed, std::uint32_t dimensions) {
  return Take(MakeLocalProvider({seed, dimensions}));
}

/// What all options of network providers have under the same names.
template <typename Options>
Options CommonOptions(const std::string& api_key, const std::string& model,
                      std::uint32_t dimensions, const std::string& base_url,
                      std::optional<std::uint64_t> tokens_per_minute, double timeout,
                      const std::string& ca_file, const std::string& proxy) {
  Options options;
  options.api_key = Secret(api_key);
  options.model = model;
  options.dimensions = dimensions;
  if (!base_url.empty()) options.base_url = base_url;
  options.tokens_per_minute = tokens_per_minute;
  options.request_timeout = Milliseconds(timeout);
  options.ca_file = ca_file;
  options.proxy = proxy;
  return options;
}

ProviderPointer MakeGemini(const std::string& api_key, const std::string& model,
                           std::uint32_t dimensions, const std::string& base_url,
                           std::optional<std::uint64_t> tokens_per_minute, double timeout,
                           const std::string& ca_file, const std::string& proxy,
                           const std::string& task_type,
                           std::optional<std::uint64_t> texts_per_minute) {
  auto options = CommonOptions<GeminiOptions>(api_key, model, dimensions, base_url,
                                              tokens_per_minute, timeout, ca_file, proxy);
  options.task_type = task_type;
  options.texts_per_minute = texts_per_minute;
  return Take(MakeGeminiProvider(options));
}

ProviderPointer MakeOpenAi(const std::string& api_key, const std::string& model,
                           std::uint32_t dimensions, const std::string& base_url,
                           std::optional<std::uint64_t> tokens_per_minute, double timeout,
                           const std::string& ca_file, const std::string& proxy,
                           bool send_dimensions, std::uint32_t max_texts,
                           std::optional<std::uint64_t> requests_per_minute,
                           bool allow_plain_http) {
  auto options = CommonOptions<OpenAiOptions>(api_key, model, dimensions, base_url,
                                              tokens_per_minute, timeout, ca_file, proxy);
  options.send_dimensions = send_dimensions;
  options.max_texts = max_texts;
  options.requests_per_minute = requests_per_minute;
  options.allow_plain_http = allow_plain_http;
  return Take(MakeOpenAiProvider(options));
}

ProviderPointer MakeFunction(py::function function, const std::string& model,
                             std::uint32_t dimensions, const std::string& task_type,
                             std::uint32_t max_texts, std::uint32_t concurrency, bool paid) {
  FunctionProvider::Options options;
  options.identity = {model, dimensions, task_type, 1};
  options.limits.max_texts = max_texts;
  options.limits.concurrency = concurrency;
  options.paid = paid;
  return std::make_shared<FunctionProvider>(std::move(function), std::move(options));
}

/// Fills `out`, float32 (texts, D), in calls as large as the provider allows. One attempt each.
void Embed(Provider& provider, const py::list& list, const py::buffer& out) {
  const std::vector<std::string> texts = Strings(list);
  const Matrix matrix(out, /*writable=*/true);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const std::size_t dimensions = provider.identity().dimensions;
  if (matrix.rows() != texts.size() || matrix.columns() != dimensions) {
    Refuse("the array has another shape than the vectors");
  }
  const std::size_t most = std::max(provider.limits().max_texts, 1U);
  const Status embedded = [&]() -> Status {
    const GilReleased released;
    for (std::size_t first = 0; first < views.size(); first += most) {
      const std::size_t count = std::min(most, views.size() - first);
      auto reply = provider.Embed(std::span(views).subspan(first, count));
      if (!reply.ok()) return reply.status();
      if (reply->vectors.size() != count * dimensions) {
        return {Code::kInvalidReply, "the reply is not one vector for each text"};
      }
      std::copy(reply->vectors.begin(), reply->vectors.end(),
                matrix.values().subspan(first * dimensions).begin());
    }
    return {};
  }();
  Check(embedded);
}

}  // namespace

void BindProviders(py::module_& module) {
  py::class_<Provider, ProviderPointer>(module, "Provider")
      .def_property_readonly("name", [](const Provider& p) { return std::string(p.name()); })
      .def_property_readonly("model", [](const Provider& p) { return p.identity().model; })
      .def_property_readonly("dimensions",
                             [](const Provider& p) { return p.identity().dimensions; })
      .def_property_readonly("task_type", [](const Provider& p) { return p.identity().task_type; })
      .def_property_readonly("paid", &Provider::paid)
      .def_property_readonly("has_batch_jobs", [](Provider& p) { return p.batch() != nullptr; })
      .def("embed", &Embed);
  module.def("make_local", &MakeLocal);
  module.def("make_gemini", &MakeGemini);
  module.def("make_openai", &MakeOpenAi);
  module.def("make_function", &MakeFunction);
}

}  // namespace embstore::python
