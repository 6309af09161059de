// SPDX-License-Identifier: Apache-2.0
#include "engine/base/crash_point.h"

#ifdef EMBSTORE_CRASH_POINTS

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

namespace embstore {
namespace {

// In the order in which they are passed.
constexpr auto kNames = std::to_array<std::string_view>({
    // A batch job, or a call.
    "job-file-written",
    "intent-planned",
    "intent-written",
    "upload-answered",
    "upload-recorded",
    "creation-recorded",
    "creation-answered",
    "created-recorded",
    "result-downloaded",
    "call-answered",
    "commit-begins",
    "commit-stored",
    "commit-recorded",
    "job-stored",
    "job-ended",
    "job-removed",
    // Answers that no commit can store.
    "reserve-taken",
    "reply-kept",
    "kept-stored",
    "kept-removed",
    // A store, its ledger and its lists.
    "store-begun",
    "store-made",
    "store-renamed",
    "store-flushed",
    "ledger-absent",
    "ledger-created",
    "ledger-caught-up",
    "list-written",
    "list-published",
    // `search`
    "question-stored",
    // `import`
    "import-checked",
    "import-listed",
    "import-stored",
    // `export`
    "export-part-sealed",
    "export-metadata-sealed",
    "export-metadata-removed",
    "export-removal-synced",
    "export-part-renamed",
    "export-parts-synced",
    "export-metadata-renamed",
    // `gc`
    "gc-forgotten",
    "gc-planned",
    "gc-recorded",
    "gc-stored",
    "gc-compacts",
    // `recover`
    "recover-built",
    "recover-planned",
    "recover-set-aside",
    "recover-swapped",
    "recover-given-up",
});

std::string armed_name;
std::atomic<int> passages_left{0};
int log_fd = -1;

}  // namespace

std::span<const std::string_view> CrashPointNames() { return kNames; }

bool ArmCrashPoint(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  int passage = 1;
  if (colon != std::string_view::npos) {
    const std::string_view number = spec.substr(colon + 1);
    std::from_chars(number.data(), number.data() + number.size(), passage);
  }
  armed_name = spec.substr(0, colon);
  passages_left = passage;
  return passage > 0 && std::find(kNames.begin(), kNames.end(), armed_name) != kNames.end();
}

bool LogCrashPoints(const char* path) {
  log_fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  return log_fd >= 0;
}

void PassCrashPoint(std::string_view name) {
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) std::abort();
  if (log_fd >= 0) {
    const std::string line = std::string(name) + '\n';
    if (::write(log_fd, line.data(), line.size()) < 0) std::abort();
  }
  if (name == armed_name && --passages_left == 0) std::raise(SIGKILL);
}

}  // namespace embstore

#endif
