// SPDX-License-Identifier: Apache-2.0
#include "signals.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

namespace embstore::tool {
namespace {

constexpr int kInterrupted = 130;

StopFlag stop{false};
static_assert(StopFlag::is_always_lock_free, "a signal handler sets it");

void Write(std::string_view text) {
  // Nothing can be done about an error inside a signal handler.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

void OnStopSignal(int /*signal*/) {
  if (stop.exchange(true)) {
    Write("\nstopped at once; what was in flight may have been paid for\n");
    ::_exit(kInterrupted);
  }
  Write("\nstopping: waiting for what is in flight (again: stop at once)\n");
}

}  // namespace

void IgnoreFileSizeSignal() { std::signal(SIGXFSZ, SIG_IGN); }

const StopFlag& InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  for (const int ignored : {SIGPIPE, SIGHUP}) std::signal(ignored, SIG_IGN);
  return stop;
}

void ProtectMemory() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::unsetenv("SSLKEYLOGFILE");  // Would write the secrets of TLS sessions to a file.
}

}  // namespace embstore::tool
