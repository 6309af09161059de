// SPDX-License-Identifier: Apache-2.0
// An OpenAI-compatible server on a transport of the caller's choice.
#pragma once

#include <memory>

#include "embstore/provider.h"
#include "engine/http/transport.h"

namespace embstore {

/// As MakeOpenAiProvider(options), but requests go through `transport`, which must allow as many
/// Sends at the same time as `options.concurrency`.
Result<std::unique_ptr<Provider>> MakeOpenAiProvider(const OpenAiOptions& options,
                                                     std::unique_ptr<HttpTransport> transport);

}  // namespace embstore
