// SPDX-License-Identifier: Apache-2.0
// A Python function as a provider.
#pragma once

#include <pybind11/pybind11.h>

#include <span>
#include <string_view>

#include "embstore/provider.h"

namespace embstore::python {

/// Calls a function list[str] -> float32 (n, D) in C order, from whatever thread, holding the
/// interpreter's lock. Created and destroyed under that lock.
class FunctionProvider final : public Provider {
 public:
  struct Options {
    EmbeddingIdentity identity;
    ProviderLimits limits;
    bool paid = false;
  };

  FunctionProvider(pybind11::function function, Options options)
      : function_(std::move(function)), options_(std::move(options)) {}

  std::string_view name() const override { return "python"; }
  const EmbeddingIdentity& identity() const override { return options_.identity; }
  ProviderLimits limits() const override { return options_.limits; }
  bool paid() const override { return options_.paid; }

  /// An exception of ours is the error it stands for; any other one ends the run. If calls are
  /// paid, nobody knows then whether this one was billed.
  Result<EmbedReply> Embed(std::span<const std::string_view> texts) override;

 private:
  const pybind11::function function_;
  const Options options_;
};

}  // namespace embstore::python
