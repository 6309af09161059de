// SPDX-License-Identifier: Apache-2.0
// Time as a parameter, so that tests control it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "embstore/visibility.h"

namespace embstore {

/// Raised by the owner of a run to ask for a clean stop; a plain atomic so that a signal handler
/// may set it. Safe for concurrent use.
using StopFlag = std::atomic<bool>;

/// Safe for concurrent use.
class EMBSTORE_API Clock {
 public:
  virtual ~Clock() = default;

  /// Time that never jumps; its zero means nothing.
  virtual std::chrono::nanoseconds Monotonic() = 0;

  /// Microseconds since 1970-01-01T00:00:00Z. For people to read, never for ordering.
  virtual std::int64_t WallMicros() = 0;

  /// Waits for `duration`, or until `*stop` is set (checked at least every 50 ms). `stop` may be
  /// null. False when it was stopped.
  virtual bool SleepFor(std::chrono::nanoseconds duration, const StopFlag* stop) = 0;
};

/// The machine's clocks. Lives for ever.
EMBSTORE_API Clock& SystemClock();

}  // namespace embstore
