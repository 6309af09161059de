// SPDX-License-Identifier: Apache-2.0
// Time that passes only when somebody waits, and remembers every wait.
#pragma once

#include <mutex>
#include <vector>

#include "embstore/clock.h"

namespace embstore::testing {

class FakeClock final : public Clock {
 public:
  std::chrono::nanoseconds Monotonic() override {
    const std::lock_guard<std::mutex> guard(mutex_);
    return now_;
  }
  std::int64_t WallMicros() override {
    const std::lock_guard<std::mutex> guard(mutex_);
    return 1'800'000'000'000'000 + now_.count() / 1000;
  }
  bool SleepFor(std::chrono::nanoseconds duration, const StopFlag* stop) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (stop != nullptr && stop->load()) return false;
    if (duration.count() <= 0) return true;
    now_ += duration;
    waits_.push_back(duration);
    return true;
  }

  void Advance(std::chrono::nanoseconds duration) {
    const std::lock_guard<std::mutex> guard(mutex_);
    now_ += duration;
  }
  std::vector<double> WaitsInSeconds() {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::vector<double> seconds;
    for (const auto wait : waits_) seconds.push_back(std::chrono::duration<double>(wait).count());
    return seconds;
  }

 private:
  std::mutex mutex_;
  std::chrono::nanoseconds now_{std::chrono::hours(1)};
  std::vector<std::chrono::nanoseconds> waits_;
};

}  // namespace embstore::testing
