// SPDX-License-Identifier: Apache-2.0
// The interpreter's lock around calls of the engine.
#pragma once

#include <cxxabi.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>

namespace embstore::python {

/// Lets other Python threads run while it lives. REQUIRES: the caller holds the lock.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

  ~GilReleased() {
    try {
      PyEval_RestoreThread(state_);
    } catch (abi::__forced_unwind&) {
      // The interpreter has ended and unwinds the daemon threads that come back. Unwinding through
      // C++ would end in std::terminate, so this one waits for the end of the process.
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }

 private:
  PyThreadState* const state_;
};

}  // namespace embstore::python
