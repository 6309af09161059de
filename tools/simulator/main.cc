// SPDX-License-Identifier: Apache-2.0
// embstore-simulator: starts the server and runs until a signal or the time limit.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <thread>

#include "tools/simulator/http_server.h"
#include "tools/simulator/options.h"
#include "tools/simulator/service.h"

namespace {

using embstore::simulator::HttpReply;
using embstore::simulator::HttpRequest;
using embstore::simulator::HttpServer;
using embstore::simulator::Options;
using embstore::simulator::Service;
using embstore::simulator::TimePoint;

// Blocked before any thread starts, so that only WaitForStop sees them.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void WaitForStop(const sigset_t& signals, std::chrono::seconds max_run_time) {
  const auto deadline = std::chrono::steady_clock::now() + max_run_time;
  while (true) {
    timespec left{.tv_sec = 3600, .tv_nsec = 0};
    if (max_run_time.count() > 0) {
      const auto rest = deadline - std::chrono::steady_clock::now();
      if (rest.count() <= 0) return;
      left.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(rest).count();
      left.tv_nsec = std::chrono::nanoseconds(rest % std::chrono::seconds(1)).count();
    }
    if (sigtimedwait(&signals, nullptr, &left) > 0) return;
  }
}

TimePoint Now() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// A simulator that cannot keep its books is worse than none: tests would trust them.
HttpReply HandleOrDie(const HttpRequest& request, Service* service) {
  try {
    return service->Handle(request);
  } catch (const std::exception& error) {
    std::cerr << "embstore-simulator: " << error.what() << std::endl;
    _exit(EXIT_FAILURE);
  }
}

// A batch job ends, and is billed, also when nobody asks.
void AdvanceOrDie(Service* service) {
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  try {
    service->Advance();
  } catch (const std::exception& error) {
    std::cerr << "embstore-simulator: " << error.what() << std::endl;
    _exit(EXIT_FAILURE);
  }
}

// A reply takes megabytes. Handing them back to the system after each one costs a third of the
// time, in page faults.
void KeepFreedMemory() {
  constexpr int kMaxMmapThreshold = 32 << 20;
  constexpr int kTrimThreshold = 512 << 20;
  mallopt(M_MMAP_THRESHOLD, kMaxMmapThreshold);
  mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
}

void Run(const Options& options) {
  KeepFreedMemory();
  const sigset_t signals = BlockStopSignals();
  Service service(options, Now);
  {
    HttpServer server(options.port, options.threads, [&service](const HttpRequest& request) {
      return HandleOrDie(request, &service);
    });
    const std::jthread bookkeeper([&service](const std::stop_token& stop) {
      while (!stop.stop_requested()) AdvanceOrDie(&service);
    });
    std::cout << "listening on http://127.0.0.1:" << server.port() << std::endl;
    WaitForStop(signals, options.max_run_time);
  }
  std::cerr << "embstore-simulator: " << service.calls() << " calls, " << service.texts_billed()
            << " texts billed" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> status = embstore::simulator::ParseOptions(argc, argv, &options)) {
    return *status;
  }
  try {
    Run(options);
  } catch (const std::exception& error) {
    std::cerr << "embstore-simulator: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
