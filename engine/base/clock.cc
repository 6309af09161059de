// SPDX-License-Identifier: Apache-2.0
#include "embstore/clock.h"

#include <algorithm>
#include <thread>

namespace embstore {
namespace {

class MachineClock final : public Clock {
 public:
  std::chrono::nanoseconds Monotonic() override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  std::int64_t WallMicros() override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }

  bool SleepFor(std::chrono::nanoseconds duration, const StopFlag* stop) override {
    constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(50);
    const auto start = Monotonic();
    for (;;) {
      if (stop != nullptr && stop->load()) return false;
      const auto left = duration - (Monotonic() - start);  // No overflow, however long.
      if (left <= std::chrono::nanoseconds::zero()) return true;
      std::this_thread::sleep_for(std::min(left, kSlice));
    }
  }
};

}  // namespace

Clock& SystemClock() {
  static MachineClock clock;
  return clock;
}

}  // namespace embstore
