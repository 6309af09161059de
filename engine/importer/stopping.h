// SPDX-License-Identifier: Apache-2.0
// Ctrl-C before an import has stored anything.
#pragma once

#include "embstore/clock.h"
#include "embstore/status.h"

namespace embstore {

/// kCancelled, once `stop` is set; it may be null. Cheap enough for each row.
inline Status CheckNotStopped(const StopFlag* stop) {
  if (stop == nullptr || !stop->load(std::memory_order_relaxed)) return {};
  return {Code::kCancelled, "interrupted before anything was stored"};
}

}  // namespace embstore
